package agent

import (
	"bytes"
	"fmt"
	"runtime"
	"strings"
	"unicode/utf8"

	"github.com/carrelhq/carrel/guests/go/internal/codec"
)

// Task is the task a handler works on, in one run of it.
type Task struct {
	// ID and ContextID name the task and its context; Tenant and Agent the agent as it is deployed.
	ID, ContextID, Tenant, Agent string
	// Run counts the runs of the task from 1; an answer to [NeedInput] starts the next.
	Run int
	// Message started this run; Pending are messages that came before it could start.
	Message Message
	Pending []Message
	// AcceptedOutputModes are the media types the caller can take; empty is any.
	AcceptedOutputModes []string
	// Limits are the bounds of this run.
	Limits Limits

	done   []Artifact // complete with the end of the run
	answer *Message   // that the run completes with
}

func newTask(r *runRequest) *Task {
	return &Task{
		ID: r.TaskID, ContextID: r.ContextID, Tenant: r.Tenant, Agent: r.Agent, Run: r.Run,
		Message: r.Message, Pending: r.Pending, AcceptedOutputModes: r.AcceptedOutputModes, Limits: r.Limits,
	}
}

// Text returns the text of the message that started the run.
func (t *Task) Text() string { return t.Message.Text() }

// Messages returns the messages of this run: the one that started it, and those pending.
func (t *Task) Messages() []Message { return append([]Message{t.Message}, t.Pending...) }

// Reply gives the task an artifact of one text. It is complete with the end of the run.
func (t *Task) Reply(text string) error {
	t.Finish(Artifact{Parts: []Part{Text(text)}})
	return nil
}

// Finish gives the task an artifact that is complete with the end of the run.
func (t *Task) Finish(a Artifact) {
	if a.ArtifactID == "" && len(t.done) > 0 {
		a.ArtifactID = fmt.Sprintf("artifact-%d-%d", t.Run, len(t.done)+1)
	}
	t.done = append(t.done, a)
}

// Answer completes the run with a message. Of an agent that is described with
// [RepliesWithMessages] that is all its caller gets, if the run has given nothing else:
// a message, and no task. Else it is the status message of the completed task. The
// last answer of a run counts.
func (t *Task) Answer(text string) error { return t.AnswerWith(*agentMessage(text)) }

// AnswerWith is Answer with a message of any parts. Ids and role are filled in.
func (t *Task) AnswerWith(m Message) error {
	t.answer = &m
	return nil
}

// Status tells the caller how far the work is.
func (t *Task) Status(text string) error {
	return callTaskStatus(&taskStatusRequest{Message: *agentMessage(text)})
}

// Emit sends an artifact to the caller now, complete.
func (t *Task) Emit(a Artifact) error {
	return callTaskArtifact(&taskArtifactRequest{Artifact: a, LastChunk: true})
}

// Stream is an artifact that grows: what is written to it reaches the caller
// chunk by chunk. It is an io.WriteCloser; Close marks the artifact complete.
type Stream struct {
	next taskArtifactRequest // the next chunk, but for its text
	part [1]Part
	rest []byte // of a character whose end is yet to be written

	// The request of a chunk that is neither the first nor the last, around its text.
	head, tail []byte
}

// Stream begins an artifact of that id and name.
func (t *Task) Stream(id, name string) *Stream {
	return &Stream{next: taskArtifactRequest{Artifact: Artifact{ArtifactID: id, Name: name}}}
}

// Write sends p as a chunk. A character that ends in the next Write goes with that.
func (s *Stream) Write(p []byte) (int, error) {
	text := p
	if len(s.rest) > 0 {
		text = append(s.rest, p...)
	}
	n := wholeRunes(text)
	whole := string(text[:n])
	s.rest = append(s.rest[:0], text[n:]...)
	if n == 0 {
		return len(p), nil
	}
	return len(p), s.chunk(whole, false)
}

// WriteString sends text as a chunk.
func (s *Stream) WriteString(text string) (int, error) {
	if text == "" || len(s.rest) > 0 || wholeRunes(text) < len(text) {
		return s.Write([]byte(text))
	}
	return len(text), s.chunk(text, false)
}

// Close ends the artifact.
func (s *Stream) Close() error { return s.chunk(string(s.rest), true) }

// wholeRunes is the length of b without the last character, if its end is missing.
func wholeRunes[T string | []byte](b T) int {
	for i := len(b) - 1; i >= max(0, len(b)-utf8.UTFMax); i-- {
		if !utf8.RuneStart(b[i]) {
			continue
		}
		if !utf8.FullRuneInString(string(b[i:])) {
			return i
		}
		break
	}
	return len(b)
}

func (s *Stream) chunk(text string, last bool) error {
	if s.next.Append && !last {
		return s.between(text)
	}
	s.part[0].Text = text
	s.next.Artifact.Parts, s.next.LastChunk = s.part[:], last
	err := callTaskArtifact(&s.next)
	s.next.Append = true
	return err
}

// between sends a chunk that is neither the first nor the last. Of such requests only
// the text differs.
func (s *Stream) between(text string) error {
	if s.head == nil {
		var w codec.Writer
		s.part[0].Text, s.next.LastChunk = "", false
		s.next.encode(&w)
		const empty = `"text":""` // the last of its kind: no name or id has a quotation mark that is not escaped
		at := bytes.LastIndex(w.Bytes(), []byte(empty)) + len(empty) - len(`""`)
		s.head, s.tail = w.Bytes()[:at], w.Bytes()[at+len(`""`):]
	}
	w := takeWriter()
	w.Around(s.head, text, s.tail)
	return exchange(invokeTaskArtifact, w, (*codec.Reader).Skip)
}

// History returns the newest messages of all tasks of the context, oldest first;
// limit 0 is as many as there may be.
func (t *Task) History(limit int) ([]Message, error) {
	reply, err := callContextHistory(&contextHistoryRequest{Limit: limit})
	return reply.Messages, err
}

// Artifacts returns what the task has given so far, chunks put together.
func (t *Task) Artifacts() ([]Artifact, error) {
	reply, err := callTaskGet()
	return reply.Task.Artifacts, err
}

// Logf writes a line to the task's log.
func (t *Task) Logf(format string, args ...any) {
	// A log that is full or gone is no reason to fail.
	_ = callLog(&logRequest{Message: fmt.Sprintf(format, args...)})
}

// where is the place of a panic in the author's code: " (main.go:12)".
func where() string {
	pcs := make([]uintptr, 32)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(3, pcs)])
	for {
		f, more := frames.Next()
		if f.File != "" && !strings.HasPrefix(f.Function, "runtime.") && !strings.Contains(f.Function, "carrel/guests/go/agent.") {
			return fmt.Sprintf(" (%s:%d)", f.File[strings.LastIndex(f.File, "/")+1:], f.Line)
		}
		if !more {
			return ""
		}
	}
}
