//go:build wasip1

package agent

import (
	"runtime"
	"slices"
	"unsafe"
)

// pinned holds the buffers that the host knows by address: while they are here,
// the collector leaves them alone. They are few.
var pinned [][]byte

func address(b []byte) uint32 { return uint32(uintptr(unsafe.Pointer(unsafe.SliceData(b)))) }

// alloc gives the host memory to put a request or a reply into.
//
//go:wasmexport carrel_alloc
func alloc(n uint32) uint32 {
	b := make([]byte, max(n, 1))
	pinned = append(pinned, b)
	return address(b)
}

// take returns the bytes that the host has put at an address it was given.
func take(ptr, n uint32) []byte {
	for i, b := range pinned {
		if address(b) == ptr {
			pinned = slices.Delete(pinned, i, i+1)
			return b[:n]
		}
	}
	return nil
}

// give keeps b for the host and returns where it is.
func give(b []byte) uint64 {
	if len(b) == 0 {
		return 0
	}
	pinned = append(pinned, b)
	return uint64(address(b))<<32 | uint64(len(b))
}

//go:wasmexport carrel_run
func run(ptr, n uint32) uint64 { return give(respond(take(ptr, n))) }

//go:wasmexport carrel_describe
func describeExport() uint64 { return give(describe()) }

// reseed gives every run random numbers of its own: sandboxes begin alike.
//
//go:wasmexport carrel_reseed
func reseed(seed int64) {
	source.Seed(uint64(seed), uint64(seed)^0x9E3779B97F4A7C15)
}

//go:wasmexport carrel_warm
func warmExport() { warm() }

// invoke makes one host call and returns its framed reply.
func invoke(function func(ptr, n uint32) uint64, request []byte) []byte {
	packed := function(address(request), uint32(len(request)))
	runtime.KeepAlive(request) // the host has read it by now
	return take(uint32(packed>>32), uint32(packed))
}
