package schedule_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	goruntime "runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carrelhq/carrel/runtime/schedule"
)

const (
	slice = time.Millisecond
	step  = 100 * time.Microsecond // between two checks of a guest
)

var errOver = errors.New("over")

// spin is a guest that uses the CPU until ctx ends.
func spin(ctx context.Context, s *schedule.Scheduler, tenant string, used *atomic.Int64) {
	turn, err := s.Enter(ctx, tenant)
	if err != nil {
		return
	}
	defer turn.Leave()
	for {
		time.Sleep(step)
		used.Add(int64(step))
		if turn.Check(ctx) != nil {
			return
		}
	}
}

func enter(t *testing.T, s *schedule.Scheduler, tenant string) *schedule.Turn {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	turn, err := s.Enter(ctx, tenant)
	if err != nil {
		t.Fatal(err)
	}
	return turn
}

// beside runs a test with so many guests of a tenant that spin meanwhile, and looks
// that none is left at the end.
func beside(t *testing.T, slots, guests int, tenant string, test func(ctx context.Context, t *testing.T, s *schedule.Scheduler)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := schedule.New(schedule.Options{Slots: slots, Slice: slice})
		ctx, stop := context.WithCancelCause(t.Context())
		defer stop(errOver) // also when a guest waits for ever
		var used atomic.Int64
		var spinning sync.WaitGroup
		for range guests {
			spinning.Go(func() { spin(ctx, s, tenant, &used) })
		}
		test(ctx, t, s)
		stop(errOver)
		spinning.Wait()
		if got := s.Stats(); got.Running != 0 || got.Waiting != 0 {
			t.Errorf("at the end: %+v", got)
		}
	})
}

// TestAGuestOfAnIdleTenantWaitsForASliceAtMost has 64 spinning guests of another.
func TestAGuestOfAnIdleTenantWaitsForASliceAtMost(t *testing.T) {
	t.Parallel()
	beside(t, 2, 64, "greedy", func(ctx context.Context, t *testing.T, s *schedule.Scheduler) {
		for range 50 {
			time.Sleep(3*slice + 17*time.Microsecond)
			begin := time.Now()
			turn := enter(t, s, "small")
			if waited := time.Since(begin); waited > slice+step {
				t.Errorf("waited %v", waited)
			}
			time.Sleep(step)
			turn.Leave()
		}
	})
}

func TestTenantsShareTheCPUHoweverManyGuestsTheyHave(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := schedule.New(schedule.Options{Slots: 1, Slice: slice})
		ctx, stop := context.WithCancelCause(t.Context())
		var one, many, short atomic.Int64
		var guests sync.WaitGroup
		guests.Go(func() { spin(ctx, s, "one", &one) })
		for range 20 {
			guests.Go(func() { spin(ctx, s, "many", &many) })
		}
		guests.Go(func() { // a guest after the other, each shorter than a slice
			for ctx.Err() == nil {
				turn, err := s.Enter(ctx, "short")
				if err != nil {
					return
				}
				time.Sleep(step)
				short.Add(int64(step))
				turn.Leave()
			}
		})
		time.Sleep(900 * slice)
		stop(errOver)
		guests.Wait()
		for name, used := range map[string]*atomic.Int64{"one": &one, "many": &many} {
			if got := time.Duration(used.Load()); got < 400*slice || got > 450*slice {
				t.Errorf("%s had %v of 900 ms", name, got)
			}
		}
		// It asks for less than its share: a slice of each other tenant is the most it waits.
		if got, least := time.Duration(short.Load()), 900*slice*step/(2*slice+3*step); got < least {
			t.Errorf("short had %v of 900 ms, want %v", got, least)
		}
	})
}

// TestShortRunsGetNoMoreThanTheShareOfTheirTenant has a tenant whose runs follow
// one another, each a little shorter than a slice.
func TestShortRunsGetNoMoreThanTheShareOfTheirTenant(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := schedule.New(schedule.Options{Slots: 1, Slice: slice})
		ctx, stop := context.WithCancelCause(t.Context())
		var short, spun atomic.Int64
		var guests sync.WaitGroup
		for tenant := range 2 {
			guests.Go(func() { spin(ctx, s, fmt.Sprint(tenant), &spun) })
		}
		guests.Go(func() {
			for ctx.Err() == nil {
				turn, err := s.Enter(ctx, "short")
				if err != nil {
					return
				}
				time.Sleep(slice - step)
				short.Add(int64(slice - step))
				turn.Leave()
			}
		})
		time.Sleep(900 * slice)
		stop(errOver)
		guests.Wait()
		if got := time.Duration(short.Load()); got < 250*slice || got > 310*slice {
			t.Errorf("short had %v of 900 ms, want a third", got)
		}
	})
}

func TestAnIdleTenantDoesNotSaveUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := schedule.New(schedule.Options{Slots: 1, Slice: slice})
		ctx, stop := context.WithCancelCause(t.Context())
		var early, late atomic.Int64
		var guests sync.WaitGroup
		for range 2 {
			guests.Go(func() { spin(ctx, s, "early", &early) })
		}
		time.Sleep(500 * slice)
		guests.Go(func() { spin(ctx, s, "late", &late) })
		time.Sleep(100 * slice)
		stop(errOver)
		guests.Wait()
		if got := time.Duration(late.Load()); got < 40*slice || got > 60*slice {
			t.Errorf("the late one had %v of 100 ms", got)
		}
	})
}

// TestWhoWasIdleHasNoMoreThanASliceAtOnce has a tenant that comes now and then while
// another spins.
func TestWhoWasIdleHasNoMoreThanASliceAtOnce(t *testing.T) {
	t.Parallel()
	beside(t, 1, 2, "early", func(ctx context.Context, t *testing.T, s *schedule.Scheduler) {
		for range 20 {
			time.Sleep(20*slice + step/3)
			turn := enter(t, s, "late")
			begin := time.Now()
			for range slice / step {
				time.Sleep(step)
				if err := turn.Check(ctx); err != nil {
					t.Fatal(err)
				}
			}
			if took := time.Since(begin); took < 2*slice {
				t.Errorf("it went on after %v", took)
			}
			turn.Leave()
		}
	})
}

// TestWhatNobodyElseWantedIsNotADebt has a tenant that filled all slots while it
// was alone, when another comes with more guests than there are slots.
func TestWhatNobodyElseWantedIsNotADebt(t *testing.T) {
	t.Parallel()
	for _, slots := range []int{1, 2, 3} {
		synctest.Test(t, func(t *testing.T) {
			s := schedule.New(schedule.Options{Slots: slots, Slice: slice})
			ctx, stop := context.WithCancelCause(t.Context())
			var early, late atomic.Int64
			var guests sync.WaitGroup
			for range slots {
				guests.Go(func() { spin(ctx, s, "early", &early) })
			}
			time.Sleep(500*slice + step/2)
			before := early.Load()
			for range 64 {
				guests.Go(func() { spin(ctx, s, "late", &late) })
			}
			time.Sleep(100 * slice)
			half := time.Duration(slots) * 50 * slice
			if got := time.Duration(early.Load() - before); got < half*9/10 || got > half*11/10 {
				t.Errorf("%d slots: the early one had %v of the next 100 ms in each, want %v in all", slots, got, half)
			}
			stop(errOver)
			guests.Wait()
		})
	}
}

// TestALongRunDoesNotSaveUp has a guest that runs alone in one of four slots while
// another tenant uses the rest, when five more tenants come.
func TestALongRunDoesNotSaveUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := schedule.New(schedule.Options{Slots: 4, Slice: slice})
		ctx, stop := context.WithCancelCause(t.Context())
		var used [7]atomic.Int64
		var guests sync.WaitGroup
		run := func(tenant, n int) {
			for range n {
				guests.Go(func() { spin(ctx, s, fmt.Sprint(tenant), &used[tenant]) })
			}
		}
		run(0, 1)
		run(1, 3)
		time.Sleep(500*slice + step/2)
		before := used[0].Load()
		for tenant := 2; tenant < len(used); tenant++ {
			run(tenant, 8)
		}
		time.Sleep(140 * slice)
		if got, want := time.Duration(used[0].Load()-before), 80*slice; got < want*9/10 || got > want*11/10 {
			t.Errorf("the long one had %v of the next 140 ms in four slots, want %v", got, want)
		}
		stop(errOver)
		guests.Wait()
	})
}

