package arch

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// decoders are what reads bytes from outside, and the fuzz targets that try it.
var decoders = map[string][]string{
	"module bytes":                  {"runtime/wasm.FuzzParse", "runtime/rewrite.FuzzRewrite", "runtime.FuzzInspect"},
	"what a guest computes":         {"runtime.FuzzPrograms", "runtime/rewrite.FuzzRewrittenPrograms", "runtime/image.FuzzReset"},
	"what a guest says":             {"runtime.FuzzDescription", "host.FuzzCall", "host.FuzzCleanLine", "task/wasm.FuzzReply", "runtime.FuzzBlocks"},
	"what a compiling child hears":  {"runtime/compile.FuzzReadJob"},
	"requests of JSON-RPC":          {"server.FuzzDecodeEnvelope", "server.FuzzScanner", "server.FuzzDecodeProto", "internal/a2ajson.FuzzDecode"},
	"requests of HTTP+JSON":         {"server.FuzzDecodeQuery", "server.FuzzFindResource", "server.FuzzDecodeQuery03"},
	"requests of gRPC":              {"server.FuzzCountValues", "server.FuzzCheckMessageValues"},
	"requests of 0.3, and answers":  {"server/v03.FuzzDecode", "server/v03.FuzzEncode", "internal/a2ajson.FuzzAppend"},
	"headers":                       {"server.FuzzHeaders", "server.FuzzPlainHost", "server.FuzzQuotedKeys", "server.FuzzRange", "server.FuzzPrefersHTML", "internal/telemetry.FuzzExtract"},
	"keys":                          {"tenant.FuzzAuthenticate"},
	"links, references and tokens":  {"server.FuzzLinks", "task.FuzzBlobRef", "task.FuzzPageToken"},
	"what is put on cards":          {"agent.FuzzOverrides"},
	"cards and key sets of others":  {"agent/signing.FuzzVerify"},
	"addresses and their answers":   {"internal/egress.FuzzCheckURL", "task/push.FuzzRetryAfter"},
	"files, as they are on disk":    {"task.FuzzRecords", "task.FuzzPushRecords", "storage.FuzzManifest", "storage.FuzzReadKey", "storage.FuzzKeyOrder", "internal/seal.FuzzOpen"},
	"backups":                       {"storage/badgerdb.FuzzBackupFile"},
	"configuration":                 {"cmd/carrel.FuzzConfigFile"},
	"what the host says to a guest": {"guests/go/internal/codec.FuzzReader", "guests/go/internal/codec.FuzzWriter"},
}

var fuzzTarget = regexp.MustCompile(`(?m)^func (Fuzz\w+)\(`)

// TestEveryDecoderHasItsFuzzTarget compares the list with the targets that there are.
func TestEveryDecoderHasItsFuzzTarget(t *testing.T) {
	t.Parallel()
	there := map[string]bool{}
	root := filepath.Join("..", "..")
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		source, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		folder, err := filepath.Rel(root, filepath.Dir(path))
		for _, m := range fuzzTarget.FindAllSubmatch(source, -1) {
			there[filepath.ToSlash(folder)+"."+string(m[1])] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for what, targets := range decoders {
		if len(targets) == 0 {
			t.Errorf("%s: no target", what)
		}
		for _, target := range targets {
			if !there[target] {
				t.Errorf("%s: there is no %s", what, target)
			}
			delete(there, target)
		}
	}
	for target := range there {
		t.Errorf("%s is a target of nothing in the list", target)
	}
}
