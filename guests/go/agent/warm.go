package agent

import (
	"runtime"

	"github.com/carrelhq/carrel/guests/go/internal/codec"
)

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
	var request runRequest
	request.decode(codec.NewReader([]byte(sample)))
	var w codec.Writer
	reply := runReply{State: "completed", Message: &request.Message, Artifacts: []Artifact{{Parts: request.Message.Parts}}}
	reply.encode(&w)
}