func TestTenantsShareSeveralSlots(t *testing.T) {
	t.Parallel()
	for _, slots := range []int{2, 3, 4} {
		synctest.Test(t, func(t *testing.T) {
			s := schedule.New(schedule.Options{Slots: slots, Slice: slice})
			ctx, stop := context.WithCancelCause(t.Context())
			var used [5]atomic.Int64
			var guests sync.WaitGroup
			for tenant := range used {
				for range 1 + 15*(tenant%2) {
					guests.Go(func() { spin(ctx, s, fmt.Sprint(tenant), &used[tenant]) })
				}
			}
			time.Sleep(500 * slice)
			want := time.Duration(slots) * 100 * slice
			for tenant := range used {
				if got := time.Duration(used[tenant].Load()); got < want*9/10 || got > want*11/10 {
					t.Errorf("%d slots: tenant %d had %v, want %v", slots, tenant, got, want)
				}
			}
			stop(errOver)
			guests.Wait()
		})
	}
}

func TestGuestsOfATenantGoInOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := schedule.New(schedule.Options{Slots: 1, Slice: slice})
		first := enter(t, s, "a")
		var mu sync.Mutex
		var order []int
		for i := range 5 {
			go func() {
				turn, err := s.Enter(t.Context(), "a")
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				order = append(order, i)
				mu.Unlock()
				turn.Leave()
			}()
			synctest.Wait()
		}
		first.Leave()
		synctest.Wait()
		if fmt.Sprint(order) != "[0 1 2 3 4]" {
			t.Errorf("got %v", order)
		}
	})
}

func TestASlotIsNotLostToAContextThatEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := schedule.New(schedule.Options{Slots: 1, Slice: slice})
		for range 64 { // which of the two comes first is chance
			first := enter(t, s, "a")
			ctx, cancel := context.WithCancelCause(t.Context())
			var waited sync.WaitGroup
			waited.Go(func() {
				turn, err := s.Enter(ctx, "b")
				if err == nil {
					turn.Leave()
				} else if !errors.Is(err, errOver) {
					t.Errorf("got %v", err)
				}
			})
			synctest.Wait()
			cancel(errOver)
			first.Leave() // b may get the slot before it has seen that it is over
			waited.Wait()
		}
		enter(t, s, "c").Leave()
	})
}

func TestWhatEndsAWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := schedule.New(schedule.Options{Slots: 1, Slice: slice})
		holder := enter(t, s, "a")
		ctx, cancel := context.WithTimeoutCause(t.Context(), 5*slice, errOver)
		defer cancel()
		if _, err := s.Enter(ctx, "b"); !errors.Is(err, errOver) {
			t.Errorf("Enter = %v, want the cause", err)
		}
		if err := holder.Check(ctx); !errors.Is(err, errOver) {
			t.Errorf("Check = %v, want the cause", err)
		}
		holder.Pause()
		if _, err := s.Enter(ctx, "b"); !errors.Is(err, errOver) {
			t.Errorf("Enter of a run that is over = %v, want the cause", err)
		}
		other := enter(t, s, "b")
		if err := holder.Resume(ctx); !errors.Is(err, errOver) {
			t.Errorf("Resume = %v, want the cause", err)
		}
		other.Leave()
		holder.Leave()
		holder.Leave()
		if err := holder.Resume(t.Context()); err != nil {
			t.Error(err)
		}
		if got := s.Stats(); got.Running != 0 || got.Waiting != 0 {
			t.Errorf("at the end: %+v", got)
		}
		enter(t, s, "c").Leave()
	})
}

func TestAPausedGuestHasNoSlot(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := schedule.New(schedule.Options{Slots: 1, Slice: slice})
		turn := enter(t, s, "a")
		turn.Pause()
		turn.Pause()
		idle := enter(t, s, "c")
		idle.Pause()
		other := enter(t, s, "b")
		resumed := make(chan error, 1)
		go func() { resumed <- turn.Resume(t.Context()) }()
		synctest.Wait()
		time.Sleep(2 * slice)
		if err := idle.Check(t.Context()); err != nil { // it has no slot to give to the one that waits
			t.Error(err)
		}
		synctest.Wait()
		select {
		case <-resumed:
			t.Fatal("two guests have the one slot")
		default:
		}
		other.Leave()
		if err := <-resumed; err != nil {
			t.Error(err)
		}
		turn.Leave()
		idle.Leave()
	})
}

// TestAShortWaitKeepsThePlace has 64 spinning guests of the same tenant.
func TestAShortWaitKeepsThePlace(t *testing.T) {
	t.Parallel()
	beside(t, 2, 64, "a", func(ctx context.Context, t *testing.T, s *schedule.Scheduler) {
		time.Sleep(10*slice + step/2)
		turn := enter(t, s, "a")
		for range 8 {
			time.Sleep(step)
			turn.Pause()
			time.Sleep(step)
			begin := time.Now()
			if err := turn.Resume(ctx); err != nil {
				t.Error(err)
			}
			if waited := time.Since(begin); waited > slice+step {
				t.Errorf("waited %v", waited)
			}
		}
		turn.Leave()
	})
}

