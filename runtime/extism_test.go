package runtime

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/carrelhq/carrel/abi"
	"github.com/carrelhq/carrel/host"
)

func TestPluginsThatRun(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		guest func() *extismGuest
		want  string
	}{
		"an echo": {newExtismEcho, `{"message":"hello"}`},
		"an echo by bytes": {func() *extismGuest {
			g := newExtismGuest("input_length", "input_load_u8", "alloc", "store_u8", "output_set")
			g.global(i64, 0)
			return g.runs(
				g.do("input_length"), g.do("alloc"), localSet(spot),
				loop,
				localGet(spot), globalGet(0), i64Add, globalGet(0), g.do("input_load_u8"), g.do("store_u8"),
				globalGet(0), i64Const(1), i64Add, globalSet(0),
				globalGet(0), g.do("input_length"), i64LessU, brIf(0),
				end,
				localGet(spot), g.do("input_length"), g.do("output_set"))
		}, `{"message":"hello"}`},
		"words of the input": {func() *extismGuest {
			g := newExtismGuest("input_load_u64", "alloc", "store_u64", "output_set")
			return g.runs(i64Const(8), g.do("alloc"), localSet(spot), localGet(spot), i64Const(2), g.do("input_load_u64"), g.do("store_u64"),
				localGet(spot), i64Const(8), g.do("output_set"))
		}, `message"`},
		"a function of carrel": {func() *extismGuest {
			g := newExtismGuest("user:task_get", "length", "output_set")
			return g.runs(i64Const(0), g.do("user:task_get"), localSet(spot), g.output())
		}, `{"ok":{"task":{"id":"task"}}}`},
		"a request that is malformed": {func() *extismGuest {
			g := newExtismGuest("user:log", "alloc", "store_u64", "length", "output_set")
			return g.runs(g.block("[]"), localGet(spot), g.do("user:log"), localSet(spot), g.output())
		}, `"code":"invalid"`},
		"an error": {func() *extismGuest {
			g := newExtismGuest("alloc", "store_u64", "error_set")
			g.function("run", succeeds, g.block("no such city"), localGet(spot), g.do("error_set"), i32Const(1))
			return g
		}, `{"error":{"code":"invalid","message":"no such city"}}`},
		"an error whose block is freed": {func() *extismGuest {
			g := newExtismGuest("alloc", "store_u64", "error_set", "free")
			return g.runs(g.block("oh"), localGet(spot), g.do("error_set"), localGet(spot), g.do("free"))
		}, `{"error":{"code":"invalid","message":"oh"}}`},
		"an error that is taken back": {func() *extismGuest {
			g := newExtismGuest("alloc", "store_u64", "error_set", "length", "output_set")
			return g.runs(g.block("well"), localGet(spot), g.do("error_set"), i64Const(0), g.do("error_set"), g.output())
		}, "well"},
		"a result without an error": {func() *extismGuest {
			g := newExtismGuest("alloc")
			g.function("run", succeeds, i32Const(-1))
			return g
		}, `"run returned -1 and no error"`},
		"a function without result": {func() *extismGuest {
			g := newExtismGuest("input_offset", "input_length", "output_set")
			g.function("run", noneToNone, g.do("input_offset"), g.do("input_length"), g.do("output_set"))
			return g
		}, `{"message":"hello"}`},
		"a function of another name": {func() *extismGuest {
			g := newExtismGuest("input_offset", "input_length", "output_set")
			g.custom("carrel.meta", []byte(`{"extism":{"run":"greet"}}`))
			g.function("greet", succeeds, g.do("input_offset"), g.do("input_length"), g.do("output_set"), i32Const(0))
			return g
		}, `{"message":"hello"}`},
		"a variable": {func() *extismGuest {
			g := newExtismGuest("alloc", "store_u64", "length", "output_set", "var_set", "var_get")
			return g.runs(
				g.block("name"), localGet(spot), g.block("value"), localGet(spot), g.do("var_set"),
				g.block("name"), localGet(spot), g.do("var_get"), localSet(spot), g.output())
		}, "value"},
		"no configuration and no answer": {func() *extismGuest {
			g := newExtismGuest("alloc", "store_u64", "length", "output_set", "config_get", "http_status_code", "http_headers", "error_get")
			return g.runs(g.block("key"), localGet(spot), g.do("config_get"), g.do("http_headers"), i64Add, g.do("error_get"), i64Add,
				localSet(spot), localGet(spot), i64Eqz, ifThen, g.block("none"), end, g.do("http_status_code"), drop, g.output())
		}, "none"},
		"initialization in each run": {func() *extismGuest {
			g := newExtismGuest("alloc", "store_u64", "length", "output_set")
			at := g.global(i64, 0)
			g.function("_initialize", noneToNone, unreachable)
			g.exports = nil
			g.function("_initialize", noneToNone, localGet(0), drop, g.block("ready"), localGet(spot), globalSet(at))
			return g.runs(globalGet(at), localSet(spot), g.output())
		}, "ready"},
		"other initializations": {func() *extismGuest {
			g := newExtismGuest("alloc", "store_u64", "length", "output_set")
			at := g.global(i64, 0)
			g.function("__wasm_call_ctors", noneToNone, g.block("constructed"), localGet(spot), globalSet(at))
			g.function("hs_init", signature{Params: i32 + i32}, globalGet(at), i64Eqz, ifThen, unreachable, end)
			return g.runs(globalGet(at), localSet(spot), g.output())
		}, "constructed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := load(t, newEngine(t, Options{}), c.guest().bytes())
			for range 3 { // also on a sandbox that was reset
				reply, err := runGuest(t.Context(), t, m, `{"message":"hello"}`, &fakeTasks{})
				if err != nil || !strings.Contains(reply, c.want) {
					t.Fatalf("got %q, %v, want %q", reply, err, c.want)
				}
			}
		})
	}
}

