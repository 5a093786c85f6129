package badgerdb

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// disk watches the file system the store lies on.
type disk struct {
	dir     string
	free    func(dir string) (int64, error)
	changed time.Time // when the directory last changed, as far as it is synced
}

// What the engine may write by itself, after the updates that caused it.
const (
	// diskMargin is for the group under way, new files and the file system's own records.
	diskMargin = 24 << 20
	// mergeBytes is what one merge of tables writes before it deletes its sources.
	mergeBytes = 512 << 20
)

// errDiskFull tells what is missing.
var errDiskFull = errors.New("badgerdb: the disk is full")

// check returns an error when less than need is free.
func (d *disk) check(need int64) error {
	free, err := d.free(d.dir)
	if err != nil {
		return fmt.Errorf("badgerdb: free space of %s: %w", d.dir, err)
	}
	if free < need {
		return fmt.Errorf("%w: %s has %d MiB free and needs %d MiB; make room and it goes on",
			errDiskFull, d.dir, free>>20, need>>20)
	}
	return nil
}

// reserve is the free space below which updates are refused.
func (db *DB) reserve() int64 {
	if db.opts.ReserveBytes > 0 {
		return db.opts.ReserveBytes
	}
	return diskMargin + db.unflushed() + min(db.tables.Load(), mergeBytes)
}

// measure looks how large the tables are, which is too dear to do per group.
func (db *DB) measure() {
	var tables int64
	for _, level := range db.engine.Levels() {
		tables += level.Size
	}
	db.tables.Store(tables)
}

// unflushed bounds what lies in memtables and has yet to be written as tables:
// one in use, one waiting, one on its way.
func (db *DB) unflushed() int64 { return min(db.logged.Load(), 3*db.opts.memTable()) }

// logBytes returns what the engine's logs in dir hold, which it writes as tables when it opens.
func logBytes(dir string) (n int64) {
	names, _ := filepath.Glob(filepath.Join(dir, "*.mem")) // the pattern is good
	for _, name := range names {
		if info, err := os.Stat(name); err == nil {
			n += allocated(info)
		}
	}
	return n
}

// syncDir makes new files of the engine findable after a power cut: Badger
// syncs their content, not their names. It is for the writer alone.
func (d *disk) syncDir() error {
	info, err := os.Stat(d.dir)
	if err != nil || info.ModTime().Equal(d.changed) {
		return err
	}
	if err := syncDir(d.dir); err != nil {
		return err
	}
	d.changed = info.ModTime()
	return nil
}

func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// Size returns the bytes the store takes on disk.
func (db *DB) Size() int64 {
	var size int64
	// A file that goes while we look takes no space.
	_ = filepath.WalkDir(db.opts.Dir, func(_ string, e fs.DirEntry, err error) error {
		if err != nil {
			return nil
		}
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() {
			size += allocated(info)
		}
		return nil
	})
	return size
}
