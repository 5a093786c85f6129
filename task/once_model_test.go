package task_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"

	"github.com/carrelhq/carrel/task"
)

// TestKeysAndRepliesAreThoseOfTheModel does what callers, runs and upkeep may do,
// in any order, and holds what can be seen to a model that keeps it in two maps.
func TestKeysAndRepliesAreThoseOfTheModel(t *testing.T) {
	t.Parallel()
	for seed := range uint64(30) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := &world{house: replying(t, task.Options{}), rand: rand.New(rand.NewPCG(seed, 0)), keys: map[task.Once]*modelKey{}}
				for range 150 {
					w.step()
					w.check()
				}
				w.end()
			})
		})
	}
}

// world is the house, and the model of what is in it.
type world struct {
	*house
	rand  *rand.Rand
	keys  map[task.Once]*modelKey
	tasks []*modelTask
}

type modelKey struct {
	text    string
	task    *modelTask
	expires time.Time
}

type modelTask struct {
	id           string
	run          *task.Run // nil once it has ended
	hidden, gone bool
	removed      time.Time // when a direct reply is
}

func (w *world) step() {
	switch w.rand.IntN(6) {
	case 0, 1:
		w.sendAny()
	case 2:
		w.endAny()
	case 3:
		w.touchAny()
	case 4:
		w.deleteAny()
	case 5:
		w.pass(time.Duration(w.rand.IntN(36000)) * time.Second)
	}
}

// sendAny sends one of two texts under one of a few keys, or under none.
func (w *world) sendAny() {
	once := task.Once{Caller: []string{"ann", "bob"}[w.rand.IntN(2)], Key: []string{"", "1", "2"}[w.rand.IntN(3)]}
	req := asking([]string{"hi", "ho"}[w.rand.IntN(2)])
	text := req.Message.Parts[0].GetText()
	wait := w.rand.IntN(3) > 0
	req.Configuration = &a2apb.SendMessageConfiguration{ReturnImmediately: !wait}
	known := w.keys[once]
	if known != nil && (known.task.gone || !known.expires.After(time.Now())) {
		known = nil
	}
	got, err := w.SendOnce(w.t.Context(), bot, once, req)
	switch {
	case known != nil && known.text != text:
		if !errors.Is(err, task.ErrKeyReused) {
			w.t.Fatalf("%v for another text: got %+v, %v", once, got, err)
		}
	case known != nil:
		if err != nil || !got.Repeated || got.TaskID != known.task.id || got.Hidden != known.task.hidden {
			w.t.Fatalf("%v again: got %+v, %v, want %+v", once, got, err, known.task)
		}
	default:
		if err != nil || got.Repeated || got.Hidden != wait {
			w.t.Fatalf("%v: got %+v, %v", once, got, err)
		}
		made := &modelTask{id: got.TaskID, run: w.claim(), hidden: wait}
		w.tasks = append(w.tasks, made)
		if once.Key != "" {
			w.keys[once] = &modelKey{text, made, time.Now().Add(24 * time.Hour)}
		}
	}
}

// any returns a task that is running, or one that is not; nil when there is none.
func (w *world) any(running bool) *modelTask {
	var list []*modelTask
	for _, m := range w.tasks {
		if !m.gone && (m.run != nil) == running {
			list = append(list, m)
		}
	}
	if len(list) == 0 {
		return nil
	}
	return list[w.rand.IntN(len(list))]
}

func (w *world) endAny() {
	m := w.any(true)
	if m == nil {
		return
	}
	results := []task.Result{{Message: said("yes")}, {State: failed}, {Artifacts: []*a2apb.Artifact{artifact("a", "x")}}}
	n := w.rand.IntN(len(results))
	w.finish(m.run, results[n])
	m.run = nil
	if m.hidden = m.hidden && n == 0; m.hidden {
		m.removed = time.Now().Add(24 * time.Hour)
	}
}

// touchAny has a run say something, or its task canceled, which a hidden one is not.
func (w *world) touchAny() {
	m := w.any(true)
	if m == nil {
		return
	}
	if w.rand.IntN(2) == 0 {
		if err := m.run.Status(w.t.Context(), said("half way")); err != nil {
			w.t.Fatal(err)
		}
		m.hidden = false
		return
	}
	_, err := w.Cancel(w.t.Context(), bot, m.id)
	switch {
	case m.hidden && !errors.Is(err, task.ErrTaskNotFound), !m.hidden && err != nil:
		w.t.Fatalf("cancel of %+v: %v", m, err)
	case !m.hidden:
		w.Drop(m.run)
		m.run = nil
	}
}

func (w *world) deleteAny() {
	m := w.any(false)
	if m == nil {
		return
	}
	err := w.Delete(w.t.Context(), bot, m.id)
	if m.hidden && !errors.Is(err, task.ErrTaskNotFound) || !m.hidden && err != nil {
		w.t.Fatalf("deletion of %+v: %v", m, err)
	}
	m.gone = !m.hidden
}

// pass lets time pass, and what is due then be done.
func (w *world) pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
	w.forgetReplies()
	if err := w.ForgetKeys(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	for _, m := range w.tasks {
		if m.run != nil && d >= 30*time.Second {
			m.hidden = false // it took too long
		}
		if m.hidden && m.run == nil && !m.removed.After(time.Now()) {
			m.gone = true
		}
	}
}

func (w *world) check() {
	w.t.Helper()
	want := 0
	for _, m := range w.tasks {
		seen := !m.hidden && !m.gone
		if seen {
			want++
		}
		if _, err := w.Get(w.t.Context(), bot, m.id, nil); seen != (err == nil) {
			w.t.Fatalf("%+v: got %v", m, err)
		}
	}
	if got := w.count(); got != want {
		w.t.Fatalf("there are %d tasks, want %d", got, want)
	}
}

// end lets everything come to its end, of which nothing must be left.
func (w *world) end() {
	for w.any(true) != nil {
		w.endAny()
	}
	w.pass(48 * time.Hour)
	for w.any(false) != nil {
		w.deleteAny()
	}
	w.check()
	w.wantNothingLeft()
}
