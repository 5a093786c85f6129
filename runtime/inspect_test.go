package runtime

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/carrelhq/carrel/abi"
)

// refusalOf inspects a module and returns why it is refused, or fails the test.
func refusalOf(t *testing.T, e *Engine, module []byte) *abi.Refusal {
	t.Helper()
	in, err := e.Inspect(t.Context(), "tenant", module)
	var refusal *abi.Refusal
	if !errors.As(err, &refusal) {
		t.Fatalf("got %+v, %v, want a refusal", in, err)
	}
	if refusal.Problem == "" || refusal.Advice == "" {
		t.Errorf("%+v does not say what is wrong, or what to do", refusal)
	}
	return refusal
}

func TestExportsThatAreMissingOrMistyped(t *testing.T) {
	t.Parallel()
	e := newEngine(t, Options{})
	for name, c := range map[string]struct {
		build func(g *guest)
		rule  string
		says  []string
	}{
		"no memory": {func(g *guest) {}, "no_memory", []string{`"memory"`}},
		"neither function": {func(g *guest) { g.memory(1, 0) }, "bad_exports", []string{
			"carrel_alloc: (i32) -> i32 is not exported", "carrel_run: (i32, i32) -> i64 is not exported",
		}},
		"wrong types": {func(g *guest) {
			g.memory(1, 0)
			g.function("carrel_alloc", signature{Params: i64, Results: i64}, localGet(0))
			g.function("carrel_run", signature{Params: i32})
			g.function("carrel_describe", hostType, pack(0, 0))
		}, "bad_exports", []string{
			"carrel_alloc has type (i64) -> i64 and must have (i32) -> i32",
			"carrel_run has type (i32) -> () and must have (i32, i32) -> i64",
			"carrel_describe has type (i32, i32) -> i64 and must have () -> i64",
		}},
		"a memory by the name of a function": {func(g *guest) {
			g.memory(1, 0)
			g.export("carrel_run", kindMemory, 0)
		}, "bad_exports", []string{"carrel_run is exported, but is no function"}},
		"a command": {func(g *guest) {
			g.memory(1, 0)
			g.function("_start", noneToNone)
		}, "command_module", []string{"_start", "-buildmode=c-shared"}},
		"an imported memory": {func(g *guest) {
			g.imports = append(g.imports, []byte{3, 'e', 'n', 'v', 6, 'm', 'e', 'm', 'o', 'r', 'y', kindMemory, 0, 1})
		}, "unknown_import", []string{`"env" "memory" is imported, but is no function`}},
		"an imported function of another type": {func(g *guest) {
			g.importFunction("carrel", "log", signature{Params: i32})
		}, "unknown_import", []string{`"carrel" "log" is imported with type (i32) -> () and has (i32, i32) -> i64`}},
		"a function of WASI that is unknown": {func(g *guest) {
			g.importFunction(wasiModule, "fd_writ", noneToNone)
		}, "unknown_import", []string{`"wasi_snapshot_preview1" "fd_writ" is not known`}},
		"all unknown imports are named": {func(g *guest) {
			g.importFunction("env", "one", noneToNone)
			g.importFunction("carrel", "context_safe", hostType)
		}, "unknown_import", []string{`"env" "one" is not known`, `did you mean "carrel" "context_save"?`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := &guest{start: -1}
			c.build(g)
			refusal := refusalOf(t, e, g.bytes())
			if refusal.Rule != c.rule {
				t.Errorf("got the rule %s, want %s", refusal.Rule, c.rule)
			}
			for _, says := range c.says {
				if !strings.Contains(refusal.Error(), says) {
					t.Errorf("%q does not say %q", refusal, says)
				}
			}
		})
	}
}

// describing is a guest whose carrel_describe answers that text.
func describing(reply string) []byte {
	g := newReplier("{}")
	g.dataAt(1024, []byte(reply))
	g.function("carrel_describe", packedType, pack(1024, int64(len(reply))))
	return g.bytes()
}

