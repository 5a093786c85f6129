// Package threads prepares the threads of a process for a server of guests. A
// program calls it first thing, before it does work.
package threads

import (
	"os"
	"runtime"
)

// Prepare makes room for guests, which Go cannot pre-empt: they may be on as many
// threads as there are cores, and everything else needs some at the same time. So it
// doubles GOMAXPROCS, unless the environment sets it, and keeps the kernel from
// interrupting one thread of the process for another the moment that one wakes.
// What cannot be done is left: the process is only slower for it.
//
// It is called once.
func Prepare() {
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(2 * runtime.GOMAXPROCS(0))
	}
	stayOnCore()
}
