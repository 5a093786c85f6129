package share

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// desk hands out units in a bubble and notes in which order they are had.
type desk struct {
	*Account
	t   *testing.T
	mu  sync.Mutex
	log []string
}

// inBubble runs fn with a desk, and then sees that nothing is left of it.
func inBubble(t *testing.T, opts Options, fn func(*desk)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		d := &desk{Account: New(opts), t: t}
		fn(d)
		time.Sleep(time.Minute) // let all be served
		if d.Used() != 0 || d.waiting != 0 || len(d.holders) != 0 {
			t.Errorf("at the end %d units are used, %d wait, %d tenants are known", d.Used(), d.waiting, len(d.holders))
		}
	})
}

// take takes units that must be there.
func (d *desk) take(tenant string, units int64) *Grant {
	d.t.Helper()
	g, err := d.Take(d.t.Context(), tenant, units)
	if err != nil {
		d.t.Fatal(err)
	}
	return g
}

// queue has somebody take units who gives them back after a second.
func (d *desk) queue(ctx context.Context, name, tenant string, units int64) {
	go func() {
		g, err := d.Take(ctx, tenant, units)
		d.mu.Lock()
		if err != nil {
			name = fmt.Sprint(name, ": ", err)
		}
		d.log = append(d.log, name)
		d.mu.Unlock()
		time.Sleep(time.Second)
		g.Release()
	}()
	synctest.Wait()
}

// served lists who was served, in order.
func (d *desk) served(want ...string) {
	d.t.Helper()
	synctest.Wait()
	d.mu.Lock()
	defer d.mu.Unlock()
	if !slices.Equal(d.log, want) {
		d.t.Errorf("served were %q, want %q", d.log, want)
	}
	d.log = nil
}

func TestANewcomerNeedNotWaitForWhoTakesAll(t *testing.T) {
	t.Parallel()
	inBubble(t, Options{Most: 100}, func(d *desk) {
		for i := range 10 {
			d.queue(d.t.Context(), fmt.Sprint("greedy ", i), "greedy", 25)
		}
		d.served("greedy 0", "greedy 1", "greedy 2") // three quarters
		d.queue(d.t.Context(), "newcomer", "newcomer", 25)
		d.served("newcomer")
		time.Sleep(time.Minute)
		d.mu.Lock()
		defer d.mu.Unlock()
		if len(d.log) != 7 {
			t.Errorf("%d of the others were served", len(d.log))
		}
	})
}

func TestWhoHoldsLeastIsServedFirst(t *testing.T) {
	t.Parallel()
	inBubble(t, Options{Most: 4, Each: 4}, func(d *desk) {
		a1, a2, b := d.take("a", 1), d.take("a", 1), d.take("b", 1)
		last := d.take("c", 1)
		for i := range 2 {
			d.queue(d.t.Context(), fmt.Sprint("a", i), "a", 1)
		}
		for i := range 2 {
			d.queue(d.t.Context(), fmt.Sprint("b", i), "b", 1)
		}
		d.queue(d.t.Context(), "c0", "c", 1)
		d.served()
		last.Release()
		d.served("c0") // held nothing
		a1.Release()
		d.served("b0") // a has just had something
		b.Release()
		d.served("a0")
		a2.Release()
		time.Sleep(time.Minute)
		d.served("b1", "a1")
	})
}

func TestTenantsTakeTurnsAndTheirRequestsKeepTheirOrder(t *testing.T) {
	t.Parallel()
	inBubble(t, Options{Most: 1}, func(d *desk) {
		held := d.take("x", 1)
		for _, name := range []string{"a0", "a1", "a2", "b0", "b1", "c0"} {
			d.queue(d.t.Context(), name, name[:1], 1)
		}
		held.Release()
		time.Sleep(time.Minute)
		d.served("a0", "b0", "c0", "a1", "b1", "a2")
	})
}

func TestALargeRequestIsNotOvertakenForEver(t *testing.T) {
	t.Parallel()
	inBubble(t, Options{Most: 4, Each: 4}, func(d *desk) {
		small := []*Grant{d.take("small", 1), d.take("small", 1), d.take("small", 1)}
		d.queue(d.t.Context(), "large", "large", 4)
		d.queue(d.t.Context(), "small", "small", 1)
		d.served()
		for _, g := range small {
			g.Release()
		}
		d.served("large")
		time.Sleep(time.Second)
		d.served("small")
		time.Sleep(time.Second)
	})
}

func TestATenantAtItsBoundIsNotInTheWay(t *testing.T) {
	t.Parallel()
	inBubble(t, Options{Most: 4, Each: 2}, func(d *desk) {
		a, b := d.take("a", 2), d.take("b", 1)
		d.queue(d.t.Context(), "a", "a", 1)
		d.queue(d.t.Context(), "b", "b", 1)
		d.served("b")
		a.Disown()
		d.served() // it may, and there is none
		a.Release()
		d.served("a")
		b.Release()
		time.Sleep(time.Second)
	})
}