func TestWhatAnAgentSaysOfItself(t *testing.T) {
	t.Parallel()
	e := newEngine(t, Options{})
	in, err := e.Inspect(t.Context(), "tenant", describing(`{"ok":{"name":"Echo","version":"1.2","skills":[{"id":"a","name":"A","description":"B"}],"replies":"message","new":1}}`))
	if err != nil {
		t.Fatal(err)
	}
	if d := in.Description; d.Name != "Echo" || d.Version != "1.2" || len(d.Skills) != 1 || d.Replies != "message" {
		t.Errorf("got %+v", d)
	}
	if in, err := e.Inspect(t.Context(), "tenant", newReplier("{}").bytes()); err != nil || in.Description.Name != "" {
		t.Errorf("without carrel_describe: got %+v, %v", in.Description, err)
	}
	for reply, says := range map[string]string{
		`{"error":{"code":"invalid","message":"no handler is registered"}}`: "no handler is registered",
		`{}`:                           `neither "ok" nor "error"`,
		`{"ok":`:                       "not JSON",
		`{"ok":{"name":5}}`:            "not JSON",
		`{"ok":{"replies":"task"}}`:    `replies is "task"; the accepted words are "message"`,
		`{"ok":{"replies":"Message"}}`: `replies is "Message"`,
		`{"ok":{"extensions":[{}]}}`:   "is no URI",
		`{"ok":{"extensions":[{"uri":"urn:a,urn:b"}]}}`:                                             "is no URI",
		`{"ok":{"extensions":[{"uri":"urn:a"},{"uri":"urn:a"}]}}`:                                   `two extensions have the URI "urn:a"`,
		`{"ok":{"extensions":[` + strings.Repeat(`{"uri":"urn:a"},`, 50) + `{"uri":"urn:a"}]}}`:     "50 extensions",
		`{"ok":{"extensions":[{"uri":"urn:a","description":"` + strings.Repeat("x", 4001) + `"}]}}`: "4000 bytes",
		`{"ok":{"iconUrl":"/x.png"}}`:                                                               "absolute",
		`{"ok":{"skills":[{}]}}`:                                                                    "needs an id",
		`{"ok":{"name":"` + strings.Repeat("x", 201) + `"}}`:                                        "200 bytes",
		`{"ok":{"description":"` + strings.Repeat("x", 4001) + `"}}`:                                "4000 bytes",
		`{"ok":{"inputModes":[` + strings.Repeat(`"a",`, 50) + `"a"]}}`:                             "50 at most",
		`{"ok":{"skills":[{"id":"a"},{"id":"a"}]}}`:                                                 `two skills have the id "a"`,
		`{"ok":{"skills":[` + strings.Repeat(`{"id":"x"},`, 50) + `{"id":"x"}]}}`:                   "50 skills",
		strings.Repeat(" ", maxDescription+1):                                                       "65536 are the most",
	} {
		refusal := refusalOf(t, e, describing(reply))
		if !strings.Contains(refusal.Error(), says) {
			t.Errorf("%.60s: %q does not say %q", reply, refusal, says)
		}
	}
}

func TestLogWorksBeforeARun(t *testing.T) {
	t.Parallel()
	g := newGuest("log")
	run(g, pack(1, 1))
	g.function("carrel_describe", packedType, i32Const(0), i32Const(0), call(0))
	in, err := newEngine(t, Options{}).Inspect(t.Context(), "tenant", g.bytes())
	if err != nil || in.Description.Name != "" {
		t.Errorf("got %+v, %v, want what log answers", in, err)
	}
}

func TestAnUploaderThatLeavesIsNotRefused(t *testing.T) {
	t.Parallel()
	gone := errors.New("gone")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(gone)
	var refusal *abi.Refusal
	if _, err := newEngine(t, Options{}).Inspect(ctx, "tenant", newReplier("x").bytes()); !errors.Is(err, gone) || errors.As(err, &refusal) {
		t.Errorf("got %v, want its cause", err)
	}
}

// FuzzDescription: what an agent says of itself is used or refused.
func FuzzDescription(f *testing.F) {
	f.Add([]byte(`{"ok":{"name":"x","skills":[{"id":"a"}]}}`))
	f.Add([]byte(`{"error":{"code":"invalid","message":"no"}}`))
	f.Fuzz(func(t *testing.T, reply []byte) {
		d, err := readDescription(reply)
		var refusal *abi.Refusal
		if err != nil && !errors.As(err, &refusal) {
			t.Errorf("%q: %v", reply, err)
		}
		if text, _ := json.Marshal(d); err == nil && len(text) > 8*maxDescription {
			t.Errorf("%d bytes of a description are believed", len(text))
		}
	})
}
