package task

import "sync"

// tailLength is how many recent events of a followed task are kept in memory, or
// all that were committed together last: whoever is woken for them finds them there.
const tailLength = 64

// tails keeps the recent events of the tasks that somebody follows in this
// process, so that a thousand followers of a task do not each read and decode
// the same event. Storage stays the truth: a tail may be empty or behind at any
// time, and whoever does not find his event in it reads the store.
type tails struct {
	mu     sync.Mutex
	byTask map[tailKey]*tail
	shared bool // others write events, which no tail hears of
}

// tailKey names the agent, too: a task is not there for another one.
type tailKey struct {
	ref Ref
	id  string
}

type tail struct {
	holders int // guarded by tails.mu

	mu     sync.RWMutex
	events []Event // consecutive, the newest last; never changed in place
	// whole says that the tail was there before the task's first event, so that
	// it has missed none: what it does not have has not been committed.
	whole bool
	// alone says that every event is added to the tail once it is committed.
	alone bool
}

func (t *tails) hold(key tailKey) *tail {
	t.mu.Lock()
	defer t.mu.Unlock()
	tl := t.byTask[key]
	if tl == nil {
		tl = &tail{alone: !t.shared}
		t.byTask[key] = tl
	}
	tl.holders++
	return tl
}

// begin holds the tail of a task that does not exist yet.
func (t *tails) begin(key tailKey) *tail {
	tl := t.hold(key)
	tl.mu.Lock()
	defer tl.mu.Unlock()
	tl.whole = tl.alone // where others write, it may miss what comes second already
	return tl
}

func (t *tails) release(key tailKey, tl *tail) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if tl.holders--; tl.holders == 0 {
		delete(t.byTask, key)
	}
}

// add takes committed events. Two updates of a task may arrive in the wrong
// order; then the tail starts anew with what came last.
func (t *tails) add(key tailKey, events []Event) {
	t.mu.Lock()
	tl := t.byTask[key]
	t.mu.Unlock()
	if tl != nil {
		tl.add(events)
	}
}

func (tl *tail) add(events []Event) {
	tl.mu.Lock()
	defer tl.mu.Unlock()
	kept := tl.events
	if len(kept) == 0 && events[0].Seq != 1 {
		tl.whole = false
	}
	if n := len(kept); n > 0 && kept[n-1].Seq+1 != events[0].Seq {
		if events[0].Seq <= kept[n-1].Seq {
			return // an older update that was overtaken
		}
		kept = nil
		tl.whole = false
	}
	kept = append(kept[:len(kept):len(kept)], events...)
	if cut := len(kept) - max(tailLength, len(events)); cut > 0 {
		kept = kept[cut:]
		tl.whole = false
	}
	tl.events = kept
}

// after returns the events after seq if the tail has the one that follows it.
// known says that there are no others, or that whoever adds one will say so.
func (tl *tail) after(seq uint64) (events []Event, known bool) {
	tl.mu.RLock()
	defer tl.mu.RUnlock()
	n := len(tl.events)
	switch {
	case n == 0:
		return nil, tl.whole && seq == 0
	case seq == tl.events[n-1].Seq:
		return nil, (tl.alone || tl.whole) && !Terminal(tl.events[n-1].State)
	case seq+1 < tl.events[0].Seq, seq > tl.events[n-1].Seq:
		return nil, false
	}
	return tl.events[seq+1-tl.events[0].Seq:], true
}

// all returns the task's whole log, nil when the tail does not have it.
func (tl *tail) all() []Event {
	tl.mu.RLock()
	defer tl.mu.RUnlock()
	if !tl.whole {
		return nil
	}
	return tl.events
}
