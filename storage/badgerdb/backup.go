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
// backup that is cut off or damaged is ErrBadBackup. A failed Restore leaves
// nothing; one cut off by a crash leaves a directory that Open refuses.
func Restore(ctx context.Context, dir string, r io.Reader) error {
	if err := mustBeEmpty(dir); err != nil {
		return err
	}
	_, absent := os.Stat(dir)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	err := restoreInto(ctx, dir, r)
	if err != nil && absent != nil {
		_ = os.Remove(dir)
	}
	return err
}

// restoreInto works in a directory inside dir, so that dir may be a mount point.
func restoreInto(ctx context.Context, dir string, r io.Reader) error {
	temp, err := os.MkdirTemp(dir, "restore-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temp)
	if err := fill(ctx, temp, r); err != nil {
		return err
	}
	return moveUp(temp, dir)
}

// moveUp moves a store's files to dir. The format file comes last: without it
// dir is no store.
func moveUp(from, dir string) error {
	entries, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.Name() == formatFile {
			continue
		}
		if err := os.Rename(filepath.Join(from, e.Name()), filepath.Join(dir, e.Name())); err != nil {
			return err
		}
	}
	if err := syncDir(dir); err != nil {
		return err
	}
	if err := os.Rename(filepath.Join(from, formatFile), filepath.Join(dir, formatFile)); err != nil {
		return err
	}
	return syncDir(dir)
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
		wait, err := db.UpdateLater(ctx, func(tx storage.Tx) error { return setAll(tx, batch) })
		if err == nil && !more {
			err = wait() // the last one, and so all
		}
		if err != nil {
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
