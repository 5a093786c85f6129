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
	"module bytes":                          {"runtime/wasm.FuzzParse", "runtime/rewrite.FuzzRewrite", "runtime.FuzzInspect", "runtime.FuzzMeta"},
	"what a guest computes":                 {"runtime.FuzzPrograms", "runtime/rewrite.FuzzRewrittenPrograms", "runtime/image.FuzzReset"},
	"what a guest says":                     {"runtime.FuzzDescription", "runtime.FuzzGuestCalls", "runtime.FuzzPluginCalls", "host.FuzzCall", "host.FuzzCleanLine", "task/wasm.FuzzReply", "task/wasm.FuzzPlainReply", "task/wasm.FuzzRequest", "runtime.FuzzBlocks"},
	"what a compiling child hears and says": {"runtime/compile.FuzzJob", "runtime/compile.FuzzReply"},
	"requests of JSON-RPC":                  {"server.FuzzDecodeEnvelope", "server.FuzzScanner", "server.FuzzDecodeProto", "internal/a2ajson.FuzzDecode"},
	"requests of HTTP+JSON":                 {"server.FuzzDecodeQuery", "server.FuzzFindResource", "server.FuzzDecodeQuery03", "server.FuzzAgentPath", "server.FuzzRestMedia"},
	"requests of gRPC":                      {"server.FuzzCountValues", "server.FuzzCheckMessageValues", "server.FuzzMetadata"},
	"requests of 0.3, and answers":          {"server/v03.FuzzDecode", "server/v03.FuzzEncode", "internal/a2ajson.FuzzAppend"},
	"headers":                               {"server.FuzzHost", "server.FuzzVersion", "server.FuzzExtensions", "server.FuzzConditions", "server.FuzzLastEventID", "server.FuzzQuotedKeys", "server.FuzzRange", "server.FuzzPrefersHTML", "server.FuzzClient", "server.FuzzBlobHeaders", "internal/telemetry.FuzzExtract"},
	"keys":                                  {"tenant.FuzzAuthenticate", "tenant.FuzzTokenID", "task/push.FuzzSecrets"},
	"links, references and tokens":          {"server.FuzzLink", "task.FuzzBlobRef", "task.FuzzPageToken", "task.FuzzPushToken"},
	"what is put on cards":                  {"agent.FuzzOverrides"},
	"cards and key sets of others":          {"agent/signing.FuzzVerify", "agent/signing.FuzzEncode", "cmd/carrel.FuzzForeignCard", "cmd/carrel.FuzzForeignKeys"},
	"what servers answer the command line":  {"cmd/carrel.FuzzForeignStream", "cmd/carrel.FuzzForeignTask", "cmd/carrel.FuzzProblem", "cmd/carrel.FuzzLogLine"},
	"addresses and their answers":           {"internal/egress.FuzzCheckURL", "internal/egress.FuzzMatchHost", "internal/egress.FuzzParseAllow", "internal/egress.FuzzReadBody", "internal/egress.FuzzSplitHostPort", "task/push.FuzzRetryAfter"},
	"records of tasks, as they are on disk": {"task.FuzzHead", "task.FuzzEvent", "task.FuzzLine", "task.FuzzOnce", "task.FuzzTurns", "task.FuzzOpenTasks", "task.FuzzPushConfig", "task.FuzzPushCursor"},
	"other files, as they are on disk":      {"agent.FuzzRecords", "agent.FuzzPlace", "agent/signing.FuzzKeyRecord", "tenant.FuzzKeyRecord", "runtime.FuzzRecent", "storage.FuzzManifest", "storage.FuzzReadKey", "storage.FuzzKeyOrder", "storage.FuzzCounter", "storage.FuzzLoose", "storage/badgerdb.FuzzFormat", "storage/badgerdb.FuzzTable", "internal/seal.FuzzOpen", "internal/seal.FuzzKeyFile"},
	"backups":                               {"storage/badgerdb.FuzzBackupFile", "storage/badgerdb.FuzzBackupItems"},
	"configuration":                         {"cmd/carrel.FuzzConfig", "cmd/carrel.FuzzByteSize"},
	"what the host says to a guest":         {"guests/go/internal/codec.FuzzReader", "guests/go/internal/codec.FuzzWriter"},
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
