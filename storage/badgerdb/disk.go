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
	reserve int64
	free    func(dir string) (free, total int64, err error)
	changed time.Time // when the directory last changed, as far as it is synced
}

// defaultReserve holds what memtables that are not yet flushed become, and a merge of tables.
const defaultReserve = 128 << 20

func newDisk(dir string, reserve int64) disk {
	return disk{dir: dir, reserve: reserve, free: freeSpace}
}

// errDiskFull tells what is missing.
var errDiskFull = errors.New("badgerdb: the disk is full")

// check returns an error when less than the reserve is free.
func (d *disk) check() error {
	free, total, err := d.free(d.dir)
	if err != nil {
		return fmt.Errorf("badgerdb: free space of %s: %w", d.dir, err)
	}
	reserve := d.reserve
	if reserve == 0 {
		reserve = min(defaultReserve, max(total/8, 3*smallestMemTable))
	}
	if free < reserve {
		return fmt.Errorf("%w: %s has %d MiB free and the store keeps %d MiB; make room and it goes on",
			errDiskFull, d.dir, free>>20, reserve>>20)
	}
	return nil
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