func TestPluginsWriteLines(t *testing.T) {
	t.Parallel()
	levels := []string{"log_trace", "log_debug", "log_info", "log_warn", "log_error"}
	g := newExtismGuest(append(levels, "alloc", "store_u64", "input_offset", "input_length", "output_set")...)
	var steps [][]byte
	for _, level := range levels {
		steps = append(steps, g.block(level), localGet(spot), g.do(level))
	}
	g.runs(slices.Concat(steps...), g.do("input_offset"), g.do("input_length"), g.do("output_set"))
	tasks := &fakeTasks{}
	if _, err := runGuest(t.Context(), t, load(t, newEngine(t, Options{}), g.bytes()), "{}", tasks); err != nil {
		t.Fatal(err)
	}
	if want := []string{"debug log_trace", "debug log_debug", "info log_info", "warn log_warn", "error log_error"}; !slices.Equal(tasks.lines, want) {
		t.Errorf("got %q, want %q", tasks.lines, want)
	}
}

// TestHostilePlugins run plug-ins that break a rule each.
func TestHostilePlugins(t *testing.T) {
	t.Parallel()
	const far = math.MaxInt64
	for name, c := range map[string]struct {
		imports []string
		steps   func(g *extismGuest) [][]byte
		want    error
		says    string
	}{
		"a trap":          {nil, func(*extismGuest) [][]byte { return [][]byte{unreachable} }, ErrTrap, "unreachable in "},
		"an endless loop": {nil, func(*extismGuest) [][]byte { return [][]byte{loop, forever, end} }, errSoon, ""},
		"an endless loop of calls": {[]string{"input_length"}, func(g *extismGuest) [][]byte {
			return [][]byte{loop, g.do("input_length"), drop, forever, end}
		}, errSoon, ""},
		"an endless loop of carrel's functions": {[]string{"user:task_get", "free"}, func(g *extismGuest) [][]byte {
			return [][]byte{loop, i64Const(0), g.do("user:task_get"), g.do("free"), forever, end}
		}, errSoon, ""},
		"replies that are never freed": {[]string{"user:task_get"}, func(g *extismGuest) [][]byte {
			return [][]byte{loop, i64Const(0), g.do("user:task_get"), drop, forever, end}
		}, host.ErrGuest, "no memory left"},
		"no output": {nil, func(*extismGuest) [][]byte { return nil }, ErrTrap, "run answered nothing"},
		"an output of 2 MiB": {[]string{"alloc", "output_set"}, func(g *extismGuest) [][]byte {
			return [][]byte{i64Const(2 << 20), g.do("alloc"), i64Const(2 << 20), g.do("output_set")}
		}, host.ErrGuest, "1048576 are the most"},
		"an output outside": {[]string{"output_set"}, func(g *extismGuest) [][]byte {
			return [][]byte{i64Const(1 << 16), i64Const(1), g.do("output_set")}
		}, host.ErrGuest, "outside its blocks"},
		"an output whose end overflows": {[]string{"output_set"}, func(g *extismGuest) [][]byte {
			return [][]byte{i64Const(-1), i64Const(-1), g.do("output_set")}
		}, host.ErrGuest, "outside its blocks"},
		"a host that is not allowed": {[]string{"alloc", "store_u64", "http_request"}, func(g *extismGuest) [][]byte {
			return [][]byte{g.block(`{"url":"http://127.0.0.1:7333/"}`), localGet(spot), i64Const(0), g.do("http_request"), drop}
		}, host.ErrGuest, `HTTP request to "http://127.0.0.1:7333/" is not allowed`},
		"a request that is none": {[]string{"alloc", "store_u64", "http_request"}, func(g *extismGuest) [][]byte {
			return [][]byte{g.block(`{"url":5`), localGet(spot), i64Const(0), g.do("http_request"), drop}
		}, host.ErrGuest, "cannot be read"},
		"variables of 2 MiB": {[]string{"alloc", "store_u64", "var_set"}, func(g *extismGuest) [][]byte {
			return [][]byte{g.block("name"), localGet(spot), i64Const(maxVariables), g.do("alloc"), g.do("var_set")}
		}, host.ErrGuest, "its variables have more than"},
		"a line of 2 MiB": {[]string{"alloc", "log_info"}, func(g *extismGuest) [][]byte {
			return [][]byte{i64Const(2 << 20), g.do("alloc"), g.do("log_info")}
		}, host.ErrGuest, "2097152 bytes at once"},
		"a name that was freed": {[]string{"alloc", "free", "var_get"}, func(g *extismGuest) [][]byte {
			return [][]byte{i64Const(8), g.do("alloc"), localTee(spot), g.do("free"), localGet(spot), g.do("var_get"), drop}
		}, host.ErrGuest, "where none is"},
		"an error within another block": {[]string{"alloc", "error_set"}, func(g *extismGuest) [][]byte {
			return [][]byte{i64Const(8), g.do("alloc"), i64Const(1), i64Add, g.do("error_set")}
		}, host.ErrGuest, "where none is"},
		"a request for carrel that is no block": {[]string{"user:log"}, func(g *extismGuest) [][]byte {
			return [][]byte{i64Const(far), g.do("user:log"), drop}
		}, host.ErrGuest, "where none is"},
		"a load outside": {[]string{"load_u64"}, func(g *extismGuest) [][]byte {
			return [][]byte{i64Const(1<<16 - 7), g.do("load_u64"), drop}
		}, host.ErrGuest, "8 bytes at 65529, which is outside"},
		"a load of the input outside": {[]string{"input_load_u8"}, func(g *extismGuest) [][]byte {
			return [][]byte{i64Const(far), g.do("input_load_u8"), drop}
		}, host.ErrGuest, "outside"},
		"a store outside": {[]string{"store_u8"}, func(g *extismGuest) [][]byte {
			return [][]byte{i64Const(1 << 32), i32Const(1), g.do("store_u8")}
		}, host.ErrGuest, "1 bytes at 4294967296, which is outside"},
		"what sends Extism's kernel round for ever": {[]string{"alloc", "store_u64", "length"}, func(g *extismGuest) [][]byte {
			return [][]byte{i64Const(64), g.do("alloc"), i64Const(-8), i64Add, i64Const(0xfffffff4), g.do("store_u64"),
				i64Const(64), g.do("alloc"), g.do("length"), drop}
		}, ErrTrap, "answered nothing"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newExtismGuest(append(c.imports, "reset")...)
			g.runs(c.steps(g)...)
			m := load(t, newEngine(t, Options{MemoryBytes: 4 << 20}), g.bytes())
			ctx := context.Context(t.Context())
			if errors.Is(c.want, errSoon) {
				ctx = soon(t)
			}
			reply, err := runGuest(ctx, t, m, "{}", &fakeTasks{})
			if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %q, %v, want %v that says %q", reply, err, c.want, c.says)
			}
		})
	}
}

