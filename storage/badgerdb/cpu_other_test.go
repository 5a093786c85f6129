//go:build !unix

package badgerdb_test

import "time"

// cpuTime is not known here.
func cpuTime() time.Duration { return 0 }
