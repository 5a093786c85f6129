//go:build amd64 || arm64

package image

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
)

// A process may have so many mappings (vm.max_map_count), and one that has no more
// dies soon: Go's own memory needs them too. So images and memories together get
// no more than half, and are refused the rest.
var mappings atomic.Int64

var maxMappings = sync.OnceValue(func() int64 {
	const usual = 65530
	text, err := os.ReadFile("/proc/sys/vm/max_map_count")
	if err != nil {
		return usual / 2
	}
	n, err := strconv.ParseInt(string(bytes.TrimSpace(text)), 10, 64)
	if err != nil || n <= 0 {
		return usual / 2
	}
	return n / 2
})

// takeMappings counts n mappings, fewer if n is negative.
func takeMappings(n int) error {
	if now := mappings.Add(int64(n)); n > 0 && now > maxMappings() {
		mappings.Add(int64(-n))
		return fmt.Errorf("%w: half of the process's mappings (vm.max_map_count) are in use", ErrNoMemory)
	}
	return nil
}