// TestPluginsThatAskForTooMuch get 0 for an answer and go on: memory and blocks
// are bounded together.
func TestPluginsThatAskForTooMuch(t *testing.T) {
	t.Parallel()
	const memory = 4 << 20
	all := []string{"alloc", "free", "store_u64", "length", "output_set", "memory_bytes"}
	for name, c := range map[string]struct {
		ask  func(g *extismGuest) [][]byte // leaves an i64 that is to be 0
		room bool
	}{
		"blocks until there is no room": {func(g *extismGuest) [][]byte {
			return [][]byte{loop, i64Const(1 << 18), g.do("alloc"), localSet(spot), localGet(spot), i64Eqz, i32Eqz, brIf(0), end, localGet(spot)}
		}, false},
		"more blocks than are counted": {func(g *extismGuest) [][]byte {
			return [][]byte{loop, i64Const(1), g.do("alloc"), localSet(spot), localGet(spot), i64Eqz, i32Eqz, brIf(0), end, localGet(spot)}
		}, false},
		"a block of 2^63 bytes": {func(g *extismGuest) [][]byte { return [][]byte{i64Const(math.MinInt64), g.do("alloc")} }, true},
		"a block of all memory": {func(g *extismGuest) [][]byte { return [][]byte{i64Const(memory), g.do("alloc")} }, true},
		"memory beside blocks": {func(g *extismGuest) [][]byte {
			return [][]byte{i64Const(memory / 2), g.do("alloc"), drop, i32Const(memory/2/pageSize + 1), memoryGrow, i32Const(1), i32Add, i64Extend}
		}, true},
		"blocks beside memory": {func(g *extismGuest) [][]byte {
			return [][]byte{i32Const(memory/pageSize - 2), memoryGrow, drop, i64Const(1 << 16), g.do("alloc")}
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newExtismGuest(all...)
			full := g.global(i64, 0)
			block := g.block("full")
			if !c.room {
				block = slices.Concat(localGet(spot), globalSet(full), i64Const(16), localSet(spot)) // the request's block
			}
			g.runs(slices.Concat(c.ask(g)...), i64Eqz, ifThen, block, g.output(), end)
			m := load(t, newEngine(t, Options{MemoryBytes: memory}), g.bytes())
			if reply, err := runGuest(t.Context(), t, m, "full", &fakeTasks{}); err != nil || reply != "full" {
				t.Errorf("got %q, %v", reply, err)
			}
		})
	}
}

