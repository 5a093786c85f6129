package storage

import (
	"reflect"
	"runtime"
)

// CallUpdate calls fn with tx and returns its error. It is for implementations:
// they run the function of every update through it, so that [InUpdate] can tell
// a nested call from one that only has to wait.
//
//go:noinline
func CallUpdate(tx Tx, fn func(Tx) error) error { return fn(tx) }

// InUpdate reports whether the calling goroutine is inside a function that
// [CallUpdate] runs. It walks the stack, so implementations ask only while an
// update is running. A goroutine that fn starts is not recognised.
func InUpdate() bool {
	marker := reflect.ValueOf(CallUpdate).Pointer()
	var pcs [64]uintptr
	for skip := 1; ; skip += len(pcs) {
		n := runtime.Callers(skip, pcs[:])
		for _, pc := range pcs[:n] {
			if fn := runtime.FuncForPC(pc - 1); fn != nil && fn.Entry() == marker {
				return true
			}
		}
		if n < len(pcs) {
			return false
		}
	}
}
