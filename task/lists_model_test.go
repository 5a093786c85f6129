package task_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"

	"github.com/carrelhq/carrel/task"
)

// shelf is a house whose tasks change in every way there is. What its lists should
// have is found by asking for every task that was ever sent.
type shelf struct {
	*house
	rand *rand.Rand
	sent []task.Accepted
	runs []*task.Run
	old  bool // the store has lists of the old form
}

func newShelf(t *testing.T, seed uint64) *shelf {
	return &shelf{house: replying(t, task.Options{}), rand: rand.New(rand.NewPCG(seed, 1))}
}

func TestListsAreThoseOfTheModel(t *testing.T) {
	t.Parallel()
	for seed := range uint64(8) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newShelf(t, seed)
				for range 4 {
					s.change(80)
					s.checkAll()
				}
				s.end()
			})
		})
	}
}

// TestListsOfAnOlderStoreAreRebuilt takes the lists back to what they were, and
// rebuilds them with a process that dies time and again while tasks change.
func TestListsOfAnOlderStoreAreRebuilt(t *testing.T) {
	t.Parallel()
	for seed := range uint64(8) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newShelf(t, seed)
				if s.change(150); seed == 0 {
					for range 210 { // more than one update takes in
						s.sendAny()
					}
				}
				s.downgrade()
				s.change(40)
				if _, err := s.List(t.Context(), bot, "", &a2apb.ListTasksRequest{}); !errors.Is(err, task.ErrRebuilding) {
					t.Fatalf("before: got %v", err)
				}
				s.rebuild(int64(seed%3) * 1000)
				s.checkAll()
				s.change(40)
				s.checkAll()
				s.end()
			})
		})
	}
}

// downgrade opens the store as one that an older version wrote.
func (s *shelf) downgrade() {
	if err := task.Downgrade(s.t.Context(), s.db, bot.Tenant); err != nil {
		s.t.Fatal(err)
	}
	m, err := task.NewManager(s.db, s.broker, s.agents, task.Options{})
	if err != nil {
		s.t.Fatal(err)
	}
	s.Manager, s.runs, s.old = m, nil, true
	synctest.Wait()
	for _, a := range s.sent { // what was accepted is queued again, as by a sweep
		s.enqueue(a.TaskID)
	}
}

// rebuild rebuilds the lists, by a process that dies after so many updates, the
// next one after one more, and so on until it is done.
func (s *shelf) rebuild(dies int64) {
	db := &doomed{DB: s.db}
	m, err := task.NewManager(db, s.broker, s.agents, task.Options{})
	if err != nil {
		s.t.Fatal(err)
	}
	for ; s.old; dies++ {
		db.left.Store(dies)
		err := m.RebuildLists(s.t.Context())
		if err != nil && !errors.Is(err, errDead) {
			s.t.Fatal(err)
		}
		s.old = err != nil
		s.change(3)
	}
}

// change does so many things at random.
func (s *shelf) change(steps int) {
	for range steps {
		switch s.rand.IntN(12) {
		case 0, 1, 2:
			s.sendAny()
		case 3:
			s.claimAny()
		case 4, 5, 6:
			s.claimAny()
			s.finishAny()
		case 7:
			s.speakAny()
		case 8:
			s.replyAny()
		case 9:
			s.cancelAny()
		case 10:
			s.deleteAny()
		case 11:
			s.pass()
		}
	}
}

// sendAny sends a message into no context, one with a name, or one that a task has.
func (s *shelf) sendAny() {
	msg := message("hi")
	switch s.rand.IntN(4) {
	case 0:
		msg.ContextId = "ctx"
	case 1:
		if a := s.any(); a != nil {
			msg.ContextId = a.ContextID
		}
	}
	now := s.rand.IntN(3) > 0 // else the task is hidden until it says something
	a, err := s.Send(s.t.Context(), bot, &a2apb.SendMessageRequest{Message: msg, Configuration: &a2apb.SendMessageConfiguration{ReturnImmediately: now}})
	s.allow(err, task.ErrBusy)
	if err == nil {
		s.sent = append(s.sent, a)
	}
}

func (s *shelf) any() *task.Accepted {
	if len(s.sent) == 0 {
		return nil
	}
	return &s.sent[s.rand.IntN(len(s.sent))]
}