// TestPluginsMeetTheBoundOfAll: what others have is not the plug-in's affair.
func TestPluginsMeetTheBoundOfAll(t *testing.T) {
	t.Parallel()
	g := newExtismGuest("alloc", "input_offset", "input_length", "output_set")
	g.runs(i64Const(2<<20), g.do("alloc"), drop, g.do("input_offset"), g.do("input_length"), g.do("output_set"))
	e := newEngine(t, Options{MemoryBytes: 4 << 20, AllMemoryBytes: 8 << 20})
	m := load(t, e, g.bytes())
	others, ok := e.memory.Try("others", 6<<20)
	if !ok {
		t.Fatal("there is no room for the others")
	}
	defer others.Release()
	if _, err := runGuest(t.Context(), t, m, "{}", &fakeTasks{}); !errors.Is(err, errNoMemory) {
		t.Errorf("got %v, want %v", err, errNoMemory)
	}
	others.Release()
	if reply, err := runGuest(t.Context(), t, m, "{}", &fakeTasks{}); err != nil || reply != "{}" {
		t.Errorf("with room: got %q, %v", reply, err)
	}
}

// TestPluginsKeepNothing: neither variables nor blocks nor errors are there in
// another run, be it at the same time.
func TestPluginsKeepNothing(t *testing.T) {
	t.Parallel()
	g := newExtismGuest("alloc", "store_u64", "load_u64", "length", "output_set", "var_get", "var_set", "error_get", "input_length")
	seen := g.global(i64, 0)
	g.runs(
		// What lies where the second block will be, is a variable there, or an error?
		i64Const(4096), g.do("load_u64"), globalSet(seen),
		g.block("name"), localGet(spot), g.do("var_get"), globalGet(seen), i64Or, globalSet(seen),
		g.do("error_get"), globalGet(seen), i64Or, globalSet(seen),
		g.block("name"), localGet(spot), g.block("value"), localGet(spot), g.do("var_set"),
		i64Const(4096), i64Const(-1), g.do("store_u64"),
		globalGet(seen), i64Eqz, ifThen, g.block("clean"), g.output(), i32Const(0), returning, end,
		g.block("dirty"), g.output())
	m := load(t, newEngine(t, Options{}), g.bytes())
	var wg sync.WaitGroup
	for range 100 {
		wg.Go(func() {
			if reply, err := runGuest(t.Context(), t, m, "{}", &fakeTasks{}); reply != "clean" {
				t.Errorf("got %q, %v", reply, err)
			}
		})
	}
	wg.Wait()
}

