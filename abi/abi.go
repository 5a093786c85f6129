// Package abi is the contract between carrel and its guests: which functions a
// module may import, what goes in and out of them, how results are packed, and
// why a module is refused.
//
// [Funcs] is the one table from which import validation, registration,
// journaling, abi/ABI.md and the SDKs' stubs and codecs are derived. The package
// knows neither an engine nor a host; it imports the standard library only.
//
// What the guest exports answer: carrel_run returns a packed [RunReply] as bare
// JSON. carrel_describe returns a packed frame as host functions do, {"ok":…}
// with a [Description], or {"error":{"code","message"}} when the module cannot
// say what it is. A module built with an SDK in which no handler is registered
// answers both: describe with
// {"error":{"code":"invalid","message":"no handler is registered: …"}}, run with
// a [RunReply] that carries the same error.
package abi

//go:generate go run ../internal/gen -root ..

// Version is the ABI's version. A change that breaks a guest built for an
// earlier one raises it.
const Version = 1

// Module is the import module of all of carrel's host functions.
const Module = "carrel"

// Guest exports.
const (
	ExportMemory     = "memory"
	ExportInitialize = "_initialize"
	ExportAlloc      = "carrel_alloc"
	ExportRun        = "carrel_run"
	ExportDescribe   = "carrel_describe"
	ExportLoad       = "carrel_load"
	ExportWarm       = "carrel_warm"
	ExportReseed     = "carrel_reseed"
)

// Custom sections.
const (
	SectionMeta   = "carrel.meta"
	SectionSource = "carrel.source"
)

// Pack packs an address and a length in guest memory into a function result:
// ptr<<32 | len. Zero stands for "nothing".
func Pack(ptr, length uint32) uint64 { return uint64(ptr)<<32 | uint64(length) }

// Unpack takes a packed result apart.
func Unpack(packed uint64) (ptr, length uint32) {
	return uint32(packed >> 32), uint32(packed)
}

// Effect says how a host function is journaled.
type Effect int

// The effects, from harmless to costly.
const (
	// Pure functions depend on nothing but their request and are not journaled.
	Pure Effect = iota
	// Observe functions read the world: the result is journaled.
	Observe
	// Commit functions change carrel's own records: effect and journal entry commit together.
	Commit
	// External functions reach beyond the store: the intent is durable before, the result after.
	External
)

// String returns the effect's name in the documentation.
func (e Effect) String() string {
	return [...]string{"Pure", "Observe", "Commit", "External"}[e]
}

// Func describes one host function. Its Wasm type is always
// (req_ptr i32, req_len i32) -> i64.
type Func struct {
	// Name is the import name, <noun>_<verb>.
	Name string
	// Effect says how the call is journaled.
	Effect Effect
	// Always is true for functions every agent may call; the others need a grant.
	Always bool
	// Request and Reply are zero values of the types whose JSON goes in and, under "ok", comes out.
	Request, Reply any
	// Doc is one line for the documentation.
	Doc string
}

// Funcs is the table of host functions, in the order of the documentation.
var Funcs = []Func{
	{"log", Observe, true, LogRequest{}, Empty{}, "Writes a line to the task's log."},
	{"task_get", Observe, true, Empty{}, TaskGetReply{}, "Reads the task: ids, state, metadata and artifacts so far, without its history."},
	{"task_status", Commit, true, TaskStatusRequest{}, Empty{}, "Reports progress: a working status with a message."},
	{"task_artifact", Commit, true, TaskArtifactRequest{}, Empty{}, "Emits an artifact or a chunk of one; this is how output streams."},
	{"context_load", Observe, true, Empty{}, ContextLoadReply{}, "Reads the agent's own bytes for this contextId, with their version."},
	{"context_save", Commit, true, ContextSaveRequest{}, ContextSaveReply{}, "Writes the agent's own bytes for this contextId; answers conflict when the version is not the one stored. Takes effect with the end of the run."},
	{"context_history", Observe, true, ContextHistoryRequest{}, ContextHistoryReply{}, "Reads the messages of all tasks of this contextId, oldest first."},
	{"blob_read", Pure, true, BlobReadRequest{}, BlobReadReply{}, "Reads from a large part of a message or an artifact: where its bytes would be, the part has a url that begins with carrel-blob:. What such a url names never changes."},
}

// Lookup returns the host function of that name.
func Lookup(name string) (Func, bool) {
	for _, f := range Funcs {
		if f.Name == name {
			return f, true
		}
	}
	return Func{}, false
}
