//go:build wasip1

package agent

import (
	"runtime"
	"slices"
	"unsafe"

	"github.com/carrelhq/carrel/guests/go/internal/codec"
)

// pinned holds the buffers that the host knows by address: while they are here,
// the collector leaves them alone. They are few.
var pinned [][]byte

func address(b []byte) uint32 { return uint32(uintptr(unsafe.Pointer(unsafe.SliceData(b)))) }

// alloc gives the host memory to put a request or a reply into.
//
//go:wasmexport carrel_alloc
func alloc(n uint32) uint32 {
	b := spare
	if spare = nil; uint32(cap(b)) < max(n, 1) {
		b = make([]byte, max(n, 1))
	}
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
func run(ptr, n uint32) uint64 {
	source.seeded = false // if it was seeded before, every run begins with that seed
	return give(respond(take(ptr, n)))
}

//go:wasmexport carrel_describe
func describeExport() uint64 { return give(describe()) }

//go:wasmimport wasi_snapshot_preview1 random_get
//go:noescape
func randomGet(buf unsafe.Pointer, n uint32) (errno uint32)

// entropy is random, and in a run nobody else's.
func entropy() (n uint64) {
	if errno := randomGet(unsafe.Pointer(&n), uint32(unsafe.Sizeof(n))); errno != 0 {
		panic("no random numbers: random_get failed")
	}
	return n
}

//go:wasmexport carrel_warm
func warmExport() { warm() }

// writer is for requests and the reply. While one uses it it is not here: a call
// that is made meanwhile, as by a MarshalJSON, finds none and makes its own.
var writer *codec.Writer

// keptRoom is how large a request may be for its room to be kept, in bytes.
const keptRoom = 64 << 10

func takeWriter() *codec.Writer {
	w := writer
	if writer = nil; w == nil {
		return new(codec.Writer)
	}
	w.Reset()
	return w
}

func giveWriter(w *codec.Writer) {
	if len(w.Bytes()) <= keptRoom {
		writer = w
	}
}

// spare is what the host may use for its next reply, if that is short.
var spare []byte

func giveReply(reply []byte) { spare = reply }

// invoke makes one host call and returns its framed reply.
func invoke(function func(ptr, n uint32) uint64, request []byte) []byte {
	packed := function(address(request), uint32(len(request)))
	runtime.KeepAlive(request) // the host has read it by now
	return take(uint32(packed>>32), uint32(packed))
}
