// Package push delivers the events of tasks to webhooks.
//
// What is to be sent lies in storage: the log of each task is the outbox, with a
// cursor for every config (see [task.Delivery]). A [Pusher] claims what is due,
// sends the events of a task in order, and writes down how far it came. A webhook
// that does not answer waits for its next attempt in storage, not here; one that
// hangs holds one of its target's places and nobody else's. Delivery is at least
// once: after a crash some events come again, with the same webhook-id. Events that a
// webhook refuses for what they are, while it takes others, are left out.
//
// The package never connects to anything but through internal/egress, and no task
// ever waits for it.
package push

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/carrelhq/carrel/internal/egress"
	"github.com/carrelhq/carrel/internal/telemetry"
	"github.com/carrelhq/carrel/task"
)

// ErrLater is what a [Payload] wraps an error in that may pass: the event is tried
// again, as if the webhook had failed. With any other error it is left out.
var ErrLater = errors.New("push: not to be made yet")

// Payload makes what a webhook is sent of an event that clients see. With a nil
// body it is sent nothing of it.
type Payload func(ctx context.Context, d *task.Delivery, e task.Event) (contentType string, body []byte, err error)

// Defaults of Options, see there.
const (
	DefaultTimeout    = 10 * time.Second
	DefaultRate       = 1000
	DefaultAttempts   = 16
	DefaultAge        = 24 * time.Hour
	DefaultMaxBackOff = time.Hour
)

// Options configure a Pusher. Zero values are replaced by the defaults given.
type Options struct {
	// Payloads are the payloads by version of the protocol that a webhook was
	// registered in. Version 1.0 is there already, and stands in for those that are not.
	Payloads map[string]Payload
	// Links makes the links to large parts of a tenant's tasks; nil leaves what
	// stands for them as it is.
	Links func(tenant string) task.Link
	// Timeout bounds a request, answer included (10 s; section 13.2 has 10 to 30 s).
	Timeout time.Duration
	// Concurrency bounds the requests at a time (512); a tenant may have half of
	// them, and one target of a tenant a quarter. Of each, those that are tried
	// again have half at most.
	Concurrency int
	// Rate bounds the attempts of a tenant per second (1000), of which it may be five
	// seconds ahead. Those above it wait for their turn, and leave room for other tenants'.
	Rate int
	// MaxAttempts is how often an event is tried before its webhook is given up
	// (16), MaxAge for how long (24 h). Before its task has ended, one that is refused
	// for what it is is left out instead.
	MaxAttempts int
	MaxAge      time.Duration
	// BackOff is about the wait after the first failed attempt (1 s); it doubles up
	// to MaxBackOff (1 h), which bounds what a webhook may ask for, too.
	BackOff, MaxBackOff time.Duration
	// SoftStop is how long requests may go on after shutdown began (5 s).
	SoftStop time.Duration
	// UserAgent is the User-Agent header ("carrel").
	UserAgent string
	Logger    *slog.Logger
	Telemetry *telemetry.Telemetry
}

const (
	// lease is how long a claim lasts without an event delivered.
	lease = 2 * time.Minute
	// sweepEvery is how often storage is searched for what no wake-up told of.
	sweepEvery = 5 * time.Second
	// searchPause is the least time between two searches.
	searchPause = 20 * time.Millisecond
	// crowded is how long deliveries wait of whom there are too many here.
	crowded = time.Second
)

func (o Options) complete() (Options, error) {
	o.Timeout = cmp.Or(o.Timeout, DefaultTimeout)
	o.Concurrency = cmp.Or(o.Concurrency, 512)
	o.Rate = cmp.Or(o.Rate, DefaultRate)
	o.MaxAttempts = cmp.Or(o.MaxAttempts, DefaultAttempts)
	o.MaxAge = cmp.Or(o.MaxAge, DefaultAge)
	o.BackOff = cmp.Or(o.BackOff, time.Second)
	o.MaxBackOff = cmp.Or(o.MaxBackOff, DefaultMaxBackOff)
	o.SoftStop = cmp.Or(o.SoftStop, 5*time.Second)
	o.UserAgent = cmp.Or(o.UserAgent, "carrel")
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Timeout < 0 || o.Concurrency < 0 || o.Rate < 0 || o.MaxAttempts < 0 || o.MaxAge < 0 || o.BackOff < 0 || o.MaxBackOff < o.BackOff || o.SoftStop < 0 {
		return o, errors.New("push: Options must not be negative, nor MaxBackOff below BackOff")
	}
	return o, nil
}

