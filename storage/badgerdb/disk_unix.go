//go:build linux || darwin || freebsd

package badgerdb

import (
	"io/fs"
	"syscall"
)

// freeSpace returns what an unprivileged process may still write in dir's file
// system: nothing, when no file can be made there.
func freeSpace(dir string) (int64, error) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return 0, err
	}
	const filesOfTheEngine = 64
	if s.Files > 0 && s.Ffree < filesOfTheEngine {
		return 0, nil
	}
	return int64(s.Bavail) * int64(s.Bsize), nil
}

// allocated returns the bytes a file takes; Badger's files are mostly holes.
func allocated(info fs.FileInfo) int64 {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return int64(s.Blocks) * 512
	}
	return info.Size()
}
