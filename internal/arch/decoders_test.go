package arch

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// decoders are the functions that read what comes from outside, with the fuzz
// targets that give them anything. Both are of one package, unless a target names
// its own.
var decoders = map[string][]string{
	"agent.decoded.decode":     {"FuzzRecords"},
	"agent.readPlace":          {"FuzzPlace"},
	"agent.CardFields.problem": {"FuzzOverrides"},

	"agent/signing.decode":       {"FuzzVerify", "FuzzEncode"},
	"agent/signing.decodeSet":    {"FuzzVerify"},
	"agent/signing.parse":        {"FuzzVerify"},
	"agent/signing.decodeRecord": {"FuzzKeyRecord"},
	"agent/signing.parsePrivate": {"FuzzKeyRecord"},

	"cmd/carrel.parseConfig":     {"FuzzConfig"},
	"cmd/carrel.byteSize.Set":    {"FuzzByteSize"},
	"cmd/carrel.client.follow":   {"FuzzForeignStream"},
	"cmd/carrel.client.showTask": {"FuzzForeignTask"},
	"cmd/carrel.client.showCard": {"FuzzForeignCard"},
	"cmd/carrel.client.keysOf":   {"FuzzForeignKeys"},
	"cmd/carrel.client.problem":  {"FuzzProblem"},
	"cmd/carrel.client.logLine":  {"FuzzLogLine"},

	"host.readArtifact": {"FuzzQuick"},
	"host.readStatus":   {"FuzzQuick"},
	"host.decode":       {"FuzzCall"},
	"host.cleanLine":    {"FuzzCleanLine"},

	"internal/egress.CheckURL":      {"FuzzCheckURL"},
	"internal/egress.ParseAllow":    {"FuzzParseAllow"},
	"internal/egress.splitHostPort": {"FuzzSplitHostPort"},
	"internal/egress.matchHost":     {"FuzzMatchHost"},
	"internal/egress.ReadBody":      {"FuzzReadBody"},
	"internal/seal.Key.Open":        {"FuzzOpen"},
	"internal/seal.File":            {"FuzzKeyFile"},
	"internal/telemetry.Extract":    {"FuzzExtract"},

	"runtime.readDescription":      {"FuzzDescription"},
	"runtime.outline.readMeta":     {"FuzzMeta"},
	"runtime.pluginOf":             {"FuzzMeta"},
	"runtime.parseRecent":          {"FuzzRecent"},
	"runtime.Engine.Inspect":       {"FuzzInspect"},
	"runtime.kernel.alloc":         {"FuzzBlocks", "FuzzPluginCalls"},
	"runtime.envFunc.bind":         {"FuzzPluginCalls"},
	"runtime.userCall":             {"FuzzPluginCalls"},
	"runtime.wasiFunc.bind":        {"FuzzGuestCalls"},
	"runtime.instance.answer":      {"FuzzGuestCalls", "FuzzPrograms"},
	"runtime/compile.readJob":      {"FuzzJob"},
	"runtime/compile.Cache.answer": {"FuzzReply"},
	"runtime/image.Memory.Reset":   {"FuzzReset"},
	"runtime/rewrite.Rewrite":      {"FuzzRewrite", "FuzzRewrittenPrograms"},
	"runtime/wasm.Parse":           {"FuzzParse"},

	"server.Links.read":            {"FuzzLink"},
	"server.Server.acceptVersion":  {"FuzzVersion"},
	"server.Server.clientAddr":     {"FuzzClient"},
	"internal/a2ajson.Append":      {"FuzzAppend"},
	"internal/a2ajson.Decode":      {"FuzzDecode"},
	"server.attachment":            {"FuzzBlobHeaders"},
	"server.bearer":                {"FuzzClient"},
	"server.caller.negotiate":      {"FuzzExtensions"},
	"server.checkMessageValues":    {"FuzzCheckMessageValues"},
	"server.contentType":           {"FuzzBlobHeaders"},
	"server.countValues":           {"FuzzCountValues"},
	"server.decodeEnvelope":        {"FuzzDecodeEnvelope"},
	"server.decodeProto":           {"FuzzDecodeProto"},
	"server.decodeQuery":           {"FuzzDecodeQuery"},
	"server.decodeQuery03":         {"FuzzDecodeQuery03"},
	"server.envelope.decodeParams": {"FuzzDecodeEnvelope", "FuzzDecodeProto"},
	"server.findResource":          {"FuzzFindResource"},
	"server.grpcBinding.agentOf":   {"FuzzMetadata"},
	"server.grpcBinding.visitorOf": {"FuzzMetadata"},
	"server.hasTag":                {"FuzzConditions"},
	"server.hostname":              {"FuzzHost"},
	"server.scanner.document":      {"FuzzScanner"},
	"server.notSince":              {"FuzzConditions"},
	"server.parseRange":            {"FuzzRange"},
	"server.plainHost":             {"FuzzHost"},
	"server.prefersHTML":           {"FuzzPrefersHTML"},
	"server.restMedia":             {"FuzzRestMedia"},
	"server.seenOf":                {"FuzzLastEventID"},
	"server.splitAgentPath":        {"FuzzAgentPath"},
	"server.translation.decode":    {"server/v03.FuzzDecode"},
	"server.unquote":               {"FuzzQuotedKeys"},
	"server/v03.Append":            {"FuzzEncode"},
	"server/v03.Decode":            {"FuzzDecode"},
	"server/v03.ParseState":        {"server.FuzzDecodeQuery03"},
	"server/v03.decodeBase64":      {"FuzzDecode"},

	"storage.DecodeCounter":            {"FuzzCounter"},
	"storage.ReadKey":                  {"FuzzReadKey", "FuzzKeyOrder"},
	"storage.decodeBlob":               {"FuzzManifest"},
	"storage.readLoose":                {"FuzzLoose"},
	"storage/badgerdb.checkTable":      {"FuzzTable"},
	"storage/badgerdb.newBackupReader": {"FuzzBackupFile", "FuzzBackupItems"},
	"storage/badgerdb.parseFormat":     {"FuzzFormat"},

	"task.ParseBlobRef":     {"FuzzBlobRef"},
	"task.foldEvents":       {"FuzzFold"},
	"task.decodeEntry":      {"FuzzEvent"},
	"task.decodeHead":       {"FuzzHead"},
	"task.decodeLine":       {"FuzzLine"},
	"task.decodeOnce":       {"FuzzOnce"},
	"task.decodePushCursor": {"FuzzPushCursor"},
	"task.decodeTurns":      {"FuzzTurns"},
	"task.openPushItem":     {"FuzzPushConfig"},
	"task.query.readToken":  {"FuzzPageToken"},
	"task.readOpenTask":     {"FuzzOpenTasks"},
	"task.readPushToken":    {"FuzzPushToken"},
	"task.record.decode":    {"FuzzEvent"},
	"task/push.retryAfter":  {"FuzzRetryAfter"},
	"task/push.sign":        {"FuzzSecrets"},
	"task/wasm.read":        {"FuzzRequest"},
	"task/wasm.result":      {"FuzzReply"},
	"task/wasm.plain":       {"FuzzPlainReply"},
	"task/wasm.decode":      {"FuzzPlainReply"},

	"tenant.Keys.Authenticate": {"FuzzAuthenticate"},
	"tenant.getRecord":         {"FuzzKeyRecord"},
	"tenant.tokenID":           {"FuzzTokenID"},
}

