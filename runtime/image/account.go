package image

import "fmt"

// Account bounds what memories and images take together. It is safe for
// concurrent use, and must not call back the memory or image that called it.
type Account interface {
	// Reserve charges bytes, or charges nothing and returns false.
	Reserve(bytes int) bool
	// Release takes back what was charged.
	Release(bytes int)
}

var errRefused = fmt.Errorf("%w: the account refuses", ErrNoMemory)

func reserve(a Account, bytes int) bool {
	return a == nil || bytes == 0 || a.Reserve(bytes)
}

func release(a Account, bytes int) {
	if a != nil && bytes > 0 {
		a.Release(bytes)
	}
}
