package agent

import (
	"encoding/json"
	"errors"
)

// call makes one host call with JSON on both sides. reply may be nil.
func call(name string, request, reply any) error {
	text, err := json.Marshal(request)
	if err != nil {
		return err
	}
	var frame struct {
		OK    json.RawMessage `json:"ok"`
		Error *Error          `json:"error"`
	}
	if err := json.Unmarshal(invoke(name, text), &frame); err != nil {
		return errors.Join(errors.New("agent: the host's reply is malformed"), err)
	}
	if frame.Error != nil {
		return frame.Error
	}
	if reply == nil {
		return nil
	}
	return json.Unmarshal(frame.OK, reply)
}

// respond runs the agent on a request and returns its reply.
func respond(request []byte) []byte {
	var req runRequest
	var reply runReply
	if err := json.Unmarshal(request, &req); err != nil {
		reply.Error = &Error{"invalid", "the run request is malformed: " + err.Error()}
	} else if handler == nil {
		reply.Error = errNoHandler
	} else {
		reply = work(newTask(req))
	}
	text, err := json.Marshal(reply)
	if err != nil {
		text, _ = json.Marshal(runReply{Error: &Error{"internal", "the reply cannot be encoded: " + err.Error()}})
	}
	return text
}

// describe is the reply of carrel_describe.
func describe() []byte {
	if handler == nil {
		text, _ := json.Marshal(map[string]any{"error": errNoHandler})
		return text
	}
	text, err := json.Marshal(map[string]any{"ok": description})
	if err != nil {
		text, _ = json.Marshal(map[string]any{"error": &Error{"internal", err.Error()}})
	}
	return text
}
