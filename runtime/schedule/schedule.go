// Package schedule decides which guests are on the CPU.
//
// Compiled guest code cannot be pre-empted, and a garbage collection waits for
// it. So guests run in slots, no more at a time than there are cores, and in
// slices: a guest that has had its slice gives its slot to the next one at its
// next [Turn.Check]. Who is next is decided by tenant: the one that has had the
// least CPU lately goes first, so that however many guests a tenant has, it gets
// one tenant's share, and one that was idle waits for a slice at most. Guests of
// one tenant go in the order in which they came, but one that paused for a wait
// goes on with what is left of its slice before them.
//
// The package knows nothing of guests but when they begin, look up and end.
package schedule

import (
	"context"
	"slices"
	"sync"
	"time"
)

// Options configure a Scheduler.
type Options struct {
	// Slots is how many guests are on the CPU at a time, at least 1.
	Slots int
	// Slice is how long a guest keeps its slot while others wait.
	Slice time.Duration
}

// Scheduler hands out slots. It is safe for concurrent use.
type Scheduler struct {
	slice  time.Duration
	credit time.Duration // the most a tenant may be behind the clock after a slice
	made   time.Time

	mu      sync.Mutex
	free    int
	waiting int
	clock   time.Duration // the most that a tenant had used when a slice of its guests began
	tenants map[string]*tenant
	calm    uint64 // how often a tenant's last guest left while nobody waited
	stats   Stats
}

// keepTenants is how many tenants are remembered before those without guests are
// forgotten: one whose runs follow each other is not made again for each.
const keepTenants = 8

// tenant is a tenant that has guests, or had some lately.
type tenant struct {
	name   string
	used   time.Duration // CPU time; near the scheduler's clock, see charge
	guests int           // turns that have not left
	calm   uint64        // the scheduler's, when its last guest left
	queue  []*Turn       // waiting, in order
	early  int           // how many of the queue come first because they paused in their slice
}

// Stats are counts since the scheduler was made, and of the moment.
type Stats struct {
	Slices      uint64 // slots that were given on because a slice was over
	Waiting     int    // guests that wait for a slot
	Running     int    // guests that have one
	LongestWait time.Duration
}

// New returns a scheduler.
func New(opts Options) *Scheduler {
	slots := max(opts.Slots, 1)
	return &Scheduler{slice: opts.Slice, credit: time.Duration(slots) * opts.Slice, made: time.Now(), free: slots, tenants: map[string]*tenant{}}
}

// Stats returns the figures of the moment.
func (s *Scheduler) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	stats := s.stats
	stats.Waiting = s.waiting
	return stats
}

// now is the time since the scheduler was made: half of what it costs to read is
// the time of day.
func (s *Scheduler) now() time.Duration { return time.Since(s.made) }

// take gives the turn a slot, or queues it. What its tenant has not used while it
// was idle is not saved up. It is called with mu held.
func (s *Scheduler) take(t *Turn) (now bool) {
	t.of.used = max(t.of.used, s.clock)
	if s.free > 0 {
		s.free--
		t.waited = 0
		s.start(t)
		return true
	}
	s.enqueue(t)
	return false
}

// enqueue puts the turn into its tenant's queue, at the end or behind the others
// that are early. It is called with mu held.
func (s *Scheduler) enqueue(t *Turn) {
	t.granted = make(chan struct{})
	t.since = s.now()
	s.waiting++
	if !t.early {
		t.of.queue = append(t.of.queue, t)
		return
	}
	t.of.queue = slices.Insert(t.of.queue, t.of.early, t)
	t.of.early++
}

// start gives the turn a slot. It is called with mu held, by whoever has one to give.
func (s *Scheduler) start(t *Turn) {
	t.running = true
	s.stats.Running++
	s.begin(t)
}

// begin begins a slice. The clock goes on with every slice, also when nobody
// waits: what a tenant used of a CPU that no other wanted is not held against it
// by those who come later. It is called with mu held.
func (s *Scheduler) begin(t *Turn) {
	t.began = s.now()
	s.clock = max(s.clock, t.of.used)
}

// charge ends a slice. It leaves no more credit than the clock may have gone on by
// in a slice, when one other tenant had all other slots: so that a guest that ran
// on undisturbed has not saved up what others had meanwhile. It is called with mu
// held.
func (s *Scheduler) charge(t *Turn) {
	t.of.used = max(t.of.used+s.now()-t.began, s.clock-s.credit)
}

// stop ends the turn's hold on its slot. It is called with mu held, after charge.
func (s *Scheduler) stop(t *Turn) {
	t.running = false
	s.stats.Running--
	next := s.next()
	if next == nil {
		s.free++
		return
	}
	next.waited = s.now() - next.since
	s.stats.LongestWait = max(s.stats.LongestWait, next.waited)
	s.start(next)
	close(next.granted)
}

// next takes the guest whose turn it is out of its queue, nil when none waits.
func (s *Scheduler) next() *Turn {
	if s.waiting == 0 {
		return nil
	}
	var first *tenant
	for _, t := range s.tenants {
		if len(t.queue) > 0 && (first == nil || t.used < first.used || t.used == first.used && t.queue[0].since < first.queue[0].since) {
			first = t
		}
	}
	if first == nil {
		return nil
	}
	turn := first.queue[0]
	s.remove(turn, 0)
	return turn
}

// enter finds or makes the tenant, without its debt if nobody waited at any time
// since it had guests. It is called with mu held.
func (s *Scheduler) enter(name string) *tenant {
	of := s.tenants[name]
	switch {
	case of == nil:
		s.forget()
		of = &tenant{name: name}
		s.tenants[name] = of
	case of.guests == 0 && of.calm != s.calm:
		of.used = 0
	}
	of.guests++
	return of
}

// leave notes when a tenant has no guests left. It is called with mu held.
func (s *Scheduler) leave(of *tenant) {
	if of.guests--; of.guests > 0 {
		return
	}
	of.calm = s.calm
	if s.waiting == 0 {
		s.calm++
	}
}

// forget forgets tenants without guests that have no debt left, when there are many.
// It is called with mu held.
func (s *Scheduler) forget() {
	if len(s.tenants) < keepTenants {
		return
	}
	for name, t := range s.tenants {
		if t.guests == 0 && (t.calm != s.calm || t.used <= s.clock) {
			delete(s.tenants, name)
		}
	}
}

// withdraw takes a waiting turn out of its queue. It is called with mu held.
func (s *Scheduler) withdraw(t *Turn) {
	if i := slices.Index(t.of.queue, t); i >= 0 {
		s.remove(t, i)
	}
}

// remove takes the turn at i out of its queue.
func (s *Scheduler) remove(t *Turn, i int) {
	t.of.queue = slices.Delete(t.of.queue, i, i+1)
	s.waiting--
	if t.early {
		t.of.early--
	}
}

// Enter waits for a slot in the tenant's name. The error is the cause of ctx. The
// turn must be left.
func (s *Scheduler) Enter(ctx context.Context, tenant string) (*Turn, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	s.mu.Lock()
	t := &Turn{s: s, of: s.enter(tenant)}
	if err := t.wait(ctx, s.take(t)); err != nil {
		t.Leave()
		return nil, err
	}
	return t, nil
}
