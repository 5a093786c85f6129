package push

import (
	"fmt"
	"testing"
	"time"
)

// TestATenantMakesNoMoreAttemptsThanItMay has a thousand deliveries of one, and those of another.
func TestATenantMakesNoMoreAttemptsThanItMay(t *testing.T) {
	t.Parallel()
	const perSecond = 10
	q := newQueue(1<<14, perSecond)
	for i := range 1000 {
		fill(q, fmt.Sprintf("many/x%d/%d", i, i))
	}
	fill(q, "few/x/1", "few/x/2")
	now := time.Now()
	given := func() map[string]int {
		n := map[string]int{}
		for {
			j, wait := q.next(now)
			if j == nil {
				if wait <= 0 || wait > time.Second/perSecond+time.Millisecond {
					t.Errorf("the next attempt is in %v", wait)
				}
				return n
			}
			n[j.d.Tenant]++
			j.attempt = false // it is made
			q.done(j, false, now)
		}
	}
	if got := given(); got["many"] != ahead*perSecond || got["few"] != 2 {
		t.Errorf("at once: %v", got)
	}
	for range 3 {
		now = now.Add(time.Second)
		if got := given(); got["many"] != perSecond {
			t.Errorf("in a second: %v", got)
		}
	}
	fill(q, "few/x/3")
	j, _ := q.next(now)
	if n := q.attempts(j, now); n != ahead*perSecond {
		t.Errorf("%d attempts at once, want all", n)
	}
	for i := range 2 * ahead * perSecond { // asked for twice, made once
		if !q.may(j, now) {
			t.Errorf("attempt %d is refused", i/2)
		}
		j.attempt = j.attempt && i%2 == 0
	}
	if q.may(j, now) || q.attempts(j, now) != 0 {
		t.Error("the next event of a turn is no attempt")
	}
	q.done(j, false, now)
	now = now.Add(time.Hour)
	q.rates.limiter("another", now)
	if len(q.rates.of) != 1 {
		t.Errorf("%d tenants are remembered", len(q.rates.of))
	}
}
