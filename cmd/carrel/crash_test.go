package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

var (
	crashKills   = flag.Int("crash.kills", 6, "how often TestCrash kills the server")
	crashClients = flag.Int("crash.clients", 32, "how many clients TestCrash has")
)

// TestCrash kills the server with SIGKILL at random moments while clients send
// and follow, restarts it on the same data each time, and holds carrel to its
// word: every acknowledged task ends completed with one final event, contexts
// count right, messages sent again under their idempotency key included, followers that resume with Last-Event-ID see every event once, and
// webhooks get every event at least once and in order.
func TestCrash(t *testing.T) {
	r := newCrashRun(t)
	r.start()
	r.push()

	var clients sync.WaitGroup
	for i := range *crashClients {
		clients.Go(func() { r.client(fmt.Sprintf("client-%d", i)) })
	}
	for range *crashKills {
		r.acks.waitFor(r.ctx, r.acks.count()+1+rand.Int64N(40))
		r.kill()
		r.start()
	}
	r.acks.waitFor(r.ctx, r.acks.count()+int64(*crashClients))
	close(r.done)
	clients.Wait()
	r.verify()
	r.kill()
	t.Logf("kills %d, clients %d, contexts %d, sends acknowledged %d, sends cut off %d and repeated %d, streams resumed %d, events followed %d, events of webhooks repeated %d",
		*crashKills, *crashClients, r.contexts.Load(), r.acks.count(), r.cutOff.Load(), r.repeated.Load(), r.resumed.Load(), r.events.Load(), r.webhook.repeats())
}

// crashRun is one server process after another on the same data, and what the
// clients were told by them.
type crashRun struct {
	t       *testing.T
	ctx     context.Context
	binary  string
	wasm    string
	data    string
	addr    string
	http    *http.Client
	done    chan struct{} // closed when clients are to finish what they have begun
	acks    *tally
	process *serverProcess
	webhook *crashWebhook

	mu         sync.Mutex
	generation chan struct{} // closed while a server is up

	acked    sync.Map // task id -> expected answer
	followed sync.Map // task id -> number of its last event
	contexts atomic.Int64
	cutOff   atomic.Int64
	repeated atomic.Int64
	resumed  atomic.Int64
	events   atomic.Int64
}

func newCrashRun(t *testing.T) *crashRun {
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	dir := t.TempDir()
	return &crashRun{
		t: t, ctx: ctx,
		binary:     buildBinary(t, dir),
		wasm:       buildAgent(t, dir, "examples/counter"),
		data:       filepath.Join(dir, "data"),
		addr:       freeAddr(t),
		http:       &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}},
		done:       make(chan struct{}),
		acks:       newTally(),
		generation: make(chan struct{}),
		webhook:    newCrashWebhook(t),
	}
}

// start starts a server on the data and lets the clients go on.
func (r *crashRun) start() {
	r.t.Helper()
	// One task can be at work at each of the kills, and must outlive them all.
	attempts := strconv.Itoa(*crashKills + 1)
	r.process = startServer(r.t, r.binary, r.addr, "--dev", "--data", r.data, "--allow-egress", "127.0.0.1", "--max-attempts", attempts)
	r.mu.Lock()
	defer r.mu.Unlock()
	close(r.generation)
}

// kill makes the clients wait and ends the server.
func (r *crashRun) kill() {
	r.mu.Lock()
	r.generation = make(chan struct{})
	r.mu.Unlock()
	r.process.kill()
}

// up waits until a server is up; clients call it after a failure instead of polling.
func (r *crashRun) up() {
	r.mu.Lock()
	generation := r.generation
	r.mu.Unlock()
	select {
	case <-generation:
	case <-r.ctx.Done():
	}
}

func (r *crashRun) push() {
	mustRun(r.t, exec.Command(r.binary, "push", r.wasm, "--agent", "counter", "--server", "http://"+r.addr))
}

