package compile

import (
	"bytes"
	"errors"
	"fmt"
)

// job is the line that a child reads from standard input, before the module.
type job struct {
	Dir        string
	ModuleSize int64
	Limits     Limits
}

// reply is the line that a child writes to standard output.
type reply struct {
	// Fault is empty when the module is compiled, and a key of faults otherwise.
	Fault  string
	Reason string
	// Trace of a crash.
	Trace string
	// Lacks is what the kernel could not confine the child with.
	Lacks []string
}

// Bounds of what is exchanged.
const (
	maxJob    = 4 << 10
	maxModule = 1 << 30
	maxReason = 1000
	maxTrace  = 8 << 10
	maxReply  = 64 << 10
)

// faults names the errors in replies.
var faults = map[string]error{
	"invalid":     ErrInvalid,
	"memory":      ErrMemory,
	"crashed":     ErrCrashed,
	"unavailable": ErrUnavailable,
}

// replyOf is the reply to a job that ended with err.
func replyOf(err error, lacks []string) reply {
	r := reply{Lacks: lacks}
	if err == nil {
		return r
	}
	r.Fault, r.Reason = "unavailable", cut(err.Error(), maxReason)
	for name, fault := range faults {
		if errors.Is(err, fault) {
			r.Fault = name
		}
	}
	if c := (*crash)(nil); errors.As(err, &c) {
		r.Reason, r.Trace = cut(c.reason, maxReason), cut(c.trace, maxTrace)
	}
	return r
}

// err is the error that the reply tells of.
func (r reply) err() error {
	if r.Fault == "" {
		return nil
	}
	fault, ok := faults[r.Fault]
	if !ok {
		return fmt.Errorf("%w: the compile command answered %q", ErrUnavailable, cut(r.Fault, maxReason))
	}
	reason := cut(r.Reason, maxReason)
	if fault == ErrCrashed {
		return &crash{reason, cut(r.Trace, maxTrace)}
	}
	return &failure{fault, reason}
}

// failure is one of the package's errors with a child's words, which name it already.
type failure struct {
	fault  error
	reason string
}

func (f *failure) Error() string { return f.reason }
func (f *failure) Unwrap() error { return f.fault }

func cut(text string, most int) string { return text[:min(len(text), most)] }

// ends is a writer that keeps the beginning and the end of what is written, each
// up to half its size: a Go program that dies says first why, and last where.
type ends struct {
	size       int
	head, tail []byte
	skipped    bool
}

func (e *ends) Write(p []byte) (int, error) {
	n := len(p)
	room := min(e.size/2-len(e.head), len(p))
	e.head = append(e.head, p[:room]...)
	e.tail = append(e.tail, p[room:]...)
	if over := len(e.tail) - e.size/2; over > 0 {
		e.tail = append(e.tail[:0], e.tail[over:]...)
		e.skipped = true
	}
	return n, nil
}

func (e *ends) String() string {
	between := ""
	if e.skipped {
		between = "\n…\n"
	}
	return string(bytes.ToValidUTF8(e.head, nil)) + between + string(bytes.ToValidUTF8(e.tail, nil))
}
