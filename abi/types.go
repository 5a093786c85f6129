package abi

import "encoding/json"

// The types below are the requests and replies of [Funcs], as JSON. A field of
// type [json.RawMessage] with an a2a tag holds an A2A object of that name in
// ProtoJSON (the messages of lf.a2a.v1); bytes are base64. Fields may be added
// within an ABI version; readers ignore what they do not know.

// Empty is the request or reply of a function that takes or gives nothing.
type Empty struct{}

// LogRequest is the request of log.
type LogRequest struct {
	// Level is debug, info, warn or error; empty is info.
	Level string `json:"level,omitempty"`
	// Message is the line; what exceeds 4 KiB is cut.
	Message string `json:"message"`
}

// TaskGetReply is the reply of task_get.
type TaskGetReply struct {
	// Task is the task without its history.
	Task json.RawMessage `json:"task" a2a:"Task"`
}

// TaskStatusRequest is the request of task_status.
type TaskStatusRequest struct {
	// Message is what the agent says of its progress. The host fills in ids and role.
	Message json.RawMessage `json:"message" a2a:"Message"`
}

// TaskArtifactRequest is the request of task_artifact.
type TaskArtifactRequest struct {
	// Artifact is the artifact, or the chunk with the parts to append. An empty
	// artifactId means the run's first artifact.
	Artifact json.RawMessage `json:"artifact" a2a:"Artifact"`
	// Append adds the parts to the artifact of that id instead of replacing it.
	Append bool `json:"append,omitempty"`
	// LastChunk says that nothing more will be appended.
	LastChunk bool `json:"lastChunk,omitempty"`
}

// ContextLoadReply is the reply of context_load.
type ContextLoadReply struct {
	// Data is what the agent saved last; absent when it never did.
	Data []byte `json:"data,omitempty"`
	// Version is the number of saves so far: 0 when there was none.
	Version uint64 `json:"version"`
}

// ContextSaveRequest is the request of context_save.
type ContextSaveRequest struct {
	// Data replaces what is stored, 256 KiB at most.
	Data []byte `json:"data"`
	// Version is the version that was read; another one stored answers conflict.
	Version uint64 `json:"version"`
}

// ContextSaveReply is the reply of context_save.
type ContextSaveReply struct {
	// Version is the version the data will have.
	Version uint64 `json:"version"`
}

// ContextHistoryRequest is the request of context_history.
type ContextHistoryRequest struct {
	// Limit is the number of messages wanted, the most recent ones; 0 is 100, which is also the most.
	Limit int `json:"limit,omitempty"`
}

// ContextHistoryReply is the reply of context_history.
type ContextHistoryReply struct {
	// Messages are the messages of the context, oldest first, this run's included.
	Messages []json.RawMessage `json:"messages" a2a:"Message"`
}

// A part of more than MaxInline bytes is stored on its own. Where its bytes would be,
// it has a URL that begins with BlobScheme, for blob_read.
const (
	MaxInline  = 64 << 10
	BlobScheme = "carrel-blob:"
)

// BlobReadRequest is the request of blob_read.
type BlobReadRequest struct {
	// URL is that of the part, as it is.
	URL string `json:"url"`
	// Offset is the first byte wanted; at the end and beyond it there are none.
	Offset int64 `json:"offset,omitempty"`
	// Length is the number of bytes wanted; 0 is 256 KiB, which is also the most.
	Length int `json:"length,omitempty"`
}

// BlobReadReply is the reply of blob_read.
type BlobReadReply struct {
	// Data are the bytes: fewer than wanted only at the end.
	Data []byte `json:"data,omitempty"`
	// Size is the length of the whole part in bytes.
	Size int64 `json:"size"`
}

