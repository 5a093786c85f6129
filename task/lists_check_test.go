package task_test

import (
	"cmp"
	"errors"
	"math"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/carrelhq/carrel/broker"
	"github.com/carrelhq/carrel/task"
)

var listedStates = []a2apb.TaskState{0, submitted, working, completed, failed, canceled, rejected, inputRequired, authRequired}

func (s *shelf) enqueue(id string) {
	s.allow(s.broker.Enqueue(s.t.Context(), broker.Job{Tenant: bot.Tenant, TaskID: id}))
}

// tasks are those that callers see, as their list should have them.
func (s *shelf) tasks() (list []*a2apb.Task) {
	s.t.Helper()
	synctest.Wait() // a run that takes long may be showing its task
	for _, a := range s.sent {
		got, err := s.Get(s.t.Context(), bot, a.TaskID, nil)
		s.allow(err, task.ErrTaskNotFound)
		if err == nil {
			list = append(list, got)
		}
	}
	slices.SortFunc(list, func(a, b *a2apb.Task) int {
		return cmp.Or(b.Status.Timestamp.AsTime().Compare(a.Status.Timestamp.AsTime()), cmp.Compare(a.Id, b.Id))
	})
	return list
}

// checkAll holds the lists of all filters, alone and together, to what they should be.
func (s *shelf) checkAll() {
	s.t.Helper()
	all := s.tasks()
	for _, since := range s.times(all) {
		for _, contextID := range s.contexts() {
			for _, state := range listedStates {
				s.checkList(all, &a2apb.ListTasksRequest{Status: state, ContextId: contextID, StatusTimestampAfter: since})
			}
		}
	}
	if empty, err := s.List(s.t.Context(), task.Ref{Tenant: bot.Tenant, Agent: "other"}, "", &a2apb.ListTasksRequest{}); err != nil || empty.TotalSize != 0 {
		s.t.Fatalf("another agent has %v, %v", empty, err)
	}
}

// times are some to ask for: none, one before and one after all, that of a task,
// and the edges of the buckets that it is counted in.
func (s *shelf) times(all []*a2apb.Task) []*timestamppb.Timestamp {
	list := []*timestamppb.Timestamp{nil, {Seconds: math.MinInt32 * 28}, {Seconds: math.MaxInt32 * 5}}
	if len(all) == 0 {
		return list
	}
	at := all[s.rand.IntN(len(all))].Status.Timestamp.AsTime()
	list = append(list, timestamppb.New(at), timestamppb.New(at.Add(1)))
	for _, size := range []int{27, 36, 45} {
		edge := time.Unix(0, at.UnixNano()>>size<<size)
		list = append(list, timestamppb.New(edge.Add(-1)), timestamppb.New(edge))
	}
	return list
}

func (s *shelf) contexts() []string {
	list := []string{"", "ctx", "nope"}
	for range 3 {
		if a := s.any(); a != nil {
			list = append(list, a.ContextID)
		}
	}
	return list
}

func matching(all []*a2apb.Task, req *a2apb.ListTasksRequest) (ids []string) {
	for _, t := range all {
		switch {
		case req.Status != 0 && t.Status.State != req.Status:
		case req.ContextId != "" && t.ContextId != req.ContextId:
		case req.StatusTimestampAfter != nil && t.Status.Timestamp.AsTime().Before(req.StatusTimestampAfter.AsTime()):
		default:
			ids = append(ids, t.Id)
		}
	}
	return ids
}

func (s *shelf) checkList(all []*a2apb.Task, req *a2apb.ListTasksRequest) {
	s.t.Helper()
	want := matching(all, req)
	size := int32(1 + s.rand.IntN(100))
	if len(want) > 10 && s.rand.IntN(2) == 0 {
		size = int32(1 + s.rand.IntN(10))
	}
	req.PageSize = &size
	var got []string
	for pages := 0; pages == 0 || req.PageToken != ""; pages++ {
		page, err := s.List(s.t.Context(), bot, "", req)
		if err != nil || int(page.TotalSize) != len(want) || len(page.Tasks) > int(size) {
			s.t.Fatalf("%v: got %d of %d, %v; want %d", req, len(page.GetTasks()), page.GetTotalSize(), err, len(want))
		}
		for _, t := range page.Tasks {
			got = append(got, t.Id)
		}
		req.PageToken = page.NextPageToken
	}
	if !slices.Equal(got, want) {
		s.t.Fatalf("%v: got\n%v, want\n%v", req, got, want)
	}
}

