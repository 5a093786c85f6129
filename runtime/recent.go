package runtime

import (
	"cmp"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
)

// recentFile lists the digests of the modules that were ready, the last used
// first, for the next start. What is in it is believed to be nothing but names.
const recentFile = "recent.json"

const maxRecent = 64 << 10 // bytes of the file

// Preload makes the modules ready that were when the engine was last in use, the
// last used first, until ctx ends: tasks that come then need not wait. source
// returns a module's bytes. What cannot be loaded is left out.
func (e *Engine) Preload(ctx context.Context, source func(ctx context.Context, digest string) ([]byte, error)) {
	for _, digest := range slices.Backward(e.recent()) { // so that the last used is used last again
		if ctx.Err() != nil {
			return
		}
		if err := e.warm(ctx, digest, source); err != nil {
			e.opts.Logger.Debug("module was not preloaded", "module", digest, "error", err)
		}
	}
}

// warm loads a module and makes its snapshot.
func (e *Engine) warm(ctx context.Context, digest string, source func(context.Context, string) ([]byte, error)) error {
	m, err := e.Load(ctx, noTenant, digest, func(ctx context.Context) ([]byte, error) { return source(ctx, digest) })
	if err != nil {
		return err
	}
	defer m.Release()
	s, err := m.Sandbox(ctx, noTenant)
	if err != nil {
		return err
	}
	s.Release()
	return nil
}

// recent reads what was ready last time.
func (e *Engine) recent() (digests []string) {
	if e.opts.CacheDir == "" {
		return nil
	}
	path := filepath.Join(e.opts.CacheDir, recentFile)
	info, err := os.Stat(path)
	if err != nil || info.Size() > maxRecent {
		return nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	return parseRecent(text, e.opts.MaxModules)
}

// parseRecent reads the names in the file, most of them at most, or none.
func parseRecent(text []byte, most int) (digests []string) {
	if json.Unmarshal(text, &digests) != nil {
		return nil
	}
	return digests[:min(len(digests), most)]
}

// remember writes which modules are ready. It is called when that changes; a list
// that is lost costs the next start some time, no more.
func (e *Engine) remember() {
	if e.opts.CacheDir == "" {
		return
	}
	e.remembering.Lock()
	defer e.remembering.Unlock()
	text, err := json.Marshal(e.ready())
	if err != nil {
		return
	}
	path := filepath.Join(e.opts.CacheDir, recentFile)
	if err = os.WriteFile(path+".new", text, 0o600); err == nil {
		err = os.Rename(path+".new", path)
	}
	if err != nil {
		e.opts.Logger.Debug("modules in use were not noted", "error", err)
	}
}

// ready lists the modules that are ready, the last used first.
func (e *Engine) ready() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	var ready []*Module
	for _, m := range e.modules {
		if m.isReady() {
			ready = append(ready, m)
		}
	}
	slices.SortFunc(ready, func(a, b *Module) int { return cmp.Compare(b.lastUsed, a.lastUsed) })
	digests := []string{}
	for _, m := range ready {
		digests = append(digests, m.digest)
	}
	return digests
}
