package compile

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// modes are the ways to compile.
func modes(t *testing.T) map[string][]string {
	return map[string][]string{"in process": nil, "in a child": commandOf(t, "child")}
}

func TestAModuleIsCompiledOnceAndLoadedThen(t *testing.T) {
	t.Parallel()
	for name, command := range modes(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := open(t, Options{Dir: private(t), Command: command})
			for i, wantHit := range []bool{false, true, true} {
				if got, hit, err := h.load(t, answering(7)); got != 7 || hit != wantHit || err != nil {
					t.Errorf("load %d: got %d, hit %t, %v", i, got, hit, err)
				}
			}
			if staged, _ := os.ReadDir(filepath.Join(h.stage, h.version)); len(staged) > 0 {
				t.Errorf("%d files are left on the stage", len(staged))
			}
		})
	}
}

// TestARestartLoadsWithoutAChild opens the cache again with a command that cannot
// work: what was compiled in process or by a child is loaded all the same.
func TestARestartLoadsWithoutAChild(t *testing.T) {
	t.Parallel()
	for name, command := range modes(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := private(t)
			before := open(t, Options{Dir: dir, Command: command})
			if _, _, err := before.load(t, answering(7)); err != nil {
				t.Fatal(err)
			}
			before.shut(t)
			after := open(t, Options{Dir: dir, Command: []string{"/nonexistent"}})
			if got, hit, err := after.load(t, answering(7)); got != 7 || !hit || err != nil {
				t.Errorf("got %d, hit %t, %v", got, hit, err)
			}
			if _, _, err := after.load(t, answering(8)); !errors.Is(err, ErrUnavailable) {
				t.Errorf("what is not there must not be compiled in this process: got %v", err)
			}
		})
	}
}

// TestTheEngineNeverCompilesWhenItLoads asks the engine for what is not there.
func TestTheEngineNeverCompilesWhenItLoads(t *testing.T) {
	t.Parallel()
	h := open(t, Options{Dir: private(t), Command: commandOf(t, "child")})
	for range 3 {
		if _, err := loadOnly(t.Context(), h.r, answering(7)); err == nil || !strings.Contains(err.Error(), "not the code of that module") {
			t.Fatalf("a miss: got %v", err)
		}
	}
	if staged, _ := os.ReadDir(filepath.Join(h.stage, h.version)); len(staged) > 0 {
		t.Error("the engine has compiled")
	}
}

func TestAnotherVersionDoesNotFindTheEntry(t *testing.T) {
	t.Parallel()
	dir := private(t)
	for _, version := range []string{"1", "2"} {
		if _, hit, err := open(t, Options{Dir: dir, Version: version}).load(t, answering(7)); hit || err != nil {
			t.Errorf("version %s: hit %t, %v", version, hit, err)
		}
	}
}

func TestWithoutAFolderNothingIsLeft(t *testing.T) {
	t.Parallel()
	h := open(t, Options{Command: commandOf(t, "child")})
	if got, _, err := h.load(t, answering(7)); got != 7 || err != nil {
		t.Errorf("got %d, %v", got, err)
	}
	dir := h.dir
	h.shut(t)
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the temporary folder: got %v", err)
	}
}

func TestConcurrentLoadsOfOneModuleCompileItOnce(t *testing.T) {
	t.Parallel()
	h := open(t, Options{Dir: private(t), Command: commandOf(t, "child")})
	var wg sync.WaitGroup
	var compiled atomic.Int32
	places := NewPlaces(2, 100).Line("")
	for range 8 {
		for n := range 3 {
			wg.Go(func() {
				m, hit, err := h.Load(t.Context(), h.r, answering(n), places)
				if err != nil {
					t.Error(err)
					return
				}
				defer m.Close(t.Context())
				if !hit {
					compiled.Add(1)
				}
			})
		}
	}
	wg.Wait()
	if compiled.Load() != 3 {
		t.Errorf("%d compilations, want one of each", compiled.Load())
	}
}

// TestProcessesMayCompileTheSameAtOnce has several caches in one folder, as processes
// have that were told the same, or that have none of a module yet.
func TestProcessesMayCompileTheSameAtOnce(t *testing.T) {
	t.Parallel()
	dir := private(t)
	var houses []*house
	for range 4 {
		houses = append(houses, open(t, Options{Dir: dir}))
	}
	for n := range 20 {
		var wg sync.WaitGroup
		for _, h := range houses {
			wg.Go(func() {
				if got, _, err := h.load(t, answering(n)); got != uint64(n) || err != nil {
					t.Errorf("module %d answers %d, %v", n, got, err)
				}
			})
		}
		wg.Wait()
	}
}

func TestTheLeastUsedEntriesGoFirst(t *testing.T) {
	t.Parallel()
	dir := private(t)
	h := open(t, Options{Dir: dir})
	if _, _, err := h.load(t, answering(0)); err != nil {
		t.Fatal(err)
	}
	one := size(h.entry(t))
	h.shut(t)
	h = open(t, Options{Dir: dir, MaxBytes: 3*one + one/2})
	for n := range 6 {
		if _, _, err := h.load(t, answering(n)); err != nil {
			t.Fatal(err)
		}
		long := time.Now().Add(time.Duration(n-10) * time.Hour)
		if n == 0 {
			long = time.Now().Add(time.Hour) // it is used all the time
		}
		if err := os.Chtimes(filepath.Join(dir, h.key(answering(n))), long, long); err != nil {
			t.Fatal(err)
		}
	}
	for n, want := range []bool{true, false, false, false, true, true} {
		if _, err := os.Stat(filepath.Join(dir, h.key(answering(n)))); (err == nil) != want {
			t.Errorf("entry %d: got %v, want it to be there: %t", n, err, want)
		}
	}
}

func TestWhatAKilledProcessLeftIsRemoved(t *testing.T) {
	t.Parallel()
	dir := private(t)
	must(t, os.Mkdir(dir, 0o700))
	leave := func(names ...string) {
		for _, name := range names {
			if err := os.MkdirAll(filepath.Join(dir, name, "x"), 0o700); err != nil {
				t.Fatal(err)
			}
		}
	}
	left := []string{"new-1", "stage-2", "wazero-v1.11.0-amd64-linux"}
	leave(left...)
	h := open(t, Options{Dir: dir})
	for _, name := range left {
		if _, err := os.Stat(filepath.Join(dir, name)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	leave("new-3") // as the other process makes it right now
	open(t, Options{Dir: dir})
	if _, err := os.Stat(filepath.Join(dir, "new-3")); err != nil {
		t.Errorf("what another process is making: got %v", err)
	}
	if got, _, err := h.load(t, answering(7)); got != 7 || err != nil {
		t.Errorf("the process that was first: got %d, %v", got, err)
	}
}

func TestTheFolderMustBeOursAlone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o750); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(Options{Dir: dir}); err == nil || !strings.Contains(err.Error(), "chmod 700") {
		t.Errorf("got %v, want what to do about it", err)
	}
}

func TestOptionsThatMakeNoSense(t *testing.T) {
	t.Parallel()
	for _, opts := range []Options{{MaxBytes: -1}, {Limits: Limits{Time: -1}}, {Limits: Limits{MemoryBytes: -1}}, {Limits: Limits{CodeBytes: -1}}} {
		if _, err := Open(opts); err == nil {
			t.Errorf("%+v is accepted", opts)
		}
	}
}
