package agent

import (
	"runtime"
	"slices"

	"github.com/carrelhq/carrel/guests/go/internal/codec"
)

// warmers are the functions given to Warm.
var warmers []func()

// Warm has f called once, when the module is uploaded, and not in each run: what
// it leaves in memory is there when a run begins. Let it do what each run does
// before it is at work, as to parse templates, or to read and write a sample of
// the JSON that the agent deals with, since encoding/json first learns a type. Of
// host functions only log works, and clocks stand still. Call it in an init
// function; several are called in turn.
func Warm(f func()) { warmers = append(warmers, f) }

// spareHeap is the memory in bytes that a run may use before the heap grows.
const spareHeap = 1 << 20

// sample is a run request as small agents get them.
const sample = `{"taskId":"1","contextId":"2","tenant":"t","agent":"a","run":1,"message":{"messageId":"3",` +
	`"role":"ROLE_USER","parts":[{"text":"\u00e9"}],"metadata":{"n":1}},"limits":{"runSeconds":1,"memoryBytes":1}}`

// warm does what a first run would do first, so that no run has to: it grows the
// heap, reads a request and writes a reply. The handler is not called.
func warm() {
	// Collected first: a collection empties the allocator's caches, which what
	// follows fills again, and a first run would.
	runtime.KeepAlive(make([]byte, spareHeap))
	runtime.GC()
	touchAllocator()
	for _, f := range warmers {
		f()
	}
	var request runRequest
	request.decode(codec.NewReader([]byte(sample)))
	reply := runReply{State: "completed", Message: &request.Message, Artifacts: []Artifact{{Parts: request.Message.Parts}}}
	w := takeWriter()
	reply.encode(w)
	giveWriter(w)
	giveReply(make([]byte, 0, 2*len(nothing)))
}

// largestTouched is the size in bytes up to which the allocator is touched.
const largestTouched = 2 << 10

// touchAllocator allocates one object of each small size, with and without
// pointers: the allocator then has a span at hand for each, which takes a run
// several times as long to get as an object of it.
func touchAllocator() {
	for size := 8; size <= largestTouched; size = cap(slices.Grow([]byte(nil), size+1)) {
		runtime.KeepAlive(make([]*byte, size/8))
	}
}
