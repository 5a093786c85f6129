package runtime

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/carrelhq/carrel/abi"
	"github.com/carrelhq/carrel/runtime/compile"
)

// children are what the test binary is when it is started as another process: a
// compile command, or a case of a hostile module.
var children = map[string]func() int{
	"compile-child": func() int { return compile.Child(os.Stdin, os.Stdout, os.Stderr) },
	"hostile":       hostileChild,
	"killed":        killed,
	"eats":          eats,
	"mute":          func() int { return 0 },
	"hangs":         func() int { select {} },
	"panics":        func() int { panic("I never could count") },
	"starves": func() int {
		fmt.Fprintln(os.Stderr, "fatal error: runtime: out of memory")
		return 2
	},
}

func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		if child, ok := children[os.Args[1]]; ok {
			os.Exit(child())
		}
	}
	os.Exit(m.Run())
}

func childCommand(t testing.TB, name string) []string {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return []string{program, name}
}

func TestAModuleIsCompiledByAChildAndRunsHere(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "cache")
	for _, c := range []struct {
		opts Options
		why  string
	}{
		{Options{CompileCommand: childCommand(t, "compile-child")}, "without a folder"},
		{Options{CompileCommand: childCommand(t, "compile-child"), CacheDir: dir}, "the first time"},
		{Options{CompileCommand: []string{"/nonexistent"}, CacheDir: dir}, "from the cache, without a child"},
	} {
		e := newEngine(t, c.opts)
		module := newReplier("from a child").bytes()
		if _, err := e.Inspect(t.Context(), "tenant", module); err != nil {
			t.Errorf("%s: %v", c.why, err)
			continue
		}
		if reply, err := runGuest(t.Context(), t, load(t, e, module), "{}", &fakeTasks{}); reply != "from a child" {
			t.Errorf("%s: got %q, %v", c.why, reply, err)
		}
	}
}

// TestWithACommandNothingIsCompiledHere asks for a module that no child can compile.
func TestWithACommandNothingIsCompiledHere(t *testing.T) {
	t.Parallel()
	e := newEngine(t, Options{CompileCommand: []string{"/nonexistent"}})
	var refusal *abi.Refusal
	if _, err := e.Inspect(t.Context(), "tenant", newReplier("x").bytes()); !errors.Is(err, compile.ErrUnavailable) || errors.As(err, &refusal) {
		t.Errorf("got %v, want what is not the module's fault", err)
	}
}

func TestCompilationsThatFailAreRefusals(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ child, rule, says string }{
		{"hangs", "compile_timeout", "compiling takes longer than 2s"},
		{"panics", "compile_crashed", "I never could count"},
		{"starves", "compile_memory", "it takes more than 1024 MiB"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			t.Parallel()
			e := newEngine(t, Options{CompileCommand: childCommand(t, c.child), InspectTimeout: 2 * time.Second})
			if refusal := refusalOf(t, e, newReplier("x").bytes()); refusal.Rule != c.rule || !strings.Contains(refusal.Problem, c.says) {
				t.Errorf("got %+v, want %s that says %q", refusal, c.rule, c.says)
			}
		})
	}
}
