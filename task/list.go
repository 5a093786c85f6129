package task

import (
	"context"
	"math"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"

	"github.com/carrelhq/carrel/storage"
)

// query is a validated ListTasksRequest.
type query struct {
	ref    Ref
	caller string
	key    []byte // of page tokens
	req    *a2apb.ListTasksRequest
	size   int
	want   selection
	last   uint64    // rank of the oldest status wanted
	after  *position // of the last task of the page before
}

// List returns a page of the agent's tasks, newest status first, and how many
// there are on all pages. Section 3.1.4. What it costs depends on neither.
//
// caller tells the callers of an agent apart; a page token serves only who it was
// given to, with the filters that it was given for, and is ErrInvalidParams
// otherwise. While the lists of an older store are being rebuilt, List returns
// ErrRebuilding; ErrNoRoom, see [WithRoom].
func (m *Manager) List(ctx context.Context, ref Ref, caller string, req *a2apb.ListTasksRequest) (*a2apb.ListTasksResponse, error) {
	q, err := newQuery(ref, req)
	if err != nil {
		return nil, err
	}
	q.caller, q.key = caller, m.opts.TokenKey
	if q.after, err = q.readToken(req.PageToken); err != nil {
		return nil, err
	}
	var reply *a2apb.ListTasksResponse
	err = m.view(ctx, ref.Tenant, func(tx storage.Tx) error {
		if err := m.checkRebuilt(tx, ref.Agent); err != nil {
			return err
		}
		page, total, err := q.page(tx)
		if err != nil {
			return err
		}
		reply = &a2apb.ListTasksResponse{PageSize: int32(q.size), TotalSize: int32(min(total, math.MaxInt32))}
		reply.Tasks, reply.NextPageToken, err = q.tasks(ctx, tx, page)
		return err
	})
	return reply, err
}

// tasks returns the tasks of a page, and the token of the next one if there is one.
func (q *query) tasks(ctx context.Context, tx storage.Tx, page []position) (tasks []*a2apb.Task, token string, err error) {
	tasks = []*a2apb.Task{}
	read := uint64(0)
	for i, at := range page {
		h, err := loadHead(tx, at.id)
		if err != nil {
			return nil, "", err
		}
		if !q.want.first() {
			read += h.size
		}
		if i == q.size || i > 0 && read > MaxPageBytes {
			token, err := q.token(page[i-1])
			return tasks, token, err
		}
		if err := askRoom(ctx, read); err != nil {
			return nil, "", err
		}
		t, err := foldLog(tx, at.id, h, q.want)
		if err != nil {
			return nil, "", err
		}
		tasks = append(tasks, t)
	}
	return tasks, "", nil
}

// EmptyPage is what List returns where there are no tasks, for callers that may see
// none of those there are.
func EmptyPage(ref Ref, req *a2apb.ListTasksRequest) (*a2apb.ListTasksResponse, error) {
	q, err := newQuery(ref, req)
	if err == nil && req.PageToken != "" {
		err = errToken // no page was the one before
	}
	if err != nil {
		return nil, err
	}
	return &a2apb.ListTasksResponse{Tasks: []*a2apb.Task{}, PageSize: int32(q.size)}, nil
}

// CheckList names the fields of a request that are invalid, as List does. It does
// not look at the page token, which is one caller's.
func CheckList(ref Ref, req *a2apb.ListTasksRequest) error {
	_, err := newQuery(ref, req)
	return err
}

// newQuery names all fields of the request that are invalid, but for the page token.
func newQuery(ref Ref, req *a2apb.ListTasksRequest) (*query, error) {
	q := &query{ref: ref, req: req, size: DefaultPage, last: always}
	var bad FieldErrors
	if req.PageSize != nil {
		q.size = int(*req.PageSize)
	}
	if q.size < 1 || q.size > MaxPage {
		bad.Add("pageSize", "must be from 1 to %d", MaxPage)
	}
	if _, known := a2apb.TaskState_name[int32(req.Status)]; !known {
		bad.Add("status", "is no task state")
	}
	if len(req.ContextId) > MaxID {
		bad.Add("contextId", "is longer than %d bytes", MaxID)
	}
	if at := req.StatusTimestampAfter; at.IsValid() {
		q.last = rank(at.AsTime())
	} else if at != nil {
		bad.Add("statusTimestampAfter", "is no valid time")
	}
	var err error
	q.want, err = selectHistory(req.HistoryLength, req.GetIncludeArtifacts())
	bad.Join(err)
	return q, bad.Err()
}