// RunRequest is what carrel_run receives.
type RunRequest struct {
	// TaskID and ContextID are the ids of the task and its context.
	TaskID    string `json:"taskId"`
	ContextID string `json:"contextId"`
	// Tenant and Agent name the agent as it is deployed.
	Tenant string `json:"tenant"`
	Agent  string `json:"agent"`
	// Run counts the runs of the task from 1; a run ends with a reply or by waiting for input.
	Run int `json:"run"`
	// Message is the message that started this run. A part of more than 64 KiB of bytes
	// has a url for blob_read in their place.
	Message json.RawMessage `json:"message" a2a:"Message"`
	// Pending holds messages that were sent before this run could start, after Message, oldest first.
	Pending []json.RawMessage `json:"pending,omitempty" a2a:"Message"`
	// AcceptedOutputModes are the media types the client can take back; empty is any.
	AcceptedOutputModes []string `json:"acceptedOutputModes,omitempty"`
	// Limits are the bounds of this run.
	Limits Limits `json:"limits"`
}

// Limits tells a guest the bounds it runs under.
type Limits struct {
	// RunSeconds is the wall-clock time the run may take.
	RunSeconds int `json:"runSeconds"`
	// MemoryBytes is the most linear memory the sandbox may grow to.
	MemoryBytes int64 `json:"memoryBytes"`
}

// RunReply is what carrel_run returns; it ends the run.
type RunReply struct {
	// State is completed, failed, rejected, input_required or auth_required; empty is completed.
	State string `json:"state,omitempty"`
	// Message is the status message, if any; or the answer, see [Description].Replies.
	Message json.RawMessage `json:"message,omitempty" a2a:"Message"`
	// Artifacts are artifacts that are complete with this reply.
	Artifacts []json.RawMessage `json:"artifacts,omitempty" a2a:"Artifact"`
	// Error ends the task as failed, with its message as the status message.
	Error *Error `json:"error,omitempty"`
}

// Description is what carrel_describe returns: the author's part of the agent card.
type Description struct {
	// Name and Description are for people; empty ones are filled from the agent's name.
	Name        string `json:"name,omitempty"`
	Description string `json:"description,omitempty"`
	// Version is the author's version of the agent, for example "1.2.0".
	Version string `json:"version,omitempty"`
	// Skills are the card's skills.
	Skills []Skill `json:"skills,omitempty"`
	// InputModes and OutputModes are media types; empty is text/plain on the card, and takes all.
	InputModes  []string `json:"inputModes,omitempty"`
	OutputModes []string `json:"outputModes,omitempty"`
	// DocumentationURL and IconURL are absolute URLs.
	DocumentationURL string `json:"documentationUrl,omitempty"`
	IconURL          string `json:"iconUrl,omitempty"`
	// Extensions are the protocol extensions that the agent knows.
	Extensions []Extension `json:"extensions,omitempty"`
	// Replies is "message" when the agent may answer with a bare message, else empty.
	// A run of such an agent that completes with a message and has given nothing else,
	// neither artifact nor status, is answered with that message instead of a task,
	// unless it took longer than 30 s, or the caller wants a task.
	Replies string `json:"replies,omitempty"`
}

// RepliesMessage is the word of Description.Replies for agents that may answer with
// a bare message.
const RepliesMessage = "message"

// Extension is a protocol extension that an agent knows. Clients name those they
// use with each request, and the messages that are about one say so.
type Extension struct {
	// URI names the extension and its version.
	URI string `json:"uri"`
	// Description says for people how the agent uses it.
	Description string `json:"description,omitempty"`
	// Required extensions must be named by every client: its requests are refused else.
	Required bool `json:"required,omitempty"`
}

// Skill is one skill of an agent card.
type Skill struct {
	// ID names the skill within the card.
	ID string `json:"id"`
	// Name and Description are for people.
	Name        string `json:"name"`
	Description string `json:"description"`
	// Tags are words to find the skill by.
	Tags []string `json:"tags,omitempty"`
	// Examples are messages that the skill is good for.
	Examples []string `json:"examples,omitempty"`
	// InputModes and OutputModes are media types; empty is those of the agent.
	InputModes  []string `json:"inputModes,omitempty"`
	OutputModes []string `json:"outputModes,omitempty"`
}
