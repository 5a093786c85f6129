package push

import (
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/carrelhq/carrel/task"
)

// queue holds what is claimed: by tenant, by target, in order of arrival. Tenants
// take turns, and so do the targets of each. Places are bounded at all three
// levels, and those that are tried again have half of each at most: a target that
// hangs holds up others of its tenant only when it has many webhooks there, and
// no other tenant.
type queue struct {
	mu      sync.Mutex
	places  place
	tenants ring[*tenantQueue]
	byName  map[string]*tenantQueue
	// known are the deliveries here, waiting or under way; true is noted for one
	// that was found due meanwhile.
	known   map[task.DeliveryID]bool
	waiting int
	most    int  // of those that wait
	full    bool // somebody was turned away
	rates   *rates
}

type tenantQueue struct {
	name    string
	places  place
	targets ring[*target]
	byName  map[string]*target
	waiting int
}

type target struct {
	name         string
	places       place
	fresh, again []*task.Delivery
	turn         bool // whether the next is one of those that are tried again
}

// place counts requests under way against a bound.
type place struct{ used, again, most int }

func (p place) free(again bool) bool {
	return p.used < p.most && (!again || p.again < max(1, p.most/2))
}

func (p *place) take(again bool, n int) {
	p.used += n
	if again {
		p.again += n
	}
}

// job is a delivery that has a place.
type job struct {
	d       *task.Delivery
	tenant  *tenantQueue
	target  *target
	again   bool
	attempt bool // taken for it, and not made yet
}

// waitingPerPlace is how many deliveries may wait here for each place.
const waitingPerPlace = 16

func newQueue(places, perSecond int) *queue {
	return &queue{
		rates:  newRates(perSecond),
		places: place{most: places}, most: places * waitingPerPlace,
		byName: make(map[string]*tenantQueue), known: make(map[task.DeliveryID]bool),
	}
}

// room sorts out of what is due that which may be claimed: what is not here yet,
// as long as there is room. A tenant may have a quarter of all, and half of what the
// others leave: however many tenants wait for their rate, there is room for one that
// comes new. crowd is what there is no room for because of its tenant's others, full
// that there is no room for anybody. The caller adds or forgets what it is given to take.
func (q *queue) room(ids []task.DeliveryID) (take, crowd []task.DeliveryID, full bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	taken := make(map[string]int)
	for _, id := range ids {
		if _, here := q.known[id]; here {
			q.known[id] = true
			continue
		}
		free := q.most - q.waiting - len(take)
		if free <= 0 {
			q.full = true
			return take, crowd, true
		}
		if q.waitingOf(id.Tenant)+taken[id.Tenant] >= min(q.most/4, max(1, free/2)) {
			crowd = append(crowd, id)
			continue
		}
		taken[id.Tenant]++
		q.known[id] = false
		take = append(take, id)
	}
	return take, crowd, false
}

func (q *queue) waitingOf(tenant string) int {
	if t := q.byName[tenant]; t != nil {
		return t.waiting
	}
	return 0
}

// forget drops what room gave to take.
func (q *queue) forget(ids []task.DeliveryID) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, id := range ids {
		delete(q.known, id)
	}
}

// add queues what was claimed of what room gave to take, and forgets the rest.
func (q *queue) add(take []task.DeliveryID, claimed []*task.Delivery) {
	q.mu.Lock()
	defer q.mu.Unlock()
	here := make(map[task.DeliveryID]bool, len(claimed))
	for _, d := range claimed {
		here[d.DeliveryID] = true
		q.put(d)
	}
	for _, id := range take {
		if !here[id] {
			delete(q.known, id)
		}
	}
}

func (q *queue) put(d *task.Delivery) {
	t := q.byName[d.Tenant]
	if t == nil {
		t = &tenantQueue{name: d.Tenant, places: place{most: max(1, q.places.most/2)}, byName: make(map[string]*target)}
		q.byName[d.Tenant] = t
		q.tenants.add(t)
	}
	name := targetOf(d.Config.Url)
	to := t.byName[name]
	if to == nil {
		to = &target{name: name, places: place{most: max(1, q.places.most/4)}}
		t.byName[name] = to
		t.targets.add(to)
	}
	to.put(d)
	t.waiting++
	q.waiting++
}