func TestWhatCannotBeIsRefusedAtOnce(t *testing.T) {
	t.Parallel()
	inBubble(t, Options{Most: 4}, func(d *desk) {
		if _, err := d.Take(d.t.Context(), "a", 5); !errors.Is(err, ErrNever) {
			t.Errorf("got %v", err)
		}
		all := d.take("a", 4) // more than its part, but it has nothing
		if _, ok := d.Try("b", 1); ok {
			t.Error("there was one more")
		}
		all.Release()
		all.Release()
	})
}

func TestWaitsEndWithTheirContextAndLetOthersGo(t *testing.T) {
	t.Parallel()
	inBubble(t, Options{Most: 4, Each: 4}, func(d *desk) {
		gone := errors.New("gone")
		held := d.take("x", 2)
		ctx, cancel := context.WithCancelCause(d.t.Context())
		d.queue(ctx, "large", "a", 4)
		d.queue(d.t.Context(), "small", "b", 1)
		d.served()
		cancel(gone)
		d.served("large: gone", "small")
		late, stop := context.WithTimeoutCause(d.t.Context(), time.Second, gone)
		defer stop()
		begin := time.Now()
		if _, err := d.Take(late, "c", 4); !errors.Is(err, gone) || time.Since(begin) != time.Second {
			t.Errorf("got %v after %s", err, time.Since(begin))
		}
		if _, err := d.Take(late, "c", 1); !errors.Is(err, gone) {
			t.Errorf("who comes too late got %v", err)
		}
		held.Release()
	})
}

func TestTheQueueIsBoundedAndTheLongestPays(t *testing.T) {
	t.Parallel()
	inBubble(t, Options{Most: 1, Queue: 3}, func(d *desk) {
		held := d.take("x", 1)
		for i := range 4 {
			d.queue(d.t.Context(), fmt.Sprint("a", i), "a", 1)
		}
		d.served("a3: share: too many wait: 3 already")
		d.queue(d.t.Context(), "b", "b", 1)
		d.served("a2: share: too many wait: 3 already")
		d.queue(d.t.Context(), "c", "c", 1)
		d.served("a1: share: too many wait: 3 already")
		d.queue(d.t.Context(), "d", "d", 1)
		d.served("d: share: too many wait: 3 already")
		held.Release()
		time.Sleep(time.Minute)
		d.served("a0", "b", "c")
	})
}

func TestWhatNobodyNeedsIsGivenUpFirst(t *testing.T) {
	t.Parallel()
	var idle []*Grant
	var waits int
	opts := Options{Most: 10, Each: 8, Waited: func(time.Duration) { waits++ }, MakeRoom: func(enough func() bool) {
		for len(idle) > 0 && !enough() {
			idle[0].Release()
			idle = idle[1:]
		}
	}}
	inBubble(t, opts, func(d *desk) {
		for range 4 {
			g := d.take("a", 2)
			g.Disown()
			idle = append(idle, g)
		}
		b := d.take("b", 5) // a's is not held against anybody
		if len(idle) != 2 || waits != 1 {
			t.Errorf("%d are kept, %d waited", len(idle), waits)
		}
		if !b.Resize(7) || len(idle) != 1 {
			t.Errorf("b could not grow; %d are kept", len(idle))
		}
		more, stop := context.WithTimeout(d.t.Context(), time.Second)
		defer stop()
		if _, err := d.Take(more, "b", 2); err == nil || len(idle) != 1 {
			t.Errorf("beyond its part b got more, or others' was given up for it: %d are kept", len(idle))
		}
		if _, ok := d.Idle(4); ok || len(idle) != 0 {
			t.Error("there was more for nobody than there was")
		}
		b.Release()
	})
}

func TestGrowthDoesNotTakeWhatOthersWaitFor(t *testing.T) {
	t.Parallel()
	inBubble(t, Options{Most: 16, Each: 9}, func(d *desk) {
		a, b := d.take("a", 3), d.take("b", 3)
		if a2 := d.take("a", 3); !a2.Resize(6) || a2.Resize(7) {
			t.Error("alone it grows to its bound and no further")
		} else {
			a2.Resize(2)
			defer a2.Release()
		}
		d.queue(d.t.Context(), "c", "c", 16)
		if a.Resize(4) {
			t.Error("a, which has its part, got what others wait for")
		}
		b.Resize(1)
		if b2, ok := d.Try("b", 2); !ok {
			t.Error("b could not have its part")
		} else {
			b2.Release()
		}
		if !b.Resize(9) {
			t.Error("all that a tenant has could not grow")
		}
		a.Release()
		b.Release()
		d.served()
	})
}