// TestAPluginThatTrapsDisturbsNobody runs one beside an echo.
func TestAPluginThatTrapsDisturbsNobody(t *testing.T) {
	t.Parallel()
	e := newEngine(t, Options{})
	bad := newExtismGuest("load_u64")
	bad.runs(i64Const(-1), bad.do("load_u64"), drop)
	traps, echo := load(t, e, bad.bytes()), load(t, e, newExtismEcho().bytes())
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			if _, err := runGuest(t.Context(), t, traps, "{}", &fakeTasks{}); !errors.Is(err, host.ErrGuest) {
				t.Errorf("got %v", err)
			}
			request := fmt.Sprintf(`{"n":%d}`, i)
			if reply, err := runGuest(t.Context(), t, echo, request, &fakeTasks{}); err != nil || reply != request {
				t.Errorf("got %q, %v, want %q", reply, err, request)
			}
		})
	}
	wg.Wait()
}

func TestWhatAPluginSaysOfItself(t *testing.T) {
	t.Parallel()
	e := newEngine(t, Options{})
	describing := func(steps func(g *extismGuest) []byte) []byte {
		g := newExtismGuest("alloc", "store_u64", "length", "output_set", "error_set", "user:log", "user:task_get")
		g.runs(unreachable)
		g.function("describe", succeeds, steps(g), i32Const(0))
		return g.bytes()
	}
	in, err := e.Inspect(t.Context(), "tenant", describing(func(g *extismGuest) []byte {
		return slices.Concat(i64Const(0), g.do("user:task_get"), drop, g.block(`{"name":"Plug","version":"2"}`), g.output())
	}))
	if err != nil || in.Description.Name != "Plug" || !slices.Equal(in.Wants, []string{"log", "task_get"}) {
		t.Errorf("got %+v, %v", in, err)
	}
	if in, err := e.Inspect(t.Context(), "tenant", newExtismEcho().bytes()); err != nil || in.Description.Name != "" {
		t.Errorf("without describe: got %+v, %v", in, err)
	}
	for name, c := range map[string]struct {
		steps func(g *extismGuest) []byte
		rule  string
		says  string
	}{
		"no JSON": {func(g *extismGuest) []byte { return slices.Concat(g.block("hello"), g.output()) }, "bad_description", "not JSON"},
		"nothing": {func(*extismGuest) []byte { return nil }, "bad_description", "answered nothing"},
		"a trap":  {func(*extismGuest) []byte { return unreachable }, "bad_description", "unreachable"},
		"an error": {func(g *extismGuest) []byte {
			return slices.Concat(g.block("not today"), localGet(spot), g.do("error_set"))
		}, "no_description", "not today"},
	} {
		if refusal := refusalOf(t, e, describing(c.steps)); refusal.Rule != c.rule || !strings.Contains(refusal.Error(), c.says) {
			t.Errorf("%s: got %+v, want %s that says %q", name, refusal, c.rule, c.says)
		}
	}
}

