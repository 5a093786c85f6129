package host

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/carrelhq/carrel/abi"
	"github.com/carrelhq/carrel/storage"
)

// fakeTasks keeps what a session does to its task, one string for each effect.
type fakeTasks struct {
	takes   time.Duration // of each update
	begun   chan struct{} // told of each update, which then waits for gate, unless nil
	gate    chan struct{}
	mu      sync.Mutex
	updates [][]string
	current []string
	fail    error
	context []byte
	version uint64
}

func (f *fakeTasks) Update(_ context.Context, fn func(storage.Tx) error) error {
	time.Sleep(f.takes)
	if f.begun != nil {
		select {
		case f.begun <- struct{}{}:
			<-f.gate
		case <-f.gate: // the test is over
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fail != nil {
		return f.fail
	}
	f.current = nil
	if err := fn(nil); err != nil {
		return err
	}
	f.updates = append(f.updates, f.current)
	return nil
}

func (f *fakeTasks) effects() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Concat(f.updates...)
}

func (f *fakeTasks) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.updates)
}

func (f *fakeTasks) note(s string) error { f.current = append(f.current, s); return nil }

func (f *fakeTasks) effect(s string) Effect {
	return Effect{len(s), func(storage.Tx) error { return f.note(s) }}
}

func (f *fakeTasks) Line(level, message string) Effect { return f.effect(level + " " + message) }

func (f *fakeTasks) Status(_ context.Context, req abi.TaskStatusRequest) (Effect, error) {
	if len(req.Message) == 0 {
		return Effect{}, &abi.Error{Code: abi.Invalid, Message: "message is required"}
	}
	return f.effect("status " + string(req.Message)), nil
}

func (f *fakeTasks) Artifact(_ context.Context, req abi.TaskArtifactRequest) (Effect, error) {
	if len(req.Artifact) == 0 {
		return Effect{}, &abi.Error{Code: abi.Invalid, Message: "artifact is required"}
	}
	return f.effect("artifact " + string(req.Artifact)), nil
}

func (f *fakeTasks) ReadBlob(_ context.Context, url string, offset int64, length int) ([]byte, int64, error) {
	if url != "carrel-blob:x" {
		return nil, 0, &abi.Error{Code: abi.NotFound, Message: "no such part"}
	}
	content := make([]byte, 300<<10)
	from := min(offset, int64(len(content)))
	return content[from:min(from+int64(length), int64(len(content)))], int64(len(content)), nil
}

func (f *fakeTasks) Task(context.Context) (json.RawMessage, error) {
	return json.RawMessage(`{"id":"t"}`), nil
}

func (f *fakeTasks) LoadContext(context.Context) ([]byte, uint64, error) {
	return f.context, f.version, nil
}

func (f *fakeTasks) SaveContext(_ context.Context, data []byte, version uint64) (uint64, error) {
	if version != f.version {
		return 0, &abi.Error{Code: abi.Conflict, Message: "stale"}
	}
	f.context, f.version = data, version+1
	return f.version, nil
}

func (f *fakeTasks) History(context.Context, int) ([]json.RawMessage, error) {
	return []json.RawMessage{json.RawMessage(`{"messageId":"m"}`)}, nil
}

func newSession(t *testing.T, tasks *fakeTasks, opts Options) *Session {
	t.Helper()
	s := NewSession(t.Context(), tasks, opts)
	t.Cleanup(func() { _ = s.End() })
	return s
}

func TestEveryFunctionOfTheTableIsThere(t *testing.T) {
	t.Parallel()
	for _, f := range abi.Funcs {
		if functions[f.Name].call == nil {
			t.Errorf("%s is not implemented", f.Name)
		}
	}
	if len(functions) != len(abi.Funcs) {
		t.Errorf("%d functions for %d rows", len(functions), len(abi.Funcs))
	}
}