// Pusher delivers the events of a manager's tasks. Run it once.
type Pusher struct {
	tasks  *task.Manager
	client *http.Client
	opts   Options

	queue   *queue
	work    sync.WaitGroup
	sending context.Context // of requests
	cut     context.CancelFunc

	poke     chan struct{} // wakes the loop
	mu       sync.Mutex
	searched time.Time         // when storage was
	next     time.Time         // when something there is due, zero for never
	look     []task.DeliveryID // found due while they were here
	stop     bool              // no further event is begun
	later    bool              // the loop is to be woken for tenants that wait for their next attempt
	given    []*task.Delivery  // back, since then
}

// New returns a pusher that reaches webhooks through the guard.
func New(m *task.Manager, guard *egress.Guard, opts Options) (*Pusher, error) {
	if m == nil || guard == nil {
		return nil, errors.New("push: a pusher needs a manager and a guard")
	}
	opts, err := opts.complete()
	if err != nil {
		return nil, err
	}
	p := &Pusher{
		tasks: m, opts: opts,
		client: guard.Client(egress.ClientOptions{Timeout: opts.Timeout, IdlePerHost: max(1, opts.Concurrency/4), IdleConns: opts.Concurrency}),
		queue:  newQueue(opts.Concurrency, opts.Rate),
		poke:   make(chan struct{}, 1),
	}
	p.sending, p.cut = context.WithCancel(context.Background())
	return p, nil
}

// Run delivers until ctx ends, then begins no further event, lets requests end
// within SoftStop, gives back what it has claimed, and returns nil. It returns an
// error when the store cannot be searched at the start.
func (p *Pusher) Run(ctx context.Context) error {
	defer p.client.CloseIdleConnections()
	defer p.cut()
	wake, stop := p.tasks.WatchDeliveries()
	defer stop()
	if err := p.search(ctx, true); err != nil && ctx.Err() == nil {
		return err
	}
	for p.wait(ctx, wake) {
		p.start()
		if err := p.collect(ctx); err != nil && ctx.Err() == nil {
			p.opts.Logger.Error("webhooks were not claimed", "error", err)
		}
	}
	p.drain()
	return nil
}

func (p *Pusher) stopping() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stop
}

// drain ends what is under way, at first as it comes, then by force.
func (p *Pusher) drain() {
	p.mu.Lock()
	p.stop = true
	p.mu.Unlock()
	hard := time.AfterFunc(p.opts.SoftStop, p.cut)
	defer hard.Stop()
	p.giveBackWaiting()
	p.work.Wait()
	p.giveBackWaiting() // what a turn put back that had not seen the end come
	for _, d := range p.given {
		if err := d.Durable(); err != nil {
			p.opts.Logger.Error("a webhook was not given back", "error", err)
		}
	}
}

// giveBackWaiting gives back what waits here for its turn.
func (p *Pusher) giveBackWaiting() {
	for _, d := range p.queue.empty() {
		p.giveBack(d)
	}
}

func (p *Pusher) giveBack(d *task.Delivery) {
	if err := d.GiveBack(context.Background()); err != nil {
		if !errors.Is(err, task.ErrFenced) {
			p.opts.Logger.Error("a webhook was not given back", "error", err)
		}
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stop {
		p.given = append(p.given, d)
	}
}

// metrics may be nil, as may its fields.
func (p *Pusher) metrics() *telemetry.Metrics {
	if p.opts.Telemetry == nil || p.opts.Telemetry.Metrics == nil {
		return &telemetry.Metrics{}
	}
	return p.opts.Telemetry.Metrics
}
