package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/valyala/fasthttp"
)

// The ways to run a task.
const (
	blocking = "1.0"
	polled   = "fasta2a"
	eager    = "fasta2a-eager"
	reading  = "get"
	carding  = "card"
)

// tasks are what a client does again and again, by dialect.
var tasks = map[string]func(*caller) error{
	blocking: blockingTask, polled: polledTask, eager: eagerTask, reading: readTask, carding: readCard,
}

// loadResult is what a load run measured.
type loadResult struct {
	Tasks   int           `json:"tasks"`
	Errors  int           `json:"errors"`
	Calls   int           `json:"calls"` // requests, of which a task may take several
	First   string        `json:"firstError,omitempty"`
	Seconds float64       `json:"seconds"`
	P50     time.Duration `json:"p50"`
	P99     time.Duration `json:"p99"`
}

// perSecond is the rate of completed tasks.
func (r loadResult) perSecond() float64 { return float64(r.Tasks) / r.Seconds }

// load sends messages from a number of clients for some time and prints a loadResult.
func load(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("load", flag.ContinueOnError)
	url := flags.String("url", "", "the agent's JSON-RPC address")
	dialect := flags.String("dialect", blocking, "1.0: blocking SendMessage; fasta2a: message/send, then tasks/get until it has ended; fasta2a-eager: the same, but no tasks/get when the answer to message/send has ended already; get: GetTask of one finished task; card: the agent's card")
	clients := flags.Int("clients", 16, "how many clients send at a time")
	seconds := flags.Duration("time", 5*time.Second, "how long")
	if err := flags.Parse(args); err != nil {
		return err
	}
	task, ok := tasks[*dialect]
	if !ok {
		return fmt.Errorf("no dialect %q", *dialect)
	}
	ctx, cancel := context.WithTimeout(ctx, *seconds)
	defer cancel()
	return json.NewEncoder(os.Stdout).Encode(drive(ctx, *url, *clients, task))
}

// drive runs the clients until ctx ends.
func drive(ctx context.Context, url string, clients int, task func(*caller) error) loadResult {
	var (
		mu    sync.Mutex
		total loadResult
		times []time.Duration
		wg    sync.WaitGroup
	)
	client := newLoadClient(clients)
	begin := time.Now()
	for range clients {
		wg.Go(func() {
			c := &caller{client: client, url: url}
			mine, failed, first := c.repeat(ctx, task)
			mu.Lock()
			defer mu.Unlock()
			times = append(times, mine...)
			total.Errors += failed
			total.Calls += c.calls
			if total.First == "" {
				total.First = first
			}
		})
	}
	wg.Wait()
	total.Seconds = time.Since(begin).Seconds()
	total.Tasks = len(times)
	slices.Sort(times)
	total.P50, total.P99 = percentile(times, 50), percentile(times, 99)
	return total
}

func percentile(sorted []time.Duration, p int) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(len(sorted)*p/100, len(sorted)-1)]
}

// caller is one client with its connection's buffers.
type caller struct {
	client *fasthttp.Client
	url    string
	calls  int
	task   string // that is read again and again
}

func (c *caller) repeat(ctx context.Context, task func(*caller) error) (times []time.Duration, failed int, first string) {
	for ctx.Err() == nil {
		begin := time.Now()
		if err := task(c); err != nil {
			if failed++; first == "" {
				first = err.Error()
			}
			continue
		}
		times = append(times, time.Since(begin))
	}
	return times, failed, first
}

// call makes one JSON-RPC call and returns a copy of the reply's body.
func (c *caller) call(body string) ([]byte, error) {
	return c.exchange(func(req *fasthttp.Request) {
		req.SetRequestURI(c.url)
		req.Header.SetMethod(fasthttp.MethodPost)
		req.Header.SetContentType("application/json")
		req.SetBodyString(body)
	})
}

// exchange makes one request and returns a copy of the reply's body.
func (c *caller) exchange(fill func(*fasthttp.Request)) ([]byte, error) {
	req, resp := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
	defer fasthttp.ReleaseRequest(req)
	defer fasthttp.ReleaseResponse(resp)
	fill(req)
	req.Header.Set("A2A-Version", "1.0")
	c.calls++
	if err := c.client.Do(req, resp); err != nil {
		return nil, err
	}
	return slices.Clone(resp.Body()), nil
}

type rpcReply struct {
	Result json.RawMessage
	Error  json.RawMessage
}

func (c *caller) result(body string, into any) error {
	raw, err := c.call(body)
	if err != nil {
		return err
	}
	var reply rpcReply
	if err := json.Unmarshal(raw, &reply); err != nil {
		return fmt.Errorf("%w in %.200q", err, raw)
	}
	if reply.Error != nil {
		return errors.New(string(reply.Error))
	}
	return json.Unmarshal(reply.Result, into)
}

type benchTask struct {
	ID     string
	Status struct{ State string }
	// Artifacts hold the echo.
	Artifacts []struct {
		Parts []struct{ Text string }
	}
}

func (t benchTask) echoes() bool {
	return len(t.Artifacts) == 1 && len(t.Artifacts[0].Parts) == 1 && t.Artifacts[0].Parts[0].Text == echoText
}

const echoText = "the quick brown fox jumps over the lazy dog"

// blockingTask is one task over A2A 1.0: the reply must be completed and carry the echo.
func blockingTask(c *caller) error {
	_, err := echo(c)
	return err
}

func echo(c *caller) (benchTask, error) {
	var reply struct{ Task benchTask }
	err := c.result(`{"jsonrpc":"2.0","id":1,"method":"SendMessage","params":{"message":{"messageId":"m","role":"ROLE_USER","parts":[{"text":"`+echoText+`"}]}}}`, &reply)
	if err != nil {
		return benchTask{}, err
	}
	return reply.Task, completedEcho(reply.Task)
}

func completedEcho(t benchTask) error {
	if t.Status.State != "TASK_STATE_COMPLETED" || !t.echoes() {
		return fmt.Errorf("not a completed echo: %+v", t)
	}
	return nil
}

// polledTask is one task without blocking, in FastA2A's own words: send, then get
// until it is completed. It gets at least once, whatever the answer to send says: a
// store in memory may answer with the object that its worker goes on to change.
func polledTask(c *caller) error {
	task, err := send(c)
	if err == nil {
		task, err = get(c, task.ID)
	}
	return await(c, task, err)
}

// eagerTask is [polledTask] that takes an answer to send for the result when it is one.
func eagerTask(c *caller) error {
	task, err := send(c)
	return await(c, task, err)
}

func send(c *caller) (benchTask, error) {
	var reply struct{ Task benchTask }
	err := c.result(`{"jsonrpc":"2.0","id":1,"method":"message/send","params":{"message":{"messageId":"m","role":"user","parts":[{"text":"`+echoText+`"}]}}}`, &reply)
	return reply.Task, err
}

func get(c *caller, id string) (task benchTask, err error) {
	err = c.result(`{"jsonrpc":"2.0","id":1,"method":"tasks/get","params":{"id":"`+id+`"}}`, &task)
	return task, err
}

func await(c *caller, task benchTask, err error) error {
	for err == nil && (task.Status.State == "submitted" || task.Status.State == "working") {
		task, err = get(c, task.ID)
	}
	if err == nil && (task.Status.State != "completed" || !task.echoes()) {
		err = fmt.Errorf("not a completed echo: %+v", task)
	}
	return err
}

func newLoadClient(clients int) *fasthttp.Client {
	return &fasthttp.Client{MaxConnsPerHost: clients + 8, NoDefaultUserAgentHeader: true}
}