// TestTimesAtTheEdgesOfBuckets has tasks a little before and after where a bucket of
// each size ends, by less than a bucket of any size and by one of each.
func TestTimesAtTheEdgesOfBuckets(t *testing.T) {
	t.Parallel()
	for _, size := range []int{27, 36, 45} {
		synctest.Test(t, func(t *testing.T) {
			s := newShelf(t, 0)
			s.house = memoryHouse(t)
			edge := time.Unix(0, (time.Now().UnixNano()>>size+2)<<size)
			var offsets []time.Duration
			for _, d := range []time.Duration{2 * time.Millisecond, 1 << 27, 1 << 36} {
				offsets = append(offsets, -d, d)
			}
			slices.Sort(offsets)
			time.Sleep(time.Until(edge) - 2<<36)
			for _, d := range offsets {
				time.Sleep(time.Until(edge.Add(d)))
				s.sent = append(s.sent, s.send("hi", "ctx"))
				_, err := s.Cancel(t.Context(), bot, s.sent[len(s.sent)-1].TaskID)
				s.allow(err)
			}
			all := s.tasks()
			for _, d := range append(offsets, 0, 1, 2) {
				for _, by := range []time.Duration{-time.Millisecond, -1, 0} {
					since := timestamppb.New(edge.Add(d + by))
					s.checkList(all, &a2apb.ListTasksRequest{StatusTimestampAfter: since})
				}
			}
		})
	}
}

// TestPagesOfAListThatChanges turns the pages of lists while tasks come, change and
// go, the last one of the page before among them: a task that stays as it is is
// seen once, and any other once at most.
func TestPagesOfAListThatChanges(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newShelf(t, 0)
		for range 60 {
			s.change(25)
			req := &a2apb.ListTasksRequest{Status: listedStates[s.rand.IntN(len(listedStates))]}
			if s.rand.IntN(3) == 0 {
				req.ContextId = "ctx"
			}
			s.checkWhileItChanges(req)
		}
	})
}

func (s *shelf) checkWhileItChanges(req *a2apb.ListTasksRequest) {
	s.t.Helper()
	before := s.tasks()
	size := int32(1 + s.rand.IntN(4))
	req.PageSize = &size
	var got []string
	for pages := 0; pages == 0 || req.PageToken != ""; pages++ {
		page, err := s.List(s.t.Context(), bot, "", req)
		if err != nil {
			s.t.Fatal(err)
		}
		for _, t := range page.Tasks {
			got = append(got, t.Id)
		}
		req.PageToken = page.NextPageToken
		if len(page.Tasks) > 0 && s.rand.IntN(2) == 0 {
			last := page.Tasks[len(page.Tasks)-1].Id
			s.allow(s.Delete(s.t.Context(), bot, last), task.ErrTaskNotFound, task.ErrUnsupportedOperation)
		}
		time.Sleep(time.Millisecond) // what changes now comes before what was shown
		s.change(3)
	}
	unchanged := matching(before, req)
	unchanged = slices.DeleteFunc(unchanged, func(id string) bool { return !s.isAsIn(before, id) })
	seen := slices.Clone(got)
	seen = slices.DeleteFunc(seen, func(id string) bool { return !slices.Contains(unchanged, id) })
	slices.Sort(got)
	if len(slices.Compact(got)) != len(got) || !slices.Equal(seen, unchanged) {
		s.t.Fatalf("%v: got\n%v, of which were unchanged\n%v, want\n%v", req, got, seen, unchanged)
	}
}

// isAsIn tells whether the task is as it was.
func (s *shelf) isAsIn(before []*a2apb.Task, id string) bool {
	now, err := s.Get(s.t.Context(), bot, id, nil)
	if errors.Is(err, task.ErrTaskNotFound) {
		return false
	}
	s.allow(err)
	at := slices.IndexFunc(before, func(t *a2apb.Task) bool { return t.Id == id })
	return before[at].Status.Timestamp.AsTime().Equal(now.Status.Timestamp.AsTime()) && before[at].Status.State == now.Status.State
}
