package push_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/carrelhq/carrel/storage/badgerdb"
	"github.com/carrelhq/carrel/task"
	"github.com/carrelhq/carrel/task/push"
)

// BenchmarkWebhooks is 1,000 webhooks, each on a host of its own, of which one in
// ten is dead: half of those refuse connections, half never answer. Each task
// emits an event, spread over a second or all at once; reported is the time from
// before the event was written, durably, to its arrival.
func BenchmarkWebhooks(b *testing.B) {
	for name, within := range map[string]time.Duration{"within=1s": time.Second, "within=0s": 0} {
		b.Run(name, func(b *testing.B) {
			c := newContest(b)
			for b.Loop() {
				c.round(within)
			}
			c.report()
		})
	}
}

const (
	contestHooks = 1000
	contestDead  = 10 // one in so many
)

type contest struct {
	*house
	b    *testing.B
	runs []*task.Run

	mu      sync.Mutex
	sent    map[string]time.Time
	delays  []time.Duration
	arrived sync.WaitGroup
}

func newContest(b *testing.B) *contest {
	b.Helper()
	db, err := badgerdb.Open(badgerdb.Options{Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { db.Close() })
	c := &contest{house: newHouse(b, db), b: b, sent: make(map[string]time.Time)}
	live, stuck, closed := c.listen(c.take), c.listen(hang), c.listen(hang)
	closed.Close()
	b.Cleanup(c.start(push.Options{SoftStop: time.Millisecond}))
	c.arrived.Add(contestHooks - contestHooks/contestDead)
	for i := range contestHooks {
		port := live.Listener.Addr().(*net.TCPAddr).Port
		switch {
		case i%(2*contestDead) == 0:
			port = closed.Listener.Addr().(*net.TCPAddr).Port
		case i%contestDead == 0:
			port = stuck.Listener.Addr().(*net.TCPAddr).Port
		}
		// The task's first events show the dead ones dead.
		id := c.send(hook(fmt.Sprintf("http://127.1.%d.%d:%d", i/250, i%250+1, port)))
		c.runs = append(c.runs, c.claim(id))
	}
	c.arrived.Wait()
	return c
}

// listen serves on all of 127.0.0.0/8.
func (c *contest) listen(handler http.HandlerFunc) *httptest.Server {
	c.b.Helper()
	l, err := net.Listen("tcp", ":0")
	if err != nil {
		c.b.Fatal(err)
	}
	s := httptest.NewUnstartedServer(handler)
	s.Listener.Close()
	s.Listener = l
	s.Start()
	c.b.Cleanup(s.CloseClientConnections)
	return s
}

// take notes when an event of the contest has arrived.
func (c *contest) take(_ http.ResponseWriter, r *http.Request) {
	now := time.Now()
	body, _ := io.ReadAll(r.Body)
	if strings.HasPrefix(string(body), `{"task"`) {
		c.arrived.Done()
		return
	}
	task := r.Header.Get("Webhook-Id")
	task = task[:strings.LastIndexByte(task, '-')]
	if !strings.Contains(string(body), `"artifactUpdate"`) {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if began, ok := c.sent[task]; ok {
		delete(c.sent, task)
		c.delays = append(c.delays, now.Sub(began))
		c.arrived.Done()
	}
}

// round has every task emit an event, and waits until the live webhooks have theirs.
func (c *contest) round(within time.Duration) {
	c.arrived.Add(contestHooks - contestHooks/contestDead)
	var emitters sync.WaitGroup
	for i, run := range c.runs {
		emitters.Go(func() {
			time.Sleep(within * time.Duration(i) / contestHooks)
			if i%contestDead != 0 {
				c.mu.Lock()
				c.sent[run.TaskID] = time.Now()
				c.mu.Unlock()
			}
			c.chunk(run, "x")
		})
	}
	emitters.Wait()
	c.arrived.Wait()
}

func (c *contest) report() {
	slices.Sort(c.delays)
	at := func(share float64) float64 {
		return float64(c.delays[int(share*float64(len(c.delays)-1))].Microseconds()) / 1000
	}
	c.b.ReportMetric(at(.5), "p50-ms")
	c.b.ReportMetric(at(.99), "p99-ms")
	c.b.ReportMetric(at(1), "max-ms")
	c.b.ReportMetric(0, "ns/op")
}