// client talks in one context after another until the run is done.
func (r *crashRun) client(name string) {
	for n := 0; ; n++ {
		select {
		case <-r.done:
			return
		case <-r.ctx.Done():
			return
		default:
		}
		r.conversation(fmt.Sprintf("%s-%d", name, n), n%2 == 0)
	}
}

// conversation sends up to four messages in one context. A send that is cut off
// leaves open whether it was accepted: with a key it is sent again, without one the
// conversation ends there.
func (r *crashRun) conversation(contextID string, keyed bool) {
	r.contexts.Add(1)
	for turn := 1; turn <= 4; turn++ {
		id, err := r.send(contextID, turn, keyed)
		for err != nil {
			r.cutOff.Add(1)
			r.up()
			if !keyed || r.ctx.Err() != nil || r.t.Failed() {
				return
			}
			r.repeated.Add(1)
			id, err = r.send(contextID, turn, keyed)
		}
		want := fmt.Sprintf("Your context is %d messages long.", 2*turn)
		r.acked.Store(id, want)
		r.acks.add()
		if got := r.follow(id); got != want {
			r.t.Errorf("task %s, message %d of context %s: got %q, want %q", id, turn, contextID, got, want)
			return
		}
	}
}

type crashTask struct {
	ID     string `json:"id"`
	Status struct {
		State   string `json:"state"`
		Message struct {
			Parts crashParts `json:"parts"`
		} `json:"message"`
	} `json:"status"`
	Artifacts []crashArtifact `json:"artifacts"`
}

type crashArtifact struct {
	Parts crashParts `json:"parts"`
}

type crashParts []struct {
	Text string `json:"text"`
}

func (parts crashParts) text() string {
	var out strings.Builder
	for _, p := range parts {
		out.WriteString(p.Text)
	}
	return out.String()
}

// send sends one message and returns once it is acknowledged.
func (r *crashRun) send(contextID string, turn int, keyed bool) (string, error) {
	var headers []string
	if keyed {
		headers = []string{"Idempotency-Key", fmt.Sprintf("%s-%d", contextID, turn)}
	}
	params := fmt.Sprintf(`{"message":{"messageId":"m%d","role":"ROLE_USER","contextId":%q,"parts":[{"text":"hello %d"}]},"configuration":{"returnImmediately":true,"taskPushNotificationConfig":{"url":%q}}}`, turn, contextID, turn, r.webhook.URL)
	var result struct{ Task crashTask }
	if err := r.call("SendMessage", params, &result, headers...); err != nil {
		return "", err
	}
	if result.Task.ID == "" {
		return "", errors.New("no task in the reply")
	}
	return result.Task.ID, nil
}

// request makes one JSON-RPC call; headers are pairs.
func (r *crashRun) request(method, params string, headers ...string) (*http.Response, error) {
	body := fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":%q,"params":%s}`, method, params)
	req, err := http.NewRequestWithContext(r.ctx, http.MethodPost, "http://"+r.addr+"/agents/default/counter", strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("A2A-Version", "1.0")
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	return r.http.Do(req)
}

// call makes one JSON-RPC call. An error reply of the server is a failure of the
// test: only a cut connection may fail.
func (r *crashRun) call(method, params string, result any, headers ...string) error {
	resp, err := r.request(method, params, headers...)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	var reply struct {
		Result json.RawMessage
		Error  json.RawMessage
	}
	if err := json.Unmarshal(body, &reply); err != nil || reply.Error != nil {
		r.t.Errorf("%s: HTTP %d: %s", method, resp.StatusCode, body)
		return errors.New("error reply")
	}
	return json.Unmarshal(reply.Result, result)
}

// follow reads the task's events from the first to the final one over as many
// connections as it takes, and returns the text of its artifact.
func (r *crashRun) follow(id string) string {
	f := follower{run: r, task: id}
	for !f.final && r.ctx.Err() == nil {
		before := f.seq
		err := f.read()
		if f.broken {
			return ""
		}
		if err != nil || !f.final {
			r.up()
			if f.seq > before || before > 0 {
				r.resumed.Add(1)
			}
		}
	}
	r.followed.Store(id, f.seq)
	return f.text
}

type follower struct {
	run    *crashRun
	task   string
	seq    uint64
	text   string
	final  bool
	broken bool
}

// read follows over one connection, from after the last event seen.
func (f *follower) read() error {
	resp, err := f.run.request("SubscribeToTask", fmt.Sprintf(`{"id":%q}`, f.task), "Last-Event-ID", strconv.FormatUint(f.seq, 10))
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if ct := resp.Header.Get("Content-Type"); !strings.HasPrefix(ct, "text/event-stream") {
		body, _ := io.ReadAll(resp.Body)
		f.fail("subscribe: HTTP %d %s: %s", resp.StatusCode, ct, body)
		return nil
	}
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, 1<<20)
	var id uint64
	for lines.Scan() {
		line := lines.Text()
		if value, ok := strings.CutPrefix(line, "id:"); ok {
			id, _ = strconv.ParseUint(strings.TrimSpace(value), 10, 64)
		}
		if value, ok := strings.CutPrefix(line, "data:"); ok {
			f.event(id, value)
		}
	}
	return lines.Err()
}