// undecoded are called as decoders are, and read nothing that others wrote, or
// have encoding/json do it all.
var undecoded = map[string]string{
	"cmd/carrel.decodeReply":     "encoding/json does it all",
	"server.Server.parseLanding": "a setting, which the operator wrote",
	"server.Server.parseProxies": "a setting, which the operator wrote",
	"server.decodeError":         "an error, which we made",
}

// decoderName is how functions that decode are called: these have to be in one of
// the tables. What is called otherwise is in the table of decoders by hand.
var decoderName = regexp.MustCompile(`^([dD]ecode|[pP]arse)([A-Z0-9].*)?$`)

// unfuzzed are tools of developers: nobody else gives them anything.
var unfuzzed = regexp.MustCompile(`^(internal/(arch|bench|chromium|clients|faults|fuzz|gen|programs)|examples|.*test$)`)

func TestEveryDecoderHasAFuzzTarget(t *testing.T) {
	t.Parallel()
	all := packages(t)
	targets, functions := map[string]bool{}, map[string]bool{}
	for _, p := range all {
		addTargets(t, p, targets)
		addFunctions(p, functions)
	}
	used := map[string]bool{}
	for name, list := range decoders {
		if !functions[name] {
			t.Errorf("%s is in the table of decoders and not in the source", name)
		}
		for _, target := range list {
			target = qualified(name, target)
			if used[target] = true; !targets[target] {
				t.Errorf("%s has lost its fuzz target %s", name, target)
			}
		}
	}
	for _, target := range slices.Sorted(maps.Keys(targets)) {
		if !used[target] {
			t.Errorf("%s is of no decoder: say in the table which function it is for", target)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(functions)) {
		if decoderName.MatchString(name[strings.LastIndex(name, ".")+1:]) && decoders[name] == nil && undecoded[name] == "" {
			t.Errorf("%s has no fuzz target: write one and put both into the table of decoders", name)
		}
	}
	for name := range undecoded {
		if !functions[name] {
			t.Errorf("%s is in the table of what is no decoder and not in the source", name)
		}
	}
}

// qualified is a target with its package, which is the decoder's unless it has one.
func qualified(decoder, target string) string {
	if strings.Contains(target, ".") {
		return target
	}
	pkg, _, _ := strings.Cut(decoder, ".")
	return pkg + "." + target
}

// addTargets notes the fuzz targets of a package: "task.FuzzHead".
func addTargets(t *testing.T, p pkg, targets map[string]bool) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(p.Dir, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && strings.HasPrefix(f.Name.Name, "Fuzz") {
				targets[p.path()+"."+f.Name.Name] = true
			}
		}
	}
}

// addFunctions notes the functions of a package, "task.decodeHead", and its methods,
// "task.record.decode".
func addFunctions(p pkg, functions map[string]bool) {
	if unfuzzed.MatchString(p.path()) {
		return
	}
	for _, file := range p.files {
		for _, d := range file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			name := f.Name.Name
			if f.Recv != nil {
				name = receiver(f.Recv.List[0].Type) + "." + name
			}
			functions[p.path()+"."+name] = true
		}
	}
}

// receiver is the name of a receiver's type.
func receiver(t ast.Expr) string {
	switch t := t.(type) {
	case *ast.StarExpr:
		return receiver(t.X)
	case *ast.IndexExpr:
		return receiver(t.X)
	case *ast.Ident:
		return t.Name
	}
	return ""
}
