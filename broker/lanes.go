package broker

// lanes holds the queued jobs, one lane per tenant that has any. It is not safe
// for concurrent use.
type lanes struct {
	byTenant map[string]*lane
	turns    fifo[*lane] // every lane once, the next to be served first
}

// lane is the queue of one tenant.
type lane struct {
	tenant string
	tasks  fifo[string]
	queued map[string]struct{} // what is in tasks
}

// push adds job at the end of its lane unless the lane holds it already.
func (l *lanes) push(job Job) {
	ln := l.byTenant[job.Tenant]
	if ln == nil {
		ln = &lane{tenant: job.Tenant, queued: make(map[string]struct{})}
		l.byTenant[job.Tenant] = ln
		l.turns.push(ln)
	}
	if _, ok := ln.queued[job.TaskID]; ok {
		return
	}
	ln.queued[job.TaskID] = struct{}{}
	ln.tasks.push(job.TaskID)
}

// pop takes the first job of the lane whose turn it is and sends that lane to
// the end. A lane that has run empty is forgotten, so idle tenants cost nothing.
func (l *lanes) pop() (Job, bool) {
	if l.empty() {
		return Job{}, false
	}
	ln := l.turns.pop()
	id := ln.tasks.pop()
	delete(ln.queued, id)
	if ln.tasks.empty() {
		delete(l.byTenant, ln.tenant)
	} else {
		l.turns.push(ln)
	}
	return Job{Tenant: ln.tenant, TaskID: id}, true
}

func (l *lanes) empty() bool { return l.turns.empty() }

// fifo is a queue. Appending to the rest of a slice reallocates it now and then
// to about the size of what is left, so a queue that has been long shrinks again.
type fifo[T any] struct{ items []T }

func (f *fifo[T]) push(v T) { f.items = append(f.items, v) }

func (f *fifo[T]) empty() bool { return len(f.items) == 0 }

// pop takes the oldest item. The queue must not be empty.
func (f *fifo[T]) pop() T {
	var zero T
	v := f.items[0]
	f.items[0] = zero // the slice must not keep it alive
	f.items = f.items[1:]
	return v
}
