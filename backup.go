package carrel

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/carrelhq/carrel/storage/badgerdb"
)

// ErrDataInUse is returned by Backup and Restore for a data folder that a running server holds.
var ErrDataInUse = badgerdb.ErrLocked

// Backup writes a copy of the store of a server that is not running to w. A
// running server's store is copied through its admin API.
func Backup(ctx context.Context, dataDir string, w io.Writer) error {
	db, err := badgerdb.Open(badgerdb.Options{Dir: filepath.Join(dataDir, storeDir), ReadOnly: true})
	if err != nil {
		return err
	}
	return errors.Join(db.Backup(ctx, w), db.Close())
}

// Restore makes the store of a new data folder from a backup. A folder that
// holds a store already is refused. The operator's key is not in a backup; the
// one that was valid stays valid.
func Restore(ctx context.Context, dataDir string, r io.Reader) error {
	dir := filepath.Join(dataDir, storeDir)
	if _, err := os.Stat(dir); err == nil {
		return fmt.Errorf("carrel: %s holds a store already; restore into another folder", dataDir)
	}
	if err := os.MkdirAll(dataDir, 0o700); err != nil {
		return err
	}
	return badgerdb.Restore(ctx, dir, r)
}