// claimAny takes a job, if there is one that has something to do.
func (s *shelf) claimAny() {
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Millisecond)
	defer cancel()
	job, err := s.broker.Dequeue(ctx)
	s.allow(err, context.DeadlineExceeded)
	if err != nil {
		return
	}
	run, err := s.Claim(s.t.Context(), job)
	s.allow(err)
	if run != nil {
		s.runs = append(s.runs, run)
	}
}

func (s *shelf) finishAny() {
	if len(s.runs) == 0 {
		return
	}
	n := s.rand.IntN(len(s.runs))
	run := s.runs[n]
	s.runs = append(s.runs[:n], s.runs[n+1:]...)
	results := []task.Result{
		{Message: said("yes")}, {State: failed}, {State: rejected}, {State: inputRequired, Message: said("which?")},
		{State: authRequired}, {Artifacts: []*a2apb.Artifact{artifact("a", "x")}},
	}
	s.allow(s.Finish(s.t.Context(), run, results[s.rand.IntN(len(results))]), task.ErrFenced, task.ErrTaskNotFound, task.ErrCanceled)
}

func (s *shelf) speakAny() {
	if len(s.runs) > 0 {
		run := s.runs[s.rand.IntN(len(s.runs))]
		s.allow(run.Status(s.t.Context(), said("half way")), task.ErrFenced, task.ErrTaskNotFound, task.ErrCanceled)
	}
}

// replyAny answers a task that waits, or asks what came of a hidden one.
func (s *shelf) replyAny() {
	a := s.any()
	if a == nil {
		return
	}
	if s.rand.IntN(3) == 0 {
		_, err := s.Answer(s.t.Context(), bot, *a, nil)
		s.allow(err, task.ErrTaskNotFound)
		return
	}
	msg := message("more")
	msg.TaskId = a.TaskID
	_, err := s.Send(s.t.Context(), bot, &a2apb.SendMessageRequest{Message: msg})
	s.allow(err, task.ErrTaskNotFound, task.ErrUnsupportedOperation, task.ErrBusy)
}

func (s *shelf) cancelAny() {
	if a := s.any(); a != nil {
		_, err := s.Cancel(s.t.Context(), bot, a.TaskID)
		s.allow(err, task.ErrTaskNotFound, task.ErrTaskNotCancelable)
	}
}

func (s *shelf) deleteAny() {
	a := s.any()
	if a == nil {
		return
	}
	if s.rand.IntN(4) == 0 {
		s.allow(s.DeleteContext(s.t.Context(), bot, a.ContextID), task.ErrTaskNotFound, task.ErrUnsupportedOperation)
		return
	}
	s.allow(s.Delete(s.t.Context(), bot, a.TaskID), task.ErrTaskNotFound, task.ErrUnsupportedOperation)
}

// pass lets some time pass: less than a bucket of each size, or one, or many.
func (s *shelf) pass() {
	steps := []time.Duration{time.Millisecond, 1 << 27, time.Second, 1 << 36, 20 * time.Minute, 1 << 45, 80 * time.Hour}
	time.Sleep(steps[s.rand.IntN(len(steps))])
	synctest.Wait()
	s.forgetReplies()
}

// allow fails the test for an error that is none of those.
func (s *shelf) allow(err error, allowed ...error) {
	s.t.Helper()
	for _, a := range allowed {
		if errors.Is(err, a) {
			return
		}
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

// end lets all tasks come to their end and deletes them; the lists must be empty then.
func (s *shelf) end() {
	for _, a := range s.sent {
		_, err := s.Cancel(s.t.Context(), bot, a.TaskID)
		s.allow(err, task.ErrTaskNotFound, task.ErrTaskNotCancelable)
		s.allow(s.Delete(s.t.Context(), bot, a.TaskID), task.ErrTaskNotFound, task.ErrUnsupportedOperation)
	}
	left, err := task.Records(s.t.Context(), s.db, bot.Tenant)
	s.allow(err)
	for _, key := range left {
		if strings.HasPrefix(key, "list") || strings.HasPrefix(key, "task-list") {
			s.t.Errorf("there is left %q", key)
		}
	}
}
