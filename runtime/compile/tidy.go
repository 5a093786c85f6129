package compile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Prefixes of what belongs to a process or a compilation, and not to the cache.
const (
	newPrefix   = "new-"
	stagePrefix = "stage-"
	// oldPrefix is how the engine's own folder begins, which was the whole cache once.
	oldPrefix = "wazero-"
)

const lockFile = "lock"

// lockAndTidy says that the folder is in use, and removes what a process left
// that was killed when no other process uses the folder.
func (c *Cache) lockAndTidy() (release func() error, err error) {
	f, err := os.OpenFile(filepath.Join(c.dir, lockFile), os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, err
	}
	fd := int(f.Fd())
	if syscall.Flock(fd, syscall.LOCK_EX|syscall.LOCK_NB) == nil {
		err = c.tidy()
	}
	for err == nil {
		if err = syscall.Flock(fd, syscall.LOCK_SH); !errors.Is(err, syscall.EINTR) {
			break
		}
		err = nil
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f.Close, nil
}

func (c *Cache) tidy() error {
	names, err := os.ReadDir(c.dir)
	for _, entry := range names {
		for _, prefix := range []string{newPrefix, stagePrefix, oldPrefix} {
			if strings.HasPrefix(entry.Name(), prefix) {
				err = errors.Join(err, os.RemoveAll(filepath.Join(c.dir, entry.Name())))
			}
		}
	}
	return err
}

// entry is what makeRoom wants to know of an entry.
type entry struct {
	key  string
	size int64
	used time.Time
}

// makeRoom removes the entries that were not used for longest while there are
// too many bytes. It keeps the one that was just made.
func (c *Cache) makeRoom(made string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.used >= 0 {
		if c.used += size(filepath.Join(c.dir, made)); c.used <= c.opts.MaxBytes {
			return
		}
	}
	entries := c.entries()
	c.used = 0
	for _, e := range entries {
		c.used += e.size
	}
	for _, e := range entries {
		if c.used <= c.opts.MaxBytes {
			return
		}
		if e.key == made {
			continue
		}
		if err := os.RemoveAll(filepath.Join(c.dir, e.key)); err != nil {
			c.opts.Logger.Warn("compiled code was not removed", "entry", e.key, "error", err)
			continue
		}
		c.used -= e.size
	}
}

// entries lists the entries, those not used for longest first.
func (c *Cache) entries() []entry {
	var list []entry
	names, _ := os.ReadDir(c.dir) // what cannot be read is not counted
	for _, name := range names {
		if len(name.Name()) != keyLength {
			continue
		}
		if info, err := name.Info(); err == nil {
			list = append(list, entry{name.Name(), size(filepath.Join(c.dir, name.Name())), info.ModTime()})
		}
	}
	slices.SortFunc(list, func(a, b entry) int { return a.used.Compare(b.used) })
	return list
}

// size adds up the files of an entry.
func size(dir string) (n int64) {
	_ = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil {
			return nil // it is being removed
		}
		if info, err := d.Info(); err == nil {
			n += info.Size()
		}
		return nil
	})
	return n
}

// remove removes an entry if there is one.
func (c *Cache) remove(key string) error {
	dir := filepath.Join(c.dir, key)
	if _, err := os.Lstat(dir); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.used = -1 // to be counted again
	return os.RemoveAll(dir)
}