func TestPluginsThatAreRefused(t *testing.T) {
	t.Parallel()
	e := newEngine(t, Options{})
	for name, c := range map[string]struct {
		build func(g *extismGuest)
		rule  string
		says  []string
	}{
		"no run": {func(g *extismGuest) { g.function("count_vowels", succeeds, i32Const(0)) }, "bad_exports", []string{
			"run: () -> i32 is not exported", `{"extism":{"run":"name"}}`, `"count_vowels"`,
		}},
		"a run of another type": {func(g *extismGuest) { g.function("run", allocType, localGet(0)) }, "bad_exports", []string{
			"run has type (i32) -> i32 and must have () -> i32",
		}},
		"a run that is named and not there": {func(g *extismGuest) {
			g.runs()
			g.custom("carrel.meta", []byte(`{"extism":{"run":"greet"}}`))
		}, "bad_exports", []string{"greet: () -> i32 is not exported"}},
		"a describe of another type": {func(g *extismGuest) {
			g.runs().function("describe", packedType, i64Const(0))
		}, "bad_exports", []string{"describe has type () -> i64"}},
		"an initialization of another type": {func(g *extismGuest) {
			g.runs().function("_initialize", succeeds, i32Const(0))
		}, "bad_exports", []string{"_initialize has type () -> i32"}},
		"metadata of another form": {func(g *extismGuest) {
			g.runs().custom("carrel.meta", []byte(`{"extism":["run"]}`))
		}, "bad_meta", []string{"carrel.meta"}},
		"a name of the host's": {func(g *extismGuest) {
			g.runs().function("carrel:fuel", noneToNone)
		}, "bad_exports", []string{"the host's"}},
		"a function of carrel that is unknown": {func(g *extismGuest) {
			g.importFunction(extismUser, "task_artefact", userType)
			g.runs()
		}, "unknown_import", []string{`did you mean "extism:host/user" "task_artifact"?`}},
		"a function of carrel with carrel's own type": {func(g *extismGuest) {
			g.importFunction(extismUser, "log", hostType)
			g.runs()
		}, "unknown_import", []string{"(i32, i32) -> i64 and has (i64) -> i64"}},
		"both kinds at once": {func(g *extismGuest) {
			g.importFunction(abi.Module, "log", hostType)
			g.runs()
		}, "unknown_import", []string{`"carrel" "log" is not known`}},
		"a function of Extism that is unknown": {func(g *extismGuest) {
			g.importFunction(extismEnv, "exec", noneToNone)
			g.runs()
		}, "unknown_import", []string{`"extism:host/env" "exec" is not known`, "an Extism plug-in may import"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newExtismGuest("reset")
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

func TestAStartFunctionOfAPluginHasNoKernel(t *testing.T) {
	t.Parallel()
	g := newExtismGuest("alloc")
	g.start = g.function("", noneToNone, i64Const(8), g.do("alloc"), drop)
	g.runs()
	if refusal := refusalOf(t, newEngine(t, Options{}), g.bytes()); !strings.Contains(refusal.Problem, "it called alloc from its start function") {
		t.Errorf("got %+v", refusal)
	}
}

// TestARunsRandomIsItsOwn: a plug-in that draws its seed when it is initialized
// has another one in each run.
func TestARunsRandomIsItsOwn(t *testing.T) {
	t.Parallel()
	g := newExtismGuest("alloc", "store_u64", "output_set")
	random := g.importWasi("random_get")
	g.function("_initialize", noneToNone, i32Const(64), i32Const(8), call(random), drop)
	g.runs(i64Const(8), g.do("alloc"), localSet(spot), localGet(spot), i32Const(64), i64Load, g.do("store_u64"), localGet(spot), i64Const(8), g.do("output_set"))
	m := load(t, newEngine(t, Options{}), g.bytes())
	seen := map[string]bool{}
	for range 4 {
		reply, err := runGuest(t.Context(), t, m, "{}", &fakeTasks{})
		if err != nil || seen[reply] {
			t.Fatalf("got %x again, or %v", reply, err)
		}
		seen[reply] = true
	}
}

func TestReadsOfCarrelReachPlugins(t *testing.T) {
	t.Parallel()
	g := newExtismGuest("user:task_get", "length", "output_set")
	g.runs(i64Const(0), g.do("user:task_get"), localSet(spot), g.output())
	m := load(t, newEngine(t, Options{}), g.bytes())
	broken := errors.New("disk on fire")
	tasks := &fakeTasks{task: func() (json.RawMessage, error) { return nil, broken }}
	if _, err := runGuest(t.Context(), t, m, "{}", tasks); !errors.Is(err, broken) {
		t.Errorf("got %v, want %v", err, broken)
	}
}