func (f *follower) fail(format string, args ...any) {
	f.run.t.Errorf("task %s: "+format, append([]any{f.task}, args...)...)
	f.broken = true
}

// event checks that an event is the next one and keeps what it says.
func (f *follower) event(id uint64, data string) {
	var frame struct {
		Result struct {
			Task           *crashTask
			StatusUpdate   *crashTask `json:"statusUpdate"`
			ArtifactUpdate *struct {
				Append   bool
				Artifact crashArtifact
			} `json:"artifactUpdate"`
		}
	}
	if err := json.Unmarshal([]byte(data), &frame); err != nil {
		f.fail("event %d: %v in %q", id, err, data)
		return
	}
	f.run.events.Add(1)
	switch {
	case f.final:
		f.fail("event %d after the final one", id)
	case id != f.seq+1:
		f.fail("event %d after %d", id, f.seq)
	}
	f.seq = id
	if u := frame.Result.ArtifactUpdate; u != nil {
		if !u.Append {
			f.text = ""
		}
		f.text += u.Artifact.Parts.text()
	}
	if u := frame.Result.StatusUpdate; u != nil {
		switch u.Status.State {
		case "TASK_STATE_COMPLETED":
			f.final = true
		case "TASK_STATE_SUBMITTED", "TASK_STATE_WORKING":
		default:
			f.fail("event %d: state %s: %s", id, u.Status.State, u.Status.Message.Parts.text())
		}
	}
}

// verify asks the last server for every task that was acknowledged by any, and
// waits for what their webhooks have not got yet.
func (r *crashRun) verify() {
	r.followed.Range(func(key, last any) bool {
		r.webhook.waitFor(r.ctx, key.(string), last.(uint64))
		return true
	})
	r.acked.Range(func(key, want any) bool {
		var task crashTask
		if err := r.call("GetTask", fmt.Sprintf(`{"id":%q}`, key), &task); err != nil {
			r.t.Errorf("acknowledged task %s: %v", key, err)
			return true
		}
		if task.Status.State != "TASK_STATE_COMPLETED" || len(task.Artifacts) != 1 || task.Artifacts[0].Parts.text() != want {
			r.t.Errorf("acknowledged task %s: got %+v, want completed with one artifact %q", key, task, want)
		}
		return true
	})
}

// tally counts, and lets others wait for a count.
type tally struct {
	mu   sync.Mutex
	cond *sync.Cond
	n    int64
}

func newTally() *tally {
	c := &tally{}
	c.cond = sync.NewCond(&c.mu)
	return c
}

func (c *tally) add() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n++
	c.cond.Broadcast()
}

func (c *tally) count() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n
}

// waitFor waits until n was counted or ctx has ended.
func (c *tally) waitFor(ctx context.Context, n int64) {
	defer context.AfterFunc(ctx, c.cond.Broadcast)()
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.n < n && ctx.Err() == nil {
		c.cond.Wait()
	}
}
