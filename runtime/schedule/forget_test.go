package schedule

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

func turnOf(t *testing.T, s *Scheduler, tenant string) *Turn {
	t.Helper()
	turn, err := s.Enter(t.Context(), tenant)
	if err != nil {
		t.Fatal(err)
	}
	return turn
}

func TestTenantsWithoutGuestsAreForgotten(t *testing.T) {
	t.Parallel()
	s := New(Options{Slots: 2, Slice: time.Millisecond})
	stays := turnOf(t, s, "stays")
	for i := range 1000 {
		turnOf(t, s, fmt.Sprint(i)).Leave()
	}
	if len(s.tenants) > keepTenants {
		t.Errorf("%d tenants are remembered", len(s.tenants))
	}
	if s.tenants["stays"] != stays.of {
		t.Error("one with a guest is forgotten")
	}
}

// TestADebtIsForgottenWhenNobodyWaits has a tenant that runs long while another
// waits, leaves, and comes back after a time when nobody waited.
func TestADebtIsForgottenWhenNobodyWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := New(Options{Slots: 1, Slice: time.Millisecond})
		long := turnOf(t, s, "long")
		waiting := make(chan *Turn)
		go func() { waiting <- turnOf(t, s, "other") }()
		synctest.Wait()
		time.Sleep(time.Second)
		long.Leave()
		other := <-waiting
		if owed := s.tenants["long"].used - s.clock; owed < time.Second {
			t.Errorf("a second is over and %v of it owed", owed)
		}
		other.Leave()
		again := turnOf(t, s, "long")
		if again.of.used >= time.Second {
			t.Errorf("it counts as having used %v", again.of.used)
		}
		again.Leave()
	})
}

// TestADebtIsKeptWhileOthersWait has a tenant that runs long while two guests of
// another wait, leaves, and comes back at once.
func TestADebtIsKeptWhileOthersWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const long, step = 100 * time.Millisecond, 100 * time.Microsecond
		s := New(Options{Slots: 1, Slice: time.Millisecond})
		debtor := turnOf(t, s, "debtor")
		over := make(chan struct{})
		for range 2 {
			go func() {
				turn := turnOf(t, s, "other")
				defer turn.Leave()
				for begin := time.Now(); time.Since(begin) < 3*long; {
					time.Sleep(step)
					_ = turn.Check(t.Context())
				}
				over <- struct{}{}
			}()
		}
		synctest.Wait()
		time.Sleep(long)
		debtor.Leave()
		again := turnOf(t, s, "debtor")
		if again.Waited() < long/2 {
			t.Errorf("it waited %v", again.Waited())
		}
		again.Leave()
		<-over
		<-over
	})
}
