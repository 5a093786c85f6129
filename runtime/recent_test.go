package runtime

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// twoModules returns the bytes of two modules by name.
func twoModules() map[string][]byte {
	return map[string][]byte{"one": newReplier(`{"n":1}`).bytes(), "two": newReplier(`{"n":2}`).bytes()}
}

func TestWhatWasReadyIsReadyAfterARestart(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "cache")
	modules := twoModules()
	source := func(_ context.Context, digest string) ([]byte, error) {
		data, ok := modules[digest]
		if !ok {
			return nil, errors.New("deleted")
		}
		return data, nil
	}
	first := newEngine(t, Options{CacheDir: dir})
	for _, name := range []string{"one", "two", "one"} {
		m, err := first.Load(t.Context(), "tenant", name, func(ctx context.Context) ([]byte, error) { return source(ctx, name) })
		if err != nil {
			t.Fatal(err)
		}
		m.Release()
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}

	second := newEngine(t, Options{CacheDir: dir})
	second.Preload(t.Context(), source)
	if got := second.ready(); !slices.Equal(got, []string{"one", "two"}) {
		t.Errorf("ready are %v", got)
	}
	m, err := second.Load(t.Context(), "tenant", "two", nil) // needs no source
	if err != nil {
		t.Fatal(err)
	}
	if in := m.pool.take(); in == nil {
		t.Error("no sandbox waits")
	} else {
		m.give(in, true)
	}
	m.Release()

	delete(modules, "one")
	third := newEngine(t, Options{CacheDir: dir})
	third.Preload(t.Context(), source)
	if got := third.ready(); !slices.Equal(got, []string{"two"}) {
		t.Errorf("without the deleted one, ready are %v", got)
	}
}

func TestAListOfRecentModulesIsNotBelieved(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"no JSON": "{", "another thing": `{"a":1}`, "numbers": "[1,2]", "nothing": "",
		"much too long": `["` + strings.Repeat("x", maxRecent) + `"]`, "paths": `["../../etc/passwd"]`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEngine(t, Options{CacheDir: filepath.Join(t.TempDir(), "cache")})
			if err := os.WriteFile(filepath.Join(e.opts.CacheDir, recentFile), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			e.Preload(t.Context(), func(context.Context, string) ([]byte, error) { return nil, errors.New("no such module") })
			if got := e.ready(); len(got) != 0 {
				t.Errorf("ready are %v", got)
			}
		})
	}
}
