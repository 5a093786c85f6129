package badgerdb

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// The format file says what wrote the directory. It is read before the engine touches anything.
const (
	formatFile  = "FORMAT"
	formatWord  = "carrel-store"
	formatNow   = 1
	formatLimit = 64
)

// prepareDir makes a new store's directory, or checks that the one there is ours.
func prepareDir(opts Options) error {
	err := checkFormat(opts.Dir)
	if !errors.Is(err, fs.ErrNotExist) || opts.ReadOnly {
		return err
	}
	if err := os.MkdirAll(opts.Dir, 0o700); err != nil {
		return err
	}
	entries, err := os.ReadDir(opts.Dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), formatFile+"-") { // what a crash in writeFormat leaves
			return fmt.Errorf("%w: %s is not empty and has no %s file; name an empty directory", ErrNotAStore, opts.Dir, formatFile)
		}
	}
	return writeFormat(opts.Dir)
}

func checkFormat(dir string) error {
	text, err := os.ReadFile(filepath.Join(dir, formatFile))
	if err != nil {
		return err
	}
	return parseFormat(text, dir)
}

// parseFormat reads the file of a folder's format.
func parseFormat(text []byte, dir string) error {
	word, number, _ := strings.Cut(strings.TrimSpace(string(text[:min(len(text), formatLimit)])), " ")
	version, err := strconv.Atoi(number)
	if word != formatWord || err != nil || version < 1 {
		return fmt.Errorf("%w: the %s file in %s is damaged", ErrNotAStore, formatFile, dir)
	}
	if version > formatNow {
		return fmt.Errorf("%w: %s has format %d and this program knows %d; use a newer carrel", ErrNewerFormat, dir, version, formatNow)
	}
	return nil
}

// writeFormat is the first thing written, so a crash leaves a directory that is
// empty, or has this file alone, and can be opened.
func writeFormat(dir string) error {
	f, err := os.CreateTemp(dir, formatFile+"-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = fmt.Fprintf(f, "%s %d\n", formatWord, formatNow)
	err = errors.Join(err, f.Sync(), f.Close())
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), filepath.Join(dir, formatFile))
}
