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
			q.done(j, false)
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
	if q.more("many", now) || !q.more("few", now) {
		t.Error("the next event of a turn is no attempt")
	}
	now = now.Add(time.Hour)
	q.rates.limiter("another", now)
	if len(q.rates.of) != 1 {
		t.Errorf("%d tenants are remembered", len(q.rates.of))
	}
}
