package badgerdb

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/carrelhq/carrel/storage"
)

// Backup writes a consistent copy of the running store to w; updates go on
// meanwhile. It ends early with the cause of ctx.
func (db *DB) Backup(ctx context.Context, w io.Writer) error {
	out := newBackupWriter(w)
	err := db.View(ctx, func(tx storage.Tx) error {
		for item, err := range tx.Scan(nil, nil) {
			if err == nil {
				err = context.Cause(ctx)
			}
			if err != nil {
				return err
			}
			if err := out.item(item); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return out.end()
}

// Restore makes a store in dir, which must be absent or empty, from a backup. A
// backup that is cut off or damaged is ErrBadBackup. The store appears in dir
// when it is complete; a failed Restore leaves nothing.
func Restore(ctx context.Context, dir string, r io.Reader) (err error) {
	dir = filepath.Clean(dir)
	if err := mustBeEmpty(dir); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o700); err != nil {
		return err
	}
	temp, err := os.MkdirTemp(filepath.Dir(dir), filepath.Base(dir)+".restore-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temp)
	if err := fill(ctx, temp, r); err != nil {
		return err
	}
	// Rename replaces an empty directory, and nothing else.
	if err := os.Rename(temp, dir); err != nil {
		return err
	}
	return syncDir(filepath.Dir(dir))
}

func mustBeEmpty(dir string) error {
	entries, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil
	case err != nil:
		return err
	case len(entries) > 0:
		return fmt.Errorf("badgerdb: restore into %s: the directory is not empty", dir)
	}
	return nil
}

// fill makes a store in dir from a backup.
func fill(ctx context.Context, dir string, r io.Reader) (err error) {
	in, err := newBackupReader(r)
	if err != nil {
		return err
	}
	db, err := Open(Options{Dir: dir})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	for more := true; more; {
		var batch []storage.Item
		if batch, more, err = in.batch(); err != nil {
			return err
		}
		// The last update waits for the disk and makes the earlier ones durable.
		begin := db.UpdateLater
		if !more {
			begin = db.Update
		}
		if err := begin(ctx, func(tx storage.Tx) error { return setAll(tx, batch) }); err != nil {
			return err
		}
	}
	return nil
}

func setAll(tx storage.Tx, items []storage.Item) error {
	for _, item := range items {
		if err := tx.Set(item.Key, item.Value); err != nil {
			return err
		}
	}
	return nil
}