// TestCalls holds the reply of each function, one call after another.
func TestCalls(t *testing.T) {
	t.Parallel()
	tasks := &fakeTasks{}
	s := newSession(t, tasks, Options{})
	for _, c := range []struct{ fn, request, reply string }{
		{"log", `{"message":"hi"}`, `{"ok":{}}`},
		{"log", `{"level":"loud","message":"hi"}`, `{"error":{"code":"invalid","message":"level \"loud\" is none of debug, info, warn and error"}}`},
		{"task_get", ``, `{"ok":{"task":{"id":"t"}}}`},
		{"task_status", `{"message":{"parts":[]}}`, `{"ok":{}}`},
		{"task_status", `{}`, `{"error":{"code":"invalid","message":"message is required"}}`},
		{"task_artifact", `{"artifact":{},"append":true}`, `{"ok":{}}`},
		{"context_load", `{}`, `{"ok":{"version":0}}`},
		{"context_save", `{"data":"aGk=","version":0}`, `{"ok":{"version":1}}`},
		{"context_save", `{"data":"aGk=","version":0}`, `{"error":{"code":"conflict","message":"stale"}}`},
		{"context_load", `{}`, `{"ok":{"data":"aGk=","version":1}}`},
		{"context_history", `{"limit":5}`, `{"ok":{"messages":[{"messageId":"m"}]}}`},
		{"context_history", `{"limit":101}`, `{"error":{"code":"invalid","message":"limit must be from 0 to 100"}}`},
		{"blob_read", `{"url":"carrel-blob:x","offset":307199,"length":5}`, `{"ok":{"data":"AA==","size":307200}}`},
		{"blob_read", `{"url":"carrel-blob:x","offset":307200}`, `{"ok":{"size":307200}}`},
		{"blob_read", `{"url":"carrel-blob:x","offset":-1}`, `{"error":{"code":"invalid","message":"offset must not be negative"}}`},
		{"blob_read", `{"url":"carrel-blob:x","length":262145}`, `{"error":{"code":"invalid","message":"length must be from 0 to 262144"}}`},
		{"blob_read", `{}`, `{"error":{"code":"not_found","message":"no such part"}}`},
		{"fly", `{}`, `{"error":{"code":"invalid","message":"there is no such function"}}`},
	} {
		reply, err := s.Call(t.Context(), c.fn, []byte(c.request))
		if err != nil || string(reply) != c.reply {
			t.Errorf("%s(%s): got %s, %v, want %s", c.fn, c.request, reply, err, c.reply)
		}
	}
	if err := s.End(); err != nil {
		t.Fatal(err)
	}
	if got, want := strings.Join(tasks.effects(), "; "), `info hi; status {"parts":[]}; artifact {}`; got != want {
		t.Errorf("effects: got %s, want %s", got, want)
	}
	if reply, err := s.Call(t.Context(), "log", []byte(`{"message":"late"}`)); err != nil || !strings.Contains(string(reply), `"canceled"`) {
		t.Errorf("after End: got %s, %v", reply, err)
	}
}

func TestRequestsThatAreNotBelieved(t *testing.T) {
	t.Parallel()
	s := newSession(t, &fakeTasks{}, Options{})
	for name, c := range map[string]struct {
		request string
		code    abi.Code
	}{
		"no JSON":    {`{`, abi.Invalid},
		"wrong type": {`{"message":5}`, abi.Invalid},
		"deep":       {strings.Repeat("[", 65), abi.Invalid},
		"huge":       {`{"message":"` + strings.Repeat("x", 1<<20) + `"}`, abi.TooLarge},
	} {
		reply, err := s.Call(t.Context(), "log", []byte(c.request))
		if err != nil || !strings.HasPrefix(string(reply), `{"error":{"code":"`+string(c.code)+`"`) {
			t.Errorf("%s: got %.100s, %v, want %s", name, reply, err, c.code)
		}
	}
}

func TestEffectsAreCommittedInGroupsAndInOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tasks := &fakeTasks{}
		s := newSession(t, tasks, Options{FlushAfter: 2 * time.Millisecond})
		var want []string
		for _, text := range strings.Split("abcdefghij", "") {
			s.Line("info", text)
			want = append(want, "info "+text)
		}
		synctest.Wait()
		if tasks.count() != 0 {
			t.Error("effects do not wait for company")
		}
		time.Sleep(2 * time.Millisecond)
		synctest.Wait()
		if tasks.count() != 1 || !slices.Equal(tasks.effects(), want) {
			t.Errorf("got %d updates with %v", tasks.count(), tasks.effects())
		}
	})
}

