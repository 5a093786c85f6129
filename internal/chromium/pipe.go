package chromium

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"
)

// errClosed is the end of the browser.
var errClosed = errors.New("chromium has ended")

// pipe carries the protocol: JSON messages, each followed by a zero byte.
type pipe struct {
	requests io.WriteCloser
	done     chan struct{}

	mu       sync.Mutex
	last     int
	waiting  map[int]chan message
	sessions map[string]func(method string, params json.RawMessage)
}

// message is a request, a reply, or an event.
type message struct {
	ID      int             `json:"id,omitempty"`
	Session string          `json:"sessionId,omitempty"`
	Method  string          `json:"method,omitempty"`
	Params  json.RawMessage `json:"params,omitempty"`
	Result  json.RawMessage `json:"result,omitempty"`
	Error   *struct {
		Message string `json:"message"`
	} `json:"error,omitempty"`
}

func newPipe(requests io.WriteCloser, replies io.Reader) *pipe {
	p := &pipe{
		requests: requests, done: make(chan struct{}),
		waiting: map[int]chan message{}, sessions: map[string]func(string, json.RawMessage){},
	}
	go p.read(replies)
	return p
}

// read passes replies to those who wait for them, and events to their session.
func (p *pipe) read(replies io.Reader) {
	defer close(p.done)
	r := bufio.NewReader(replies)
	for {
		data, err := r.ReadBytes(0)
		if err != nil {
			return
		}
		var m message
		if json.Unmarshal(data[:len(data)-1], &m) != nil {
			continue
		}
		p.mu.Lock()
		reply, handle := p.waiting[m.ID], p.sessions[m.Session]
		delete(p.waiting, m.ID)
		p.mu.Unlock()
		switch {
		case reply != nil:
			reply <- m
		case handle != nil && m.Method != "":
			handle(m.Method, m.Params)
		}
	}
}

// listen has the events of a session handled, one at a time and in order. The
// handler must not call.
func (p *pipe) listen(session string, handle func(method string, params json.RawMessage)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sessions[session] = handle
}

// call makes a call and decodes its result, unless that is nil.
func (p *pipe) call(session, method string, params, result any) error {
	encoded, err := json.Marshal(params)
	if err != nil {
		return err
	}
	reply := make(chan message, 1)
	if err := p.send(message{Session: session, Method: method, Params: encoded}, reply); err != nil {
		return err
	}
	select {
	case m := <-reply:
		if m.Error != nil {
			return fmt.Errorf("%s: %s", method, m.Error.Message)
		}
		if result == nil {
			return nil
		}
		return json.Unmarshal(m.Result, result)
	case <-p.done:
		return errClosed
	case <-time.After(patience):
		return fmt.Errorf("%s: no answer after %v", method, patience)
	}
}

func (p *pipe) send(m message, reply chan message) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last++
	m.ID = p.last
	data, err := json.Marshal(m)
	if err != nil {
		return err
	}
	p.waiting[m.ID] = reply
	_, err = p.requests.Write(append(data, 0))
	return err
}

func (p *pipe) close() { p.requests.Close() }
