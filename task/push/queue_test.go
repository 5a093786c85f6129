package push

import (
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"

	"github.com/carrelhq/carrel/task"
)

// delivery is named "tenant/target/name"; with a "!" at the end it is tried again.
func delivery(name string) *task.Delivery {
	parts := strings.Split(strings.TrimSuffix(name, "!"), "/")
	d := &task.Delivery{DeliveryID: task.DeliveryID{Tenant: parts[0], ConfigID: name}, Config: &a2apb.TaskPushNotificationConfig{Url: "http://" + parts[1] + "/" + parts[2]}}
	if strings.HasSuffix(name, "!") {
		d.Attempts = 1
	}
	return d
}

func fill(q *queue, names ...string) {
	for _, name := range names {
		d := delivery(name)
		take, _, _ := q.room([]task.DeliveryID{d.DeliveryID})
		q.add(take, []*task.Delivery{d})
	}
}

// drainAll gives places until there are none, and returns the order.
func drainAll(q *queue) (jobs []*job, order string) {
	var names []string
	for j, _ := q.next(time.Now()); j != nil; j, _ = q.next(time.Now()) {
		jobs = append(jobs, j)
		names = append(names, j.d.ConfigID)
	}
	return jobs, strings.Join(names, " ")
}

func TestTenantsAndTargetsTakeTurns(t *testing.T) {
	t.Parallel()
	q := newQueue(64, DefaultRate)
	fill(q, "a/x/1", "a/x/2", "a/x/3", "a/y/4", "b/x/5", "b/x/6")
	_, got := drainAll(q)
	if want := "b/x/5 a/y/4 b/x/6 a/x/1 a/x/2 a/x/3"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestPlacesAreBounded(t *testing.T) {
	t.Parallel()
	q := newQueue(16, DefaultRate)
	for i := range 40 {
		fill(q, fmt.Sprintf("a/x/%d", i), fmt.Sprintf("a/y%d/%d", i, i))
	}
	jobs, _ := drainAll(q)
	perTarget := make(map[string]int)
	for _, j := range jobs {
		perTarget[j.target.name]++
	}
	if len(jobs) != 8 || perTarget["http://x"] > 4 {
		t.Errorf("one tenant has %d places: %v", len(jobs), perTarget)
	}
	fill(q, "b/x/1")
	if more, got := drainAll(q); got != "b/x/1" {
		t.Errorf("then got %s", got)
	} else {
		q.done(more[0], false, time.Now())
	}
	for _, j := range jobs {
		q.done(j, false, time.Now())
	}
	for q.waiting > 0 {
		jobs, _ = drainAll(q)
		for _, j := range jobs {
			q.done(j, false, time.Now())
		}
	}
	if len(q.known)+len(q.byName)+q.tenants.len()+q.places.used+q.places.again != 0 {
		t.Errorf("something is left: %+v", q)
	}
}

func TestThoseThatAreTriedAgainHaveHalfOfThePlaces(t *testing.T) {
	t.Parallel()
	q := newQueue(16, DefaultRate)
	for i := range 10 {
		fill(q, fmt.Sprintf("a/x/%d!", i))
	}
	if _, got := drainAll(q); len(strings.Fields(got)) != 2 {
		t.Errorf("got %s", got)
	}
	fill(q, "a/x/new")
	if _, got := drainAll(q); got != "a/x/new" {
		t.Errorf("got %s", got)
	}
}

func TestTheQueueIsBounded(t *testing.T) {
	t.Parallel()
	q := newQueue(4, DefaultRate) // 64 may wait, 16 of them of one tenant at most
	var ids []task.DeliveryID
	for i := range 100 {
		ids = append(ids, task.DeliveryID{Tenant: fmt.Sprint("t", i/20), ConfigID: fmt.Sprint(i)})
	}
	take, crowd, full := q.room(ids)
	perTenant := make(map[string]int)
	for _, id := range take {
		perTenant[id.Tenant]++
	}
	want := map[string]int{"t0": 16, "t1": 16, "t2": 11, "t3": 7, "t4": 5} // of what is left, half
	if !maps.Equal(perTenant, want) || len(take)+len(crowd) != len(ids) || full {
		t.Errorf("take %v, crowd %d, full %t", perTenant, len(crowd), full)
	}
	if again, _, _ := q.room(ids[:16]); len(again) > 0 {
		t.Errorf("taken twice: %v", again)
	}
	q.forget(take)
	if again, _, _ := q.room(ids[:16]); len(again) != 16 {
		t.Errorf("after it was forgotten: %v", again)
	}
}

// TestTenantsThatWaitLeaveRoomForOthers has tenants with more than they may be sent
// for long, and then one more.
func TestTenantsThatWaitLeaveRoomForOthers(t *testing.T) {
	t.Parallel()
	q := newQueue(512, DefaultRate)
	offer := func(tenant string, n int) {
		for i := range n {
			d := delivery(fmt.Sprintf("%s/x/%d", tenant, i))
			if take, _, _ := q.room([]task.DeliveryID{d.DeliveryID}); len(take) > 0 {
				q.add(take, []*task.Delivery{d})
			}
		}
	}
	for i := range 12 {
		offer(fmt.Sprint("many", i), 3000)
	}
	offer("new", 3)
	if got := q.waitingOf("new"); got != 3 || q.full {
		t.Errorf("of 3 there is room for %d, beside %d", got, q.waiting)
	}
	for i := range q.most {
		offer(fmt.Sprint("one", i), 1)
	}
	if !q.full || q.waiting != q.most {
		t.Errorf("%d of %d wait, full is %t", q.waiting, q.most, q.full)
	}
}

func TestWhatIsFoundDueMeanwhileIsLookedAtAgain(t *testing.T) {
	t.Parallel()
	q := newQueue(4, DefaultRate)
	fill(q, "a/x/1")
	j, _ := q.next(time.Now())
	q.room([]task.DeliveryID{j.d.DeliveryID})
	if again, _ := q.done(j, false, time.Now()); !again {
		t.Error("it was not")
	}
}

func TestBackOff(t *testing.T) {
	t.Parallel()
	o, err := Options{}.complete()
	if err != nil {
		t.Fatal(err)
	}
	for attempts, about := range map[int]time.Duration{1: time.Second, 2: 2 * time.Second, 11: 1024 * time.Second, 12: 2048 * time.Second, 13: time.Hour, 1000: time.Hour} {
		for range 100 {
			if got := o.backOff(attempts); got < about*3/4 || got > about*5/4 {
				t.Errorf("after %d attempts: %s", attempts, got)
			}
		}
	}
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for header, want := range map[string]time.Duration{
		"": 0, "7": 7 * time.Second, "-7": 0, "1e3": 0, "99999999999": 1 << 31 * time.Second, "99999999999999999999": 0,
		"Fri, 02 Jan 2026 03:05:05 GMT": time.Minute, "Fri, 02 Jan 2026 03:00:00 GMT": 0,
	} {
		if got := retryAfter(header, now); got != want {
			t.Errorf("%q: got %s, want %s", header, got, want)
		}
	}
}
