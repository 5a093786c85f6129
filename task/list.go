package task

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"slices"
	"time"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"

	"github.com/carrelhq/carrel/storage"
)

// query is a validated ListTasksRequest.
type query struct {
	ref   Ref
	req   *a2apb.ListTasksRequest
	size  int
	want  selection
	since time.Time // status timestamps from here on; zero is all
	after []byte    // the list key of the last task of the page before
}

// List returns a page of the agent's tasks, newest status first. ErrNoRoom, see
// [WithRoom]. Section 3.1.4.
func (m *Manager) List(ctx context.Context, ref Ref, req *a2apb.ListTasksRequest) (*a2apb.ListTasksResponse, error) {
	q, err := newQuery(ref, req)
	if err != nil {
		return nil, err
	}
	var reply *a2apb.ListTasksResponse
	err = m.view(ctx, ref.Tenant, func(tx storage.Tx) error {
		reply = &a2apb.ListTasksResponse{PageSize: int32(q.size), Tasks: []*a2apb.Task{}}
		entries, total, err := q.page(tx)
		if err != nil {
			return err
		}
		reply.TotalSize = int32(total)
		reply.Tasks, reply.NextPageToken, err = q.tasks(ctx, tx, entries)
		return err
	})
	return reply, err
}

// tasks returns the tasks of a page, and the token of the next one if there is one.
func (q *query) tasks(ctx context.Context, tx storage.Tx, entries []entry) (tasks []*a2apb.Task, token string, err error) {
	tasks = []*a2apb.Task{}
	read := uint64(0)
	for i, entry := range entries {
		h, err := loadHead(tx, entry.id)
		if err != nil {
			return nil, "", err
		}
		if !q.want.first() {
			read += h.size
		}
		if i == q.size || i > 0 && read > MaxPageBytes {
			return tasks, q.token(entries[i-1].key), nil
		}
		if err := askRoom(ctx, read); err != nil {
			return nil, "", err
		}
		t, err := fold(tx, entry.id, h, q.want)
		if err != nil {
			return nil, "", err
		}
		tasks = append(tasks, t)
	}
	return tasks, "", nil
}

func newQuery(ref Ref, req *a2apb.ListTasksRequest) (*query, error) {
	q := &query{ref: ref, req: req, size: DefaultPage}
	switch size := req.GetPageSize(); {
	case size < 0 || size > MaxPage:
		return nil, &FieldError{"pageSize", fmt.Sprintf("must be from 1 to %d", MaxPage)}
	case size > 0:
		q.size = int(size)
	}
	if _, known := a2apb.TaskState_name[int32(req.Status)]; !known {
		return nil, &FieldError{"status", "is no task state"}
	}
	if len(req.ContextId) > MaxID {
		return nil, &FieldError{"contextId", fmt.Sprintf("is longer than %d bytes", MaxID)}
	}
	if at := req.StatusTimestampAfter; at != nil {
		if !at.IsValid() {
			return nil, &FieldError{"statusTimestampAfter", "is no valid time"}
		}
		q.since = at.AsTime()
	}
	var err error
	if q.want, err = selectHistory(req.HistoryLength, req.GetIncludeArtifacts()); err != nil {
		return nil, err
	}
	if q.after, err = q.readToken(req.PageToken); err != nil {
		return nil, err
	}
	return q, nil
}

// mark binds page tokens to the caller's tenant and the query.
func (q *query) mark() []byte {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %q %q %d %d", q.ref.Tenant, q.ref.Agent, q.req.ContextId, q.req.Status, q.since.UnixNano()))
	return sum[:8]
}

func (q *query) token(key []byte) string {
	return base64.RawURLEncoding.EncodeToString(append(q.mark(), key...))
}

func (q *query) readToken(token string) ([]byte, error) {
	if token == "" {
		return nil, nil
	}
	data, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(token) > storage.MaxKey || len(data) <= 8 || !bytes.Equal(data[:8], q.mark()) || !bytes.HasPrefix(data[8:], listKey(q.ref.Agent)) {
		return nil, &FieldError{"pageToken", "is not one that this query was answered with"}
	}
	return data[8:], nil
}

// entry is a task in the list.
type entry struct {
	key     []byte // its list key
	id      string
	changed time.Time
	state   a2apb.TaskState
}

// page returns the entries of the page, and one more if there is a next one, and
// how many tasks match in all.
func (q *query) page(tx storage.Tx) ([]entry, int, error) {
	if q.req.ContextId != "" {
		return q.pageOfContext(tx)
	}
	total, counted, err := q.count(tx)
	if err != nil {
		return nil, 0, err
	}
	var page []entry
	matching := 0
	from := q.after
	if !counted {
		from = nil
	}
	for item, err := range tx.Scan(listKey(q.ref.Agent), from) {
		if err != nil {
			return nil, 0, err
		}
		e, err := q.readEntry(item)
		if err != nil {
			return nil, 0, err
		}
		if e.changed.Before(q.since) {
			break // newest first: the rest is older still
		}
		if !q.matches(e) {
			continue
		}
		matching++
		if len(page) <= q.size && bytes.Compare(e.key, q.after) > 0 {
			page = append(page, e)
		}
		if counted && len(page) > q.size {
			break
		}
	}
	if !counted {
		total = matching
	}
	return page, total, nil
}

// count adds up the agent's counters; a query by time has none and is counted by scanning.
func (q *query) count(tx storage.Tx) (total int, counted bool, err error) {
	if !q.since.IsZero() {
		return 0, false, nil
	}
	for state := range a2apb.TaskState_name {
		if q.req.Status != unspecified && int32(q.req.Status) != state {
			continue
		}
		n, err := storage.Counter(tx, countKey(q.ref.Agent, a2apb.TaskState(state)))
		if err != nil {
			return 0, false, err
		}
		total += int(n)
	}
	return total, true, nil
}

func (q *query) readEntry(item storage.Item) (entry, error) {
	key := storage.ReadKey(item.Key)
	key.Str()
	key.Str()
	e := entry{key: item.Key, changed: key.TimeDesc(), id: key.Str()}
	if err := key.Err(); err != nil || len(item.Value) != 1 {
		return e, fmt.Errorf("task: list entry: %w", errRecord)
	}
	e.state = a2apb.TaskState(item.Value[0])
	return e, nil
}

func (q *query) matches(e entry) bool {
	return (q.req.Status == unspecified || q.req.Status == e.state) && !e.changed.Before(q.since)
}

// pageOfContext looks through all tasks of a context, which are few.
func (q *query) pageOfContext(tx storage.Tx) ([]entry, int, error) {
	ids, err := contextTasks(tx, q.ref.Agent, q.req.ContextId)
	if err != nil {
		return nil, 0, err
	}
	var matching []entry
	for _, id := range ids {
		h, err := loadHead(tx, id)
		if err != nil {
			return nil, 0, err
		}
		if h.hidden {
			continue
		}
		e := entry{key: listEntryKey(h.agent, h.changed, id), id: id, changed: h.changed, state: h.state}
		if q.matches(e) {
			matching = append(matching, e)
		}
	}
	slices.SortFunc(matching, func(a, b entry) int { return bytes.Compare(a.key, b.key) })
	total := len(matching)
	from, exact := slices.BinarySearchFunc(matching, q.after, func(e entry, k []byte) int { return bytes.Compare(e.key, k) })
	if exact {
		from++
	}
	return matching[from:min(total, from+q.size+1)], total, nil
}
