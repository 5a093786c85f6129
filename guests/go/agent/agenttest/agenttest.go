// Package agenttest runs an agent's handler without carrel, in go test: one task
// after another against a host in memory that keeps contexts, as carrel does.
package agenttest

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"

	"github.com/carrelhq/carrel/guests/go/agent"
)

// Host is a host in memory for one agent in one context. It is not safe for concurrent use.
type Host struct {
	tasks   int
	data    []byte
	version uint64
	saved   *saved
	history []json.RawMessage
	result  *Result
}

type saved struct {
	Data    []byte `json:"data,omitempty"`
	Version uint64 `json:"version"`
}

// Result is how a run ended and what it gave.
type Result struct {
	// State is completed, failed, rejected, input_required or auth_required.
	State string
	// Message is the status message's text, Output the text of all artifacts,
	// Progress what was said on the way, Log the lines of the task's log.
	Message, Output string
	Progress, Log   []string
}

// New returns a host without any context yet.
func New() *Host { return &Host{} }

var running sync.Mutex // one host at a time stands under the agent

// Send runs the registered handler on a message of that text.
func (h *Host) Send(text string) (Result, error) {
	running.Lock()
	defer running.Unlock()
	h.tasks++
	h.result, h.saved = &Result{}, nil
	message, err := json.Marshal(agent.Message{MessageID: fmt.Sprintf("m%d", h.tasks), Role: "ROLE_USER", Parts: []agent.Part{agent.Text(text)}})
	if err != nil {
		return Result{}, err
	}
	h.history = append(h.history, message)
	request, err := json.Marshal(map[string]any{
		"taskId": fmt.Sprintf("task-%d", h.tasks), "contextId": "context", "tenant": "default", "agent": "test", "run": 1,
		"message": json.RawMessage(message), "limits": agent.Limits{RunSeconds: 600, MemoryBytes: 64 << 20},
	})
	if err != nil {
		return Result{}, err
	}
	agent.Host = h.call
	defer func() { agent.Host = nil }()
	return h.end(agent.Respond(request))
}

// end reads the run's reply and keeps the context it saved.
func (h *Host) end(reply []byte) (Result, error) {
	var r struct {
		State     string
		Message   *agent.Message
		Artifacts []agent.Artifact
		Error     *agent.Error
	}
	if err := json.Unmarshal(reply, &r); err != nil {
		return Result{}, err
	}
	if r.Error != nil {
		return Result{}, r.Error
	}
	h.result.State = r.State
	if r.Message != nil {
		h.result.Message = r.Message.Text()
	}
	for _, a := range r.Artifacts {
		h.result.Output += agent.Message{Parts: a.Parts}.Text()
	}
	if h.saved != nil {
		h.data, h.version = h.saved.Data, h.saved.Version
	}
	return *h.result, nil
}

// call answers one host call.
func (h *Host) call(name string, request []byte) []byte {
	ok, refusal := h.answer(name, request)
	frame := map[string]any{"ok": ok}
	if refusal != nil {
		frame = map[string]any{"error": refusal}
	}
	text, err := json.Marshal(frame)
	if err != nil {
		text, _ = json.Marshal(map[string]any{"error": agent.Error{Code: "internal", Message: err.Error()}})
	}
	return text
}

func (h *Host) answer(name string, request []byte) (any, *agent.Error) {
	var req struct {
		Data     []byte
		Version  uint64
		Artifact agent.Artifact
		Message  json.RawMessage
		Limit    int
	}
	if err := json.Unmarshal(request, &req); err != nil {
		return nil, &agent.Error{Code: "invalid", Message: err.Error()}
	}
	switch name {
	case "log":
		var line string
		if err := json.Unmarshal(req.Message, &line); err != nil {
			return nil, &agent.Error{Code: "invalid", Message: err.Error()}
		}
		h.result.Log = append(h.result.Log, strings.ToValidUTF8(line, "\uFFFD"))
	case "task_status":
		var m agent.Message
		if err := json.Unmarshal(req.Message, &m); err != nil {
			return nil, &agent.Error{Code: "invalid", Message: err.Error()}
		}
		h.result.Progress = append(h.result.Progress, m.Text())
	case "task_artifact":
		h.result.Output += agent.Message{Parts: req.Artifact.Parts}.Text()
	case "task_get":
		return map[string]any{"task": map[string]any{"id": fmt.Sprintf("task-%d", h.tasks), "contextId": "context"}}, nil
	case "context_load":
		return h.stored(), nil
	case "context_save":
		if req.Version != h.stored().Version {
			return nil, &agent.Error{Code: "conflict", Message: "the context has been saved since it was read; load it again"}
		}
		h.saved = &saved{req.Data, req.Version + 1}
		return saved{Version: h.saved.Version}, nil
	case "context_history":
		from := 0
		if req.Limit > 0 {
			from = max(0, len(h.history)-req.Limit)
		}
		return map[string]any{"messages": h.history[from:]}, nil
	default:
		return nil, &agent.Error{Code: "invalid", Message: "there is no function " + name}
	}
	return struct{}{}, nil
}

// stored is the context as the running task sees it.
func (h *Host) stored() saved {
	if h.saved != nil {
		return *h.saved
	}
	return saved{h.data, h.version}
}
