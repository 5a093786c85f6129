package badgerdb

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	badger "github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/table"
)

// checkTables looks at the end of each table file, where Badger finds the
// lengths of what lies before. Badger checks sums, but it trusts these lengths
// and panics, in a goroutine of its own, where they point outside the file.
//
// Only tables that the manifest names count. A crash leaves others, half written
// or no longer needed, and Badger removes them.
func checkTables(dir string) error {
	ids, err := manifestTables(dir)
	if err != nil {
		return err
	}
	for _, id := range ids {
		name := table.NewFilename(id, dir)
		err := checkTable(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue // Badger says so, unless another process has just removed it
		}
		if err != nil {
			return fmt.Errorf("%s: %w", filepath.Base(name), err)
		}
	}
	return nil
}

// manifestTables lists the tables that the manifest names; none without a manifest.
func manifestTables(dir string) ([]uint64, error) {
	f, err := os.Open(filepath.Join(dir, badger.ManifestFilename))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	manifest, _, err := badger.ReplayManifestFile(f, 0, badger.DefaultOptions(dir).WithLogger(nil))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", badger.ManifestFilename, err)
	}
	return slices.Sorted(maps.Keys(manifest.Tables)), nil
}

// checkTable reads a table from its end: the length of a checksum, the
// checksum, the length of an index, the index, the blocks.
func checkTable(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	left := info.Size()
	for _, part := range []string{"checksum", "index"} {
		var length [4]byte
		if left -= int64(len(length)); left < 0 {
			return fmt.Errorf("the table is cut off before its %s", part)
		}
		if _, err := f.ReadAt(length[:], left); err != nil {
			return err
		}
		n := int64(binary.BigEndian.Uint32(length[:]))
		if left -= n; n == 0 || left <= 0 {
			return fmt.Errorf("the table has %d bytes and its %s should have %d", info.Size(), part, n)
		}
	}
	return nil
}