func (t *target) put(d *task.Delivery) {
	if d.Attempts > 0 {
		t.again = append(t.again, d)
	} else {
		t.fresh = append(t.fresh, d)
	}
}

// targetOf is what connections are made to.
func targetOf(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return ""
	}
	return strings.ToLower(u.Scheme + "://" + u.Host)
}

// next gives a place, and an attempt, to a delivery. It returns nil when there is
// none to give; wait is then in how long there may be, where that is known: when
// tenants have made as many attempts as they may.
func (q *queue) next(now time.Time) (j *job, wait time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.places.free(false) {
		return nil, 0
	}
	for range q.tenants.len() {
		t := q.tenants.turn()
		if t.waiting == 0 || !t.places.free(false) {
			continue
		}
		if w := q.rates.wait(t.name, now); w > 0 {
			if wait == 0 || w < wait {
				wait = w
			}
			continue
		}
		if j = q.nextOf(t); j != nil {
			j.attempt = q.rates.take(t.name, now)
			return j, 0
		}
	}
	return nil, wait
}

// nextOf gives a place to a delivery of the tenant.
func (q *queue) nextOf(t *tenantQueue) *job {
	for range t.targets.len() {
		to := t.targets.turn()
		d, again := to.pop(func(again bool) bool {
			return q.places.free(again) && t.places.free(again) && to.places.free(again)
		})
		if d == nil {
			continue
		}
		t.waiting--
		q.waiting--
		j := &job{d: d, tenant: t, target: to, again: again}
		q.take(j, 1)
		return j
	}
	return nil
}

// attempts is how many attempts there may be for the job now, with the one that it has.
func (q *queue) attempts(j *job, now time.Time) int {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := q.rates.left(j.tenant.name, now)
	if j.attempt {
		n++
	}
	return n
}

// may reports whether there may be an attempt for the job now, and takes it, unless
// it has one already. Who makes it clears j.attempt; what was not made is given back
// with the place.
func (q *queue) may(j *job, now time.Time) bool {
	if j.attempt {
		return true
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	j.attempt = q.rates.take(j.tenant.name, now)
	return j.attempt
}

// pop takes the next delivery of those for whom there is a place, the new ones
// and those that are tried again in turn.
func (t *target) pop(free func(again bool) bool) (d *task.Delivery, again bool) {
	for range 2 {
		t.turn = !t.turn
		list := &t.fresh
		if t.turn {
			list = &t.again
		}
		if len(*list) > 0 && free(t.turn) {
			d, *list = (*list)[0], (*list)[1:]
			return d, t.turn
		}
	}
	return nil, false
}

func (q *queue) take(j *job, n int) {
	q.places.take(j.again, n)
	j.tenant.places.take(j.again, n)
	j.target.places.take(j.again, n)
}

// done takes the place back, and an attempt that was not made. A delivery that goes on
// waits for its next turn. again reports that one that is over was found due meanwhile,
// room that somebody was turned away for whom there is room now.
func (q *queue) done(j *job, goOn bool, now time.Time) (again, room bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.take(j, -1)
	if j.attempt {
		q.rates.giveBack(j.tenant.name, now)
	}
	if goOn {
		j.target.put(j.d)
		j.tenant.waiting++
		q.waiting++
		return false, false
	}
	again = q.known[j.d.DeliveryID]
	if q.full && q.waiting <= q.most/2 {
		q.full, room = false, true
	}
	delete(q.known, j.d.DeliveryID)
	q.tidy(j)
	return again, room
}

// tidy drops targets and tenants of which nothing is left.
func (q *queue) tidy(j *job) {
	if to := j.target; to.places.used == 0 && len(to.fresh)+len(to.again) == 0 {
		delete(j.tenant.byName, to.name)
		j.tenant.targets.remove(to)
	}
	if t := j.tenant; len(t.byName) == 0 {
		delete(q.byName, t.name)
		q.tenants.remove(t)
	}
}

// empty takes everything out that waits.
func (q *queue) empty() (list []*task.Delivery) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, t := range q.byName {
		for _, to := range t.byName {
			list = append(append(list, to.fresh...), to.again...)
			to.fresh, to.again = nil, nil
		}
		t.waiting = 0
	}
	q.waiting = 0
	return list
}
