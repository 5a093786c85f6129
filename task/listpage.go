package task

import (
	"cmp"
	"fmt"
	"slices"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"

	"github.com/carrelhq/carrel/storage"
)

// states are those that a task can be in.
var states = []a2apb.TaskState{submitted, working, completed, failed, canceled, rejected, inputRequired, authRequired}

// page returns where the tasks of the page are, with the first of the next page if
// there is one, and how many tasks match in all.
func (q *query) page(tx storage.Tx) ([]position, int, error) {
	g := group{q.ref.Agent, q.req.ContextId}
	there, err := hasList(tx, g)
	if err != nil {
		return nil, 0, err
	}
	p := &pick{most: q.size + 1, after: q.after, worst: always}
	if there {
		err = q.pick(tx, g, p)
	} else {
		err = q.pickFew(tx, p)
	}
	if err != nil {
		return nil, 0, err
	}
	p.cut()
	return p.list, p.total, nil
}

// hasList tells whether the group has lists. A context does once it has turns.
func hasList(tx storage.Tx, g group) (bool, error) {
	if g.contextID == "" {
		return true, nil
	}
	_, there, err := getTurns(tx, turnKey(g.agent, g.contextID))
	return there, err
}

func (q *query) pick(tx storage.Tx, g group, p *pick) error {
	open := false
	for _, state := range states {
		if !q.takes(state) {
			continue
		}
		n, err := storage.Counter(tx, countKey(g.agent, state))
		if err != nil {
			return err
		}
		switch {
		case n == 0: // nor in any context
		case unfinishedState(state):
			open = true
		default:
			if err := q.pickResting(tx, g, state, int(n), p); err != nil {
				return err
			}
		}
	}
	if !open {
		return nil
	}
	return q.pickOpen(tx, g, p)
}

func (q *query) takes(state a2apb.TaskState) bool {
	return q.req.Status == unspecified || q.req.Status == state
}

// pickResting picks from those that rest in a state, of which the agent has n.
func (q *query) pickResting(tx storage.Tx, g group, state a2apb.TaskState, n int, p *pick) error {
	if g.contextID != "" || q.last != always {
		var err error
		if n, err = g.count(tx, state, q.last); err != nil {
			return err
		}
	}
	p.total += n
	prefix := g.entries(state)
	var after storage.Key
	left := min(n, p.most) // behind the last one there may be many that were deleted
	if p.after != nil {
		after, left = prefix.Uint(p.after.rank).Str(p.after.id), p.most
	}
	if left == 0 {
		return nil
	}
	for item, err := range tx.Scan(prefix, after) {
		if err != nil {
			return err
		}
		at, err := readEntry(prefix, item)
		if err != nil {
			return err
		}
		if at.rank > q.last {
			break
		}
		p.add(at)
		if left--; left == 0 {
			break
		}
	}
	return nil
}

func readEntry(prefix storage.Key, item storage.Item) (position, error) {
	key := storage.ReadKey(item.Key[len(prefix):])
	at := position{key.Uint(), key.Str()}
	if err := key.Err(); err != nil {
		return at, fmt.Errorf("task: list entry: %w", err)
	}
	return at, nil
}

// pickOpen picks from those that do not rest.
func (q *query) pickOpen(tx storage.Tx, g group, p *pick) error {
	n, err := countOpen(tx, g.agent)
	if err != nil {
		return err
	}
	mark := contextMark(g.contextID)
	return openTasks(tx, g.agent, n, func(o openTask) {
		if !q.takes(o.state) || g.contextID != "" && o.context != mark || o.rank > q.last {
			return
		}
		p.total++
		if o.rank <= p.worst {
			p.add(position{o.rank, o.id.String()})
		}
	})
}

// pickFew looks through the tasks of a context that has no list, being one at most.
func (q *query) pickFew(tx storage.Tx, p *pick) error {
	ids, err := contextTasks(tx, q.ref.Agent, q.req.ContextId)
	if err != nil {
		return err
	}
	for _, id := range ids {
		h, err := loadHead(tx, id)
		if err != nil {
			return err
		}
		if at := (position{rank(h.changed), id}); !h.hidden && q.takes(h.state) && at.rank <= q.last {
			p.total++
			p.add(at)
		}
	}
	return nil
}

// pick keeps the first tasks after a position of those that it is given, in any order.
type pick struct {
	most  int
	after *position
	list  []position
	worst uint64 // what has a greater rank is not among the first
	total int    // tasks that match, those of other pages included
}

func (p *pick) add(at position) {
	if p.after != nil && at.compare(*p.after) <= 0 {
		return
	}
	if p.list = append(p.list, at); len(p.list) >= 8*p.most {
		p.cut()
	}
}

// cut sorts the list and drops what is too many.
func (p *pick) cut() {
	slices.SortFunc(p.list, position.compare)
	if len(p.list) >= p.most {
		p.list = p.list[:p.most]
		p.worst = p.list[p.most-1].rank
	}
}

func (p position) compare(other position) int {
	return cmp.Or(cmp.Compare(p.rank, other.rank), cmp.Compare(p.id, other.id))
}
