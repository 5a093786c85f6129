package push

import (
	"time"

	"golang.org/x/time/rate"
)

// ahead is how many seconds' worth of attempts a tenant may make at once: tasks that
// end together have their webhooks called together.
const ahead = 5

// rates bounds the attempts of each tenant in this process.
type rates struct {
	limit rate.Limit
	burst int
	of    map[string]*rate.Limiter
}

func newRates(perSecond int) *rates {
	return &rates{rate.Limit(perSecond), ahead * perSecond, map[string]*rate.Limiter{}}
}

// take takes an attempt, if the tenant may make one now.
func (r *rates) take(tenant string, now time.Time) bool { return r.limiter(tenant, now).AllowN(now, 1) }

// giveBack undoes take for an attempt that was not made: it takes one less than none.
func (r *rates) giveBack(tenant string, now time.Time) { r.limiter(tenant, now).AllowN(now, -1) }

// left is how many attempts the tenant may make at once now.
func (r *rates) left(tenant string, now time.Time) int {
	return int(r.limiter(tenant, now).TokensAt(now))
}

// wait is how long the tenant has to wait for its next attempt.
func (r *rates) wait(tenant string, now time.Time) time.Duration {
	missing := 1 - r.limiter(tenant, now).TokensAt(now)
	if missing <= 0 {
		return 0
	}
	return time.Duration(missing/float64(r.limit)*float64(time.Second)) + time.Microsecond // rounded up
}

func (r *rates) limiter(tenant string, now time.Time) *rate.Limiter {
	l := r.of[tenant]
	if l == nil {
		r.forget(now)
		l = rate.NewLimiter(r.limit, r.burst)
		r.of[tenant] = l
	}
	return l
}

// forget drops tenants that may do all they ever may: a new limiter is the same.
func (r *rates) forget(now time.Time) {
	for tenant, l := range r.of {
		if l.TokensAt(now) >= float64(r.burst) {
			delete(r.of, tenant)
		}
	}
}
