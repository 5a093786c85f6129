package runtime

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	goruntime "runtime"
	"testing"
	"weak"
)

// TestALoadedModuleDoesNotKeepTheFile has modules whose files are mostly what the
// compiled module does not have: they are charged by what they keep.
func TestALoadedModuleDoesNotKeepTheFile(t *testing.T) {
	t.Parallel()
	const much = 4 << 20
	for name, c := range map[string]struct {
		add   func(*guest)
		least int64 // bytes charged
	}{
		"a custom section":            {func(g *guest) { g.custom("x", make([]byte, much)) }, 0},
		"data":                        {func(g *guest) { g.dataAt(pageSize, bytes.Repeat([]byte{1}, much)) }, much},
		"source of an agent's engine": {func(g *guest) { g.custom("carrel.source", make([]byte, much)) }, much},
	} {
		e := newEngine(t, Options{})
		file, digest := func() (weak.Pointer[byte], string) {
			g := newGuest("log")
			g.memories[0] = limits(much/pageSize+2, -1)
			c.add(g)
			data := run(g, pack(0, 0)).bytes()
			sum := sha256.Sum256(data)
			digest := hex.EncodeToString(sum[:])
			m, err := e.Load(t.Context(), "tenant", digest, func(context.Context) ([]byte, error) { return data, nil })
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(m.Release)
			return weak.Make(&data[0]), digest
		}()
		for tries := 0; file.Value() != nil && tries < 20; tries++ { // what loaded it may not be quite done
			goruntime.GC()
		}
		if file.Value() != nil {
			t.Errorf("%s: the file is still in memory", name)
		}
		if got := e.loaded.Used(); got < c.least {
			t.Errorf("%s: module %.8s is charged with %d bytes, want %d at least", name, digest, got, c.least)
		}
	}
}