// TestWhoWaitsOftenGetsNoMoreThanASliceForIt has a guest that never waits beside
// eight of the same tenant that do nothing else.
func TestWhoWaitsOftenGetsNoMoreThanASliceForIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := schedule.New(schedule.Options{Slots: 1, Slice: slice})
		ctx, stop := context.WithCancelCause(t.Context())
		var used atomic.Int64
		var guests sync.WaitGroup
		guests.Go(func() { spin(ctx, s, "a", &used) })
		for range 8 {
			guests.Go(func() {
				turn, err := s.Enter(ctx, "a")
				for ; err == nil; err = turn.Resume(ctx) {
					time.Sleep(3 * step)
					turn.Pause()
					time.Sleep(step)
				}
				turn.Leave()
			})
		}
		time.Sleep(900 * slice)
		stop(errOver)
		guests.Wait()
		// Each of the others gets a slice and its last step over, then it is the turn of the next.
		if got := time.Duration(used.Load()); got < 70*slice {
			t.Errorf("the one that never waits had %v of 900 ms", got)
		}
	})
}

// TestNeverMoreThanTheSlots does random things in many goroutines, in real time.
func TestNeverMoreThanTheSlots(t *testing.T) {
	t.Parallel()
	const slots = 3
	s := schedule.New(schedule.Options{Slots: slots, Slice: time.Microsecond})
	var running atomic.Int32
	on := func() {
		if n := running.Add(1); n > slots {
			t.Errorf("%d guests run in %d slots", n, slots)
		}
		goruntime.Gosched()
	}
	off := func() { running.Add(-1) }
	var wg sync.WaitGroup
	for g := range 24 {
		random := rand.New(rand.NewPCG(1, uint64(g)))
		wg.Go(func() {
			for range 300 {
				guest(t, s, random, on, off)
			}
		})
	}
	wg.Wait()
	if got := s.Stats(); got.Running != 0 || got.Waiting != 0 {
		t.Errorf("at the end: %+v", got)
	}
}

// guest is on and off the CPU a few times.
func guest(t *testing.T, s *schedule.Scheduler, random *rand.Rand, on, off func()) {
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	if random.IntN(4) == 0 {
		time.AfterFunc(time.Duration(random.IntN(200))*time.Microsecond, func() { cancel(errOver) })
	}
	turn, err := s.Enter(ctx, fmt.Sprint(random.IntN(6)))
	if err != nil {
		return
	}
	defer turn.Leave()
	on()
	for range random.IntN(8) {
		off()
		if random.IntN(3) == 0 {
			turn.Pause()
			err = turn.Resume(ctx)
		} else {
			err = turn.Check(ctx)
		}
		if err != nil {
			return
		}
		on()
	}
	off()
}

func BenchmarkCheck(b *testing.B) {
	s := schedule.New(schedule.Options{Slots: 1, Slice: time.Hour})
	turn, _ := s.Enter(b.Context(), "a")
	for b.Loop() {
		_ = turn.Check(b.Context())
	}
}

func BenchmarkEnterLeave(b *testing.B) {
	s := schedule.New(schedule.Options{Slots: 1, Slice: time.Hour})
	for b.Loop() {
		turn, _ := s.Enter(b.Context(), "a")
		turn.Leave()
	}
}

// BenchmarkHandOver has guests of several tenants that give their slot on at every check.
func BenchmarkHandOver(b *testing.B) {
	for _, tenants := range []int{1, 16, 1024} {
		b.Run(fmt.Sprintf("%d tenants", tenants), func(b *testing.B) {
			s := schedule.New(schedule.Options{Slots: 1})
			ctx, stop := context.WithCancel(b.Context())
			var guests sync.WaitGroup
			for i := range max(tenants, 2) {
				guests.Go(func() {
					turn, err := s.Enter(ctx, fmt.Sprint(i%tenants))
					if err != nil {
						return
					}
					defer turn.Leave()
					for turn.Check(ctx) == nil {
					}
				})
			}
			turn, _ := s.Enter(ctx, "0")
			turn.Pause()
			begin := s.Stats().Slices
			for b.Loop() {
				goruntime.Gosched()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(s.Stats().Slices-begin), "ns/handover")
			stop()
			turn.Leave()
			guests.Wait()
		})
	}
}
