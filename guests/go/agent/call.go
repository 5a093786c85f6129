package agent

import (
	"fmt"

	"github.com/carrelhq/carrel/guests/go/internal/codec"
)

// call makes one host call. It returns the host's refusal as an [Error].
func call(invoke func(request []byte) []byte, encode func(*codec.Writer), decode func(*codec.Reader)) error {
	w := takeWriter()
	encode(w)
	return exchange(invoke, w, decode)
}

// exchange is call with the request in w, which came from takeWriter.
func exchange(invoke func(request []byte) []byte, w *codec.Writer, decode func(*codec.Reader)) error {
	if err := w.Err(); err != nil {
		return err
	}
	reply := invoke(w.Bytes())
	giveWriter(w)
	if string(reply) == nothing {
		giveReply(reply)
		return nil
	}
	return unframe(reply, decode)
}

// nothing is the reply of a call that has nothing to tell.
const nothing = `{"ok":{}}`

// unframe reads a reply: {"ok":…} or {"error":…}.
func unframe(frame []byte, decode func(*codec.Reader)) error {
	var refusal *Error
	r := codec.NewReader(frame)
	for ok := r.Fields(); ok; ok = r.NextField() {
		switch string(r.Name()) {
		case "ok":
			decode(r)
		case "error":
			if !r.Null() {
				refusal = new(Error)
				refusal.decode(r)
			}
		default:
			r.Skip()
		}
	}
	if err := r.End(); err != nil {
		return fmt.Errorf("agent: the host's reply is malformed: %w", err)
	}
	if refusal != nil {
		return refusal
	}
	return nil
}

// frame makes a reply as the host does, of a field and its value.
func frame(name string, encode func(*codec.Writer)) []byte {
	var w codec.Writer
	w.Open('{')
	w.Name(name)
	encode(&w)
	w.Close('}')
	return w.Bytes()
}

// respond runs the agent on a request and returns its reply.
func respond(request []byte) []byte {
	var req runRequest
	r := codec.NewReader(request)
	req.decode(r)
	switch err := r.End(); {
	case err != nil:
		return encodeReply(runReply{Error: &Error{"invalid", "the run request is malformed: " + err.Error()}})
	case handler == nil:
		return encodeReply(runReply{Error: errNoHandler})
	}
	return encodeReply(work(newTask(&req)))
}

func encodeReply(reply runReply) []byte {
	w := takeWriter()
	reply.encode(w)
	if err := w.Err(); err != nil {
		return encodeReply(runReply{Error: &Error{"internal", "the reply cannot be encoded: " + err.Error()}})
	}
	return w.Bytes()
}

// describe is the reply of carrel_describe.
func describe() []byte {
	if handler == nil {
		return frame("error", errNoHandler.encode)
	}
	return frame("ok", description.encode)
}
