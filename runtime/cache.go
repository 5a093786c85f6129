package runtime

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/tetratelabs/wazero"
)

// openCache opens the cache of compiled code, which only this user may read or
// write: its content is run as native code.
func openCache(dir string) (wazero.CompilationCache, error) {
	if dir == "" {
		return wazero.NewCompilationCache(), nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	info, err := os.Stat(dir)
	if err != nil {
		return nil, err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("runtime: others may write or read the cache of compiled code in %s; run chmod 700 on it", dir)
	}
	return wazero.NewCompilationCacheWithDir(dir)
}

// cacheFault reports whether an error of the engine is about its cache: a
// damaged entry, or one that could not be written. It is not the module's fault.
func cacheFault(err error) bool {
	var path *fs.PathError
	return errors.As(err, &path) || strings.Contains(err.Error(), "compilationcache: ")
}

// clearCache removes the entries of the cache; what needs them compiles again.
func clearCache(dir string) error {
	if dir == "" {
		return nil
	}
	entries, err := filepath.Glob(filepath.Join(dir, "wazero-*", "*"))
	for _, entry := range entries {
		err = errors.Join(err, os.Remove(entry))
	}
	return err
}
