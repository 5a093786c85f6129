package main

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"
)

// debounce is how long sources must be quiet before a rebuild: editors write a
// file in several steps, and tools write many files at once.
const debounce = 100 * time.Millisecond

// watcher tells when the sources in a folder have changed.
type watcher struct {
	fs      *fsnotify.Watcher
	sources []string
}

// watch begins to watch dir and the folders in it; changes from then on are seen.
func watch(dir string, sources []string) (*watcher, error) {
	inner, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, err
	}
	w := &watcher{fs: inner, sources: sources}
	if err := w.add(dir); err != nil {
		return nil, errors.Join(err, inner.Close())
	}
	return w, nil
}

// add watches dir and the folders in it, but for hidden ones and other tools' stores.
func (w *watcher) add(dir string) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		if name := d.Name(); path != dir && (strings.HasPrefix(name, ".") || name == "node_modules" || name == "target") {
			return filepath.SkipDir
		}
		return w.fs.Add(path)
	})
}

// run calls changed after each burst of changes until ctx ends. Changes that
// come while changed runs are seen afterwards.
func (w *watcher) run(ctx context.Context, changed func()) error {
	quiet := time.NewTimer(0)
	quiet.Stop()
	defer quiet.Stop()
	for {
		select {
		case event := <-w.fs.Events:
			if w.matters(event) {
				quiet.Reset(debounce)
			}
		case err := <-w.fs.Errors:
			if !errors.Is(err, fsnotify.ErrEventOverflow) {
				return err
			}
			quiet.Reset(debounce) // some change was not told
		case <-quiet.C:
			changed()
		case <-ctx.Done():
			return nil
		}
	}
}

// matters reports whether the event may change what is built. A new folder is
// watched from now on, and may have sources in it already.
func (w *watcher) matters(event fsnotify.Event) bool {
	if event.Op == fsnotify.Chmod {
		return false
	}
	if event.Has(fsnotify.Create) && w.add(event.Name) == nil {
		return true
	}
	return slices.Contains(w.sources, filepath.Ext(event.Name))
}

func (w *watcher) close() error { return w.fs.Close() }
