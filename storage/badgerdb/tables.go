package badgerdb

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
)

// checkTables looks at the end of each table file, where Badger finds the
// lengths of what lies before. Badger checks sums, but it trusts these lengths
// and panics, in a goroutine of its own, where they point outside the file.
func checkTables(dir string) error {
	names, err := filepath.Glob(filepath.Join(dir, "*.sst"))
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := checkTable(name); err != nil {
			return fmt.Errorf("%s: %w", filepath.Base(name), err)
		}
	}
	return nil
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
