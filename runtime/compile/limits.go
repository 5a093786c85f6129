package compile

import (
	"cmp"
	"time"

	"golang.org/x/sys/unix"
)

// maxFiles is the number of descriptors a child may have: it writes one file.
const maxFiles = 32

// limit limits what this process may use from now on.
func limit(l Limits) error {
	return cmp.Or(
		limitMemory(l.MemoryBytes),
		setLimit(unix.RLIMIT_CPU, uint64(l.cpu()/time.Second)),
		setLimit(unix.RLIMIT_FSIZE, uint64(l.CodeBytes)),
		setLimit(unix.RLIMIT_CORE, 0),
		setLimit(unix.RLIMIT_NOFILE, maxFiles),
	)
}

// setLimit sets a limit, which cannot be raised again.
func setLimit(what int, value uint64) error {
	return unix.Setrlimit(what, &unix.Rlimit{Cur: value, Max: value})
}
