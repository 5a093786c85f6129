package task

import (
	"slices"
	"time"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"

	"github.com/carrelhq/carrel/storage"
)

// Lists are read without a search, however many tasks an agent has:
//
//   - A task that rests, being finished or waiting for its caller, has an entry in
//     the list of its agent and state, newest status first, and is counted there in
//     buckets of time.
//   - A task that is submitted or working is in a small set. In the list its entry
//     would be deleted a moment later, and a store that is a log keeps what was
//     deleted for long: who looks for the few that are left would pass them all.
//
// The tasks of a context have lists of their own. Most contexts see a single task,
// which needs none: the lists of a context begin, as its turns do, with its second
// task, or with a name that the caller gave it.

// group is whose lists: the agent's, or of one of its contexts.
type group struct{ agent, contextID string }

// entries is the list of the tasks that rest in a state.
func (g group) entries(state a2apb.TaskState) storage.Key {
	return listSpace.With(storage.Str(g.agent), storage.Str(g.contextID), storage.Uint(uint64(state)))
}

// entry is the place of a task in the list.
func (g group) entry(l listed, id string) storage.Key {
	return listSpace.With(storage.Str(g.agent), storage.Str(g.contextID), storage.Uint(uint64(l.state)), storage.TimeDesc(l.changed), storage.Str(id))
}

// rank orders tasks in a list: the newest status has the lowest.
func rank(t time.Time) uint64 { return storage.TimeDesc(t).Number() }

// unfinishedState tells whether a task in that state is in the set.
func unfinishedState(s a2apb.TaskState) bool { return slices.Contains(unfinished, s) }

// listed is how the lists and counters have a task.
type listed struct {
	state   a2apb.TaskState // unspecified when they do not have it
	changed time.Time
	hidden  bool // an unfinished task that is hidden is counted apart
	indexed bool // false: the list of an older store has it
	grouped bool // the list of its context has it, too
}

func (h *head) listed() listed {
	if h.hidden {
		return listed{hidden: !Terminal(h.state)}
	}
	return listed{state: h.state, changed: h.changed, indexed: h.indexed, grouped: h.grouped}
}

// relist moves the task in the lists and counters to where its head says.
func (e *edit) relist() error {
	if err := e.index(); err != nil {
		return err
	}
	was, is := e.was, e.h.listed()
	if was == is {
		return nil
	}
	open := was.indexed && unfinishedState(was.state) && unfinishedState(is.state)
	if !open { // else it is replaced where it is
		if err := e.unlist(was); err != nil {
			return err
		}
	}
	if err := e.recount(); err != nil {
		return err
	}
	if !open && unfinishedState(is.state) {
		if err := e.choosePart(); err != nil {
			return err
		}
	}
	return e.list(is)
}

// index notes that the lists have the task. In a store from before them, its
// context has one if it has turns.
func (e *edit) index() error {
	if e.h.indexed {
		return nil
	}
	e.h.indexed = true
	if e.h.grouped || e.was == (listed{}) {
		return nil
	}
	var err error
	e.h.grouped, err = hasList(e.tx, group{e.h.agent, e.h.contextID})
	return err
}

// group puts another task into the lists of the context that e is in.
func (e *edit) group(id string, h *head) error {
	n := &edit{root: e.root, tx: e.tx, tenant: e.tenant, id: id, now: e.now, h: h, was: h.listed()}
	h.grouped = true
	return n.save()
}

// list enters the task.
func (e *edit) list(l listed) error {
	switch {
	case l.state == unspecified:
		return nil
	case unfinishedState(l.state):
		return e.setOpen(l, true)
	}
	for _, g := range e.groups(l) {
		if err := e.tx.Set(g.entry(l, e.id), nil); err != nil {
			return err
		}
		if err := g.addCount(e.tx, l, 1); err != nil {
			return err
		}
	}
	return nil
}

// unlist takes the task out again.
func (e *edit) unlist(l listed) error {
	switch {
	case l.state == unspecified:
		return nil
	case !l.indexed:
		return e.tx.Delete(oldListKey(e.h.agent, l.changed, e.id))
	case unfinishedState(l.state):
		return e.setOpen(l, false)
	}
	for _, g := range e.groups(l) {
		if err := e.tx.Delete(g.entry(l, e.id)); err != nil {
			return err
		}
		if err := g.addCount(e.tx, l, -1); err != nil {
			return err
		}
	}
	return nil
}

// groups are those that list the task as l.
func (e *edit) groups(l listed) []group {
	groups := []group{{agent: e.h.agent}, {e.h.agent, e.h.contextID}}
	if !l.grouped {
		return groups[:1]
	}
	return groups
}
