package compile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
)

// makeOwn makes a folder that only we can read and write, unless it is there.
func makeOwn(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return fmt.Errorf("compile: others may write or read the cache of compiled code in %s; run chmod 700 on it", dir)
	}
	return ours(info)
}

// isOwn reports an error unless path is a folder that only we can write.
func isOwn(path string) error {
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return fmt.Errorf("%s is no folder", info.Name())
	}
	return ours(info)
}

// ours reports an error when somebody else owns a file, or may read or write it.
func ours(info fs.FileInfo) error {
	if stat, ok := info.Sys().(*syscall.Stat_t); !ok || int(stat.Uid) != os.Geteuid() {
		return fmt.Errorf("%s belongs to somebody else", info.Name())
	}
	if info.Mode().Perm()&0o077 != 0 {
		return fmt.Errorf("others may read or write %s", info.Name())
	}
	return nil
}

// openOwn opens a regular file that only we can write. Neither a link is
// followed nor a pipe waited for.
func openOwn(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	switch {
	case err != nil:
	case !info.Mode().IsRegular():
		err = fmt.Errorf("%s is no regular file", info.Name())
	default:
		err = ours(info)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// readOwn reads a file of that size that only we can write.
func readOwn(path string, size int) ([]byte, error) {
	f, err := openOwn(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, int64(size)+1))
	if err == nil && len(content) != size {
		err = fmt.Errorf("%s does not have %d bytes", filepath.Base(path), size)
	}
	return content, err
}

// hasOnly reports an error unless a folder has just these names.
func hasOnly(dir string, want ...string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	have, err := f.Readdirnames(len(want) + 1)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	slices.Sort(have)
	if !slices.Equal(have, want) {
		return fmt.Errorf("it has %q and must have %q", have, want)
	}
	return nil
}

// writeNew writes a file that was not there, to the disk.
func writeNew(path string, content []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	return errors.Join(err, f.Sync(), f.Close())
}

// syncDir brings what was done in a folder to the disk.
func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// sameFile reports an error unless path is the file that is open.
func sameFile(f *os.File, path string) error {
	opened, err := f.Stat()
	if err != nil {
		return err
	}
	linked, err := os.Lstat(path)
	if err == nil && !os.SameFile(opened, linked) {
		err = errors.New("it was exchanged while it was checked")
	}
	return err
}

// onlyName is the name of the one thing in a folder.
func onlyName(dir string) (string, error) {
	f, err := os.Open(dir)
	if err != nil {
		return "", err
	}
	defer f.Close()
	names, err := f.Readdirnames(2)
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	if len(names) != 1 {
		return "", fmt.Errorf("%s has %d entries and must have one", filepath.Base(dir), len(names))
	}
	return names[0], nil
}
