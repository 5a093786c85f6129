package compile

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"testing"

	"github.com/tetratelabs/wazero"
)

// children are what the test binary is when it is started as a child: the real
// one, and such as fail in a way each. Arguments come after the name.
var children = map[string]func(args []string) int{
	"child": func([]string) int { return Child(os.Stdin, os.Stdout, os.Stderr) },
	"hangs": func(args []string) int {
		alive, err := os.OpenFile(args[0], os.O_WRONLY, 0)
		if err != nil {
			panic(err)
		}
		fmt.Fprintln(alive, "here")
		select {} // whatever becomes of its input
	},
	"panics":   func([]string) int { panic("I never could count") },
	"mute":     func([]string) int { return 0 },
	"babbles":  func([]string) int { fmt.Print(string(make([]byte, 1<<20))); return 0 },
	"declines": func([]string) int { fmt.Fprintln(os.Stderr, "not today"); return 1 },
	"killed":   func(args []string) int { attempt(args[0]); return die() },
	"killed once": func(args []string) int {
		if attempt(args[0]) == 1 {
			return die()
		}
		return Child(os.Stdin, os.Stdout, os.Stderr)
	},
	"parent": parent,
	"probe":  probe,
}

func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		if child, ok := children[os.Args[1]]; ok {
			os.Exit(child(os.Args[2:]))
		}
	}
	os.Exit(m.Run())
}

// commandOf is the command of a child.
func commandOf(t testing.TB, name string, args ...string) []string {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return append([]string{program, name}, args...)
}

// attempt counts the starts of a child in a file.
func attempt(file string) int {
	f, err := os.OpenFile(file, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		panic(err)
	}
	f.Write([]byte("x"))
	info, err := f.Stat()
	if err != nil {
		panic(err)
	}
	return int(info.Size())
}

func die() int {
	syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {}
}

// house is a cache, the engine that loads from it, and their log.
type house struct {
	*Cache
	r   wazero.Runtime
	log *logBuffer
}

func open(t testing.TB, opts Options) *house {
	t.Helper()
	log := &logBuffer{}
	opts.Logger = slog.New(slog.NewTextHandler(log, nil))
	c, err := Open(opts)
	if err != nil {
		t.Fatal(err)
	}
	h := &house{c, wazero.NewRuntimeWithConfig(context.Background(), Config().WithCompilationCache(c.Engine())), log}
	t.Cleanup(func() { h.shut(t) })
	return h
}

// private is a folder for a cache, which is not there yet.
func private(t testing.TB) string { return filepath.Join(t.TempDir(), "cache") }

// shut closes the house. It may be called twice.
func (h *house) shut(t testing.TB) {
	if h.r == nil {
		return
	}
	if err := h.r.Close(context.Background()); err != nil {
		t.Error(err)
	}
	if err := h.Close(); err != nil {
		t.Error(err)
	}
	h.r = nil
}

// load loads a module with a place to itself.
func (h *house) load(t testing.TB, module []byte) (answer uint64, hit bool, err error) {
	t.Helper()
	compiled, hit, err := h.Load(t.Context(), h.r, module, NewPlaces(1, 1).Line(""))
	if err != nil {
		return 0, false, err
	}
	defer compiled.Close(t.Context())
	m, err := h.r.InstantiateModule(t.Context(), compiled, wazero.NewModuleConfig().WithName(""))
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close(t.Context())
	out, err := m.ExportedFunction("f").Call(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return out[0], hit, nil
}

// entry is the one entry of a cache.
func (h *house) entry(t testing.TB) string {
	t.Helper()
	entries := h.entries()
	if len(entries) != 1 {
		t.Fatalf("%d entries, want one", len(entries))
	}
	return filepath.Join(h.dir, entries[0].key)
}

// code is the file of code of an entry.
func (h *house) code(t testing.TB, entry string) string {
	t.Helper()
	name, err := onlyName(filepath.Join(entry, h.version))
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(entry, h.version, name)
}

// logBuffer is a log that tests look into.
type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// answering is a module whose function f answers n.
func answering(n int) []byte {
	return module(nil, slices.Concat([]byte{0x41}, binary.AppendUvarint(nil, uint64(n)))) // n < 64: one byte, positive
}

// module has one function f () -> i32 with the locals and instructions given.
func module(locals []byte, instructions ...[]byte) []byte {
	if locals == nil {
		locals = []byte{0}
	}
	body := slices.Concat(locals, slices.Concat(instructions...), []byte{0x0b})
	return slices.Concat([]byte("\x00asm\x01\x00\x00\x00"),
		section(1, []byte{1, 0x60, 0, 1, 0x7f}),
		section(3, []byte{1, 0}),
		section(7, []byte{1, 1, 'f', 0, 0}),
		section(10, []byte{1}, sized(body)))
}

func section(id byte, content ...[]byte) []byte {
	return append([]byte{id}, sized(slices.Concat(content...))...)
}

func sized(b []byte) []byte { return append(binary.AppendUvarint(nil, uint64(len(b))), b...) }
