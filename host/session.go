package host

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"github.com/carrelhq/carrel/abi"
	"github.com/carrelhq/carrel/internal/telemetry"
)

// Session serves the host calls of one run. It is safe for concurrent use, though a
// guest calls one at a time.
type Session struct {
	tasks Tasks
	opts  Options
	clock clock
	queue queue
	aside func(wait func() error) error

	lines atomic.Int64 // written so far
}

// NewSession returns a session whose effects go to tasks. It works under ctx,
// with its values, until ctx ends. End or EndWith must be called.
func NewSession(ctx context.Context, tasks Tasks, opts Options) *Session {
	opts.Grants = slices.Clone(opts.Grants)
	opts.FlushAfter = cmp.Or(opts.FlushAfter, 2*time.Millisecond)
	opts.FlushBytes = cmp.Or(opts.FlushBytes, 64<<10)
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Session{tasks: tasks, opts: opts, aside: atOnce}
	s.clock.now = opts.Now
	s.clock.tick()
	s.queue.init(ctx, tasks, opts)
	return s
}

// Tenant is whose run it is.
func (s *Session) Tenant() string { return s.opts.Tenant }

// OnWait has everything in a host call that may wait, as for the disk, done by way
// of around, which calls its argument once: a run that waits can give its place on
// the CPU to others. With nil it waits as it does without. It is to be called before
// the first call, or after the last.
func (s *Session) OnWait(around func(wait func() error) error) {
	if around == nil {
		around = atOnce
	}
	s.aside = around
	s.queue.aside = around
}

func atOnce(wait func() error) error { return wait() }

// granted reports whether the version may call the function.
func (s *Session) granted(f abi.Func) bool {
	return f.Always || slices.Contains(s.opts.Grants, f.Name)
}

// Flush makes every queued effect durable.
func (s *Session) Flush(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return s.queue.flush()
}

// End flushes, unless the context of the session has ended, and stops. Later
// calls answer canceled. It returns why effects were lost, if any were, and may
// be called twice.
func (s *Session) End() error {
	_, err := s.queue.end(0)
	return err
}

// EndWith is End for who has an update to make anyway: when no more than most bytes
// are queued, it returns those effects in their order, for the caller to apply there.
func (s *Session) EndWith(most int) (rest []Effect, err error) { return s.queue.end(most) }

// metrics may be nil, as may its fields.
func (s *Session) metrics() *telemetry.Metrics {
	if s.opts.Telemetry == nil || s.opts.Telemetry.Metrics == nil {
		return &telemetry.Metrics{}
	}
	return s.opts.Telemetry.Metrics
}