func TestWhatIsIdleIsNoTenants(t *testing.T) {
	t.Parallel()
	for name, idle := range map[string]func(*Grant){
		"disowned": func(g *Grant) { g.Disown() },
		"at rest":  func(g *Grant) { g.Rest(4) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, Options{Most: 8, Each: 4}, func(d *desk) {
				a := d.take("a", 4)
				d.queue(d.t.Context(), "a", "a", 4)
				d.served()
				idle(a)
				d.served("a")
				a.Release()
			})
		})
	}
}

func TestUnitsCanBecomeATenants(t *testing.T) {
	t.Parallel()
	inBubble(t, Options{Most: 8, Each: 4}, func(d *desk) {
		g, ok := d.Idle(4)
		if !ok {
			t.Error("there was nothing")
		}
		g.Own("a")
		g.Own("a")
		d.queue(d.t.Context(), "a", "a", 1)
		d.served()
		g.Own("b")
		d.served("a")
		g.Release()
		g.Own("c")
		g.Disown()
		(*Grant)(nil).Release()
	})
}

func TestWhatIsIdleCanBeClaimed(t *testing.T) {
	t.Parallel()
	inBubble(t, Options{Most: 8, Each: 6}, func(d *desk) {
		g, other := d.take("a", 4), d.take("b", 2)
		g.Rest(1)
		if used := d.Used(); used != 3 {
			t.Errorf("%d are used while it rests", used)
		}
		if g.Claim("b", 5) {
			t.Error("b has more than its part")
		}
		if g.Claim("c", 7) {
			t.Error("there was not as much")
		}
		d.queue(d.t.Context(), "b", "b", 5)
		if !g.Claim("c", 4) || d.Used() != 6 {
			t.Errorf("c may have what is free; %d are used", d.Used())
		}
		d.served()
		g.Rest(0)
		other.Release()
		d.served("b")
		if !g.Claim("b", 1) || d.Used() != 6 {
			t.Errorf("an empty grant is one, too; %d are used", d.Used())
		}
		g.Release()
		time.Sleep(time.Second)
	})
}

func TestAGrantThatComesTooLateIsGivenBack(t *testing.T) {
	t.Parallel()
	inBubble(t, Options{Most: 1}, func(d *desk) {
		held := d.take("a", 1)
		_, r := d.ask("b", 1)
		held.Release()
		d.withdraw(r) // as when the context ended at the same moment
	})
}

func TestRoomIsNotMadeForWhoMayNotHaveIt(t *testing.T) {
	t.Parallel()
	made := 0
	inBubble(t, Options{Most: 8, Each: 4, MakeRoom: func(enough func() bool) {
		if !enough() {
			made++
		}
	}}, func(d *desk) {
		a, b := d.take("a", 4), d.take("b", 4)
		if _, ok := d.Try("a", 1); ok || made != 0 {
			t.Errorf("a has more than its part: %t; room was made %d times", ok, made)
		}
		b.Resize(2)
		b2 := d.take("b", 2)
		if b2.Resize(3) || made != 0 {
			t.Errorf("b has more than its part; room was made %d times", made)
		}
		a.Release()
		b.Release()
		b2.Release()
	})
}

// TestNobodyIsForgotten has many take, grow, give up and leave: whoever does not
// leave is served in the end.
func TestNobodyIsForgotten(t *testing.T) {
	t.Parallel()
	inBubble(t, Options{Most: 20, Queue: 90}, func(d *desk) {
		rng := rand.New(rand.NewPCG(1, 2))
		for i := range 100 {
			tenant, units := fmt.Sprint(i%5), 1+rng.Int64N(12)
			patience, growth := time.Hour, rng.Int64N(8)
			if i%7 == 0 {
				patience = time.Duration(rng.IntN(1000)) * time.Millisecond
			}
			time.Sleep(time.Duration(rng.IntN(20)) * time.Millisecond)
			go func() {
				ctx, cancel := context.WithTimeout(d.t.Context(), patience)
				defer cancel()
				g, err := d.Take(ctx, tenant, units)
				if err != nil {
					if patience == time.Hour && !errors.Is(err, ErrBusy) {
						d.t.Errorf("%d units for tenant %s: %v", units, tenant, err)
					}
					return
				}
				if used := d.Used(); used > d.opts.Most {
					d.t.Errorf("%d units are used", used)
				}
				time.Sleep(100 * time.Millisecond)
				g.Resize(growth)
				if i%3 == 0 {
					g.Disown()
				}
				time.Sleep(100 * time.Millisecond)
				g.Release()
			}()
		}
		time.Sleep(2 * time.Hour)
	})
}