// TestAGuestThatDoesNotPauseIsCommittedAtAPace has effects come all the time, also
// while others are committed, which takes less than the pace.
func TestAGuestThatDoesNotPauseIsCommittedAtAPace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tasks := &fakeTasks{takes: 150 * time.Microsecond}
		s := newSession(t, tasks, Options{FlushAfter: 2 * time.Millisecond})
		var want []string
		for i := range 200 {
			text := strconv.Itoa(i)
			s.Line("info", text)
			want = append(want, "info "+text)
			time.Sleep(100 * time.Microsecond)
		}
		if n := tasks.count(); n < 8 || n > 10 {
			t.Errorf("%d updates in 20 ms, want one each 2 ms", n)
		}
		time.Sleep(3 * time.Millisecond)
		synctest.Wait()
		if !slices.Equal(tasks.effects(), want) {
			t.Errorf("got %v", tasks.effects())
		}
	})
}

// TestAFullGroupIsCommittedAtOnce fills groups, also while another is committed.
func TestAFullGroupIsCommittedAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tasks := &fakeTasks{begun: make(chan struct{}), gate: make(chan struct{})}
		s := newSession(t, tasks, Options{FlushAfter: time.Hour, FlushBytes: 1000})
		t.Cleanup(func() { close(tasks.gate) })
		start := time.Now()
		for n := range 3 {
			for range 4 {
				s.Line("info", "line")
			}
			if n > 0 {
				tasks.gate <- struct{}{} // the one before ends, with this one full
			}
			<-tasks.begun
			if late := time.Since(start); late != 0 {
				t.Fatalf("group %d is committed after %v", n, late)
			}
		}
	})
}

// TestMoreThanOneGroupIsCommittedWithoutAnotherCall queues more than one update takes.
func TestMoreThanOneGroupIsCommittedWithoutAnotherCall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tasks := &fakeTasks{}
		s := newSession(t, tasks, Options{FlushAfter: 2 * time.Millisecond, FlushBytes: 1 << 30})
		for range maxFlushCount + 1 {
			s.Line("info", "line")
		}
		time.Sleep(10 * time.Millisecond)
		synctest.Wait()
		if n := len(tasks.effects()); n != maxFlushCount+1 || tasks.count() != 2 {
			t.Errorf("%d effects in %d updates", n, tasks.count())
		}
	})
}

// TestWhatIsLeftAtTheEndMayBeCommittedByTheCaller ends sessions with little queued,
// and with much.
func TestWhatIsLeftAtTheEndMayBeCommittedByTheCaller(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name              string
		size, rest, flush int
	}{
		{"little", 100, 3, 0}, {"much", 1000, 0, 3},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				tasks := &fakeTasks{}
				s := NewSession(t.Context(), tasks, Options{})
				for range 3 {
					if _, err := s.Call(t.Context(), "log", []byte(`{"message":"`+strings.Repeat("x", test.size)+`"}`)); err != nil {
						t.Fatal(err)
					}
				}
				rest, err := s.EndWith(2000)
				if err != nil || len(rest) != test.rest || len(tasks.effects()) != test.flush {
					t.Errorf("%d effects are left, %d committed, %v; want %d and %d", len(rest), len(tasks.effects()), err, test.rest, test.flush)
				}
				if again, err := s.EndWith(2000); err != nil || len(again) > 0 {
					t.Errorf("a second end gave %d effects, %v", len(again), err)
				}
				time.Sleep(time.Second)
				if late := len(tasks.effects()); late != test.flush {
					t.Errorf("%d effects were committed later", late-test.flush)
				}
				if reply, err := s.Call(t.Context(), "log", []byte(`{}`)); err != nil || !strings.Contains(string(reply), "canceled") {
					t.Errorf("a call after the end got %s, %v", reply, err)
				}
			})
		})
	}
}

func TestAFailedFlushEndsTheSession(t *testing.T) {
	t.Parallel()
	lost := errors.New("lease lost")
	tasks := &fakeTasks{fail: lost}
	s := newSession(t, tasks, Options{})
	s.Line("info", "x")
	if err := s.Flush(t.Context()); !errors.Is(err, lost) {
		t.Errorf("flush: got %v", err)
	}
	if _, err := s.Call(t.Context(), "log", []byte(`{"message":"y"}`)); !errors.Is(err, lost) {
		t.Errorf("the next call: got %v", err)
	}
	if err := s.End(); !errors.Is(err, lost) {
		t.Errorf("end: got %v", err)
	}
}

func TestTheGuestsClock(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSession(t, &fakeTasks{}, Options{})
		first := s.Now()
		time.Sleep(time.Second)
		if !s.Now().Equal(first) {
			t.Error("the clock moves between host calls")
		}
		if _, err := s.Call(t.Context(), "context_load", nil); err != nil {
			t.Fatal(err)
		}
		if got := s.Now().Sub(first); got != time.Second {
			t.Errorf("after a call it has moved by %v", got)
		}
		s.Sleep(time.Hour)
		s.Sleep(-time.Hour)
		if got := s.Now().Sub(first); got != time.Hour+time.Second {
			t.Errorf("after a sleep it has moved by %v", got)
		}
	})
}

func TestTwoSessionsDrawDifferentNumbers(t *testing.T) {
	t.Parallel()
	var one, two [32]byte
	newSession(t, &fakeTasks{}, Options{}).Random(one[:])
	newSession(t, &fakeTasks{}, Options{}).Random(two[:])
	if one == two {
		t.Error("two sessions draw alike")
	}
}

func FuzzCleanLine(f *testing.F) {
	for _, s := range []string{"", "plain", "\xff\xfe", strings.Repeat("é", 3000), strings.Repeat("x", 4095) + "é"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if got := cleanLine(s); len(got) > maxLine || !utf8.ValidString(got) {
			t.Errorf("%d bytes, valid %t", len(got), utf8.ValidString(got))
		}
	})
}

func FuzzCall(f *testing.F) {
	f.Add("log", []byte(`{"message":"x"}`))
	f.Add("context_save", []byte(`{"data":"!"}`))
	f.Add("task_status", []byte(`{"state":"working","message":{"parts":[{"text":"x"}]}}`))
	f.Add("task_artifact", []byte(`{"artifact":{"artifactId":"a","parts":[{"text":"x"}]},"append":true}`))
	f.Add("blob_read", []byte(`{"url":"carrel-blob:t/0","offset":-1,"length":9223372036854775807}`))
	f.Add("context_history", []byte(`{"limit":-1}`))
	for _, fn := range abi.Funcs {
		f.Add(fn.Name, []byte(`{}`))
	}
	f.Fuzz(func(t *testing.T, fn string, request []byte) {
		s := NewSession(t.Context(), &fakeTasks{}, Options{})
		defer s.End()
		reply, err := s.Call(t.Context(), fn, request)
		if err != nil || !json.Valid(reply) {
			t.Errorf("got %q, %v", reply, err)
		}
	})
}

// FuzzQuick: what is read without reflection is what is read with it.
func FuzzQuick(f *testing.F) {
	for _, text := range []string{
		`{"artifact":{"parts":[{"text":"a\"b"},{"data":[1,-2.5e3,null,{}]}]},"append":true,"lastChunk":false}`,
		` { "message" : {"parts":[]} } `, `{"artifact":[],"append":null}`, `{"message":1}`, `{"message":"\u00e9"}`, `{}`, `{"artifact":` + strings.Repeat("[", 33) + strings.Repeat("]", 33) + `}`, `{"artifact":{"a":}}`, `{"append":truex}`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, request []byte) {
		checkQuick(t, request, readArtifact)
		checkQuick(t, request, readStatus)
	})
}

func checkQuick[Req any](t *testing.T, request []byte, read func([]byte, *Req) bool) {
	t.Helper()
	var got, want Req
	if !read(request, &got) {
		return
	}
	if !shallow(request) {
		t.Errorf("%s: read, and too deep", request)
	}
	if err := json.Unmarshal(request, &want); err != nil {
		t.Errorf("%s: read, but %v", request, err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s: %s", request, diff)
	}
}
