package push_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"
	webhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/carrelhq/carrel/storage"
	"github.com/carrelhq/carrel/storage/badgerdb"
	"github.com/carrelhq/carrel/storage/storagetest"
	"github.com/carrelhq/carrel/task"
	"github.com/carrelhq/carrel/task/push"
)

// call is a request as a webhook saw it.
type call struct {
	path   string
	header http.Header
	body   []byte
}

// text is the event as text: "task", "working", "artifact:x", "completed".
func (c call) text(t testing.TB) string {
	t.Helper()
	var r a2apb.StreamResponse
	if err := protojson.Unmarshal(c.body, &r); err != nil {
		t.Errorf("body %q: %v", c.body, err)
	}
	switch {
	case r.GetTask() != nil:
		return "task"
	case r.GetArtifactUpdate() != nil:
		return "artifact:" + r.GetArtifactUpdate().GetArtifact().GetParts()[0].GetText()
	}
	return strings.ToLower(strings.TrimPrefix(r.GetStatusUpdate().GetStatus().GetState().String(), "TASK_STATE_"))
}

// receiver is a webhook that notes what it took; answer decides, nil takes all.
type receiver struct {
	*httptest.Server
	mu    sync.Mutex
	calls []call
}

func newReceiver(t testing.TB, answer http.HandlerFunc) *receiver {
	t.Helper()
	r := &receiver{}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		if err != nil {
			return
		}
		req.Body = io.NopCloser(bytes.NewReader(body)) // answer may read it, too
		status := &statusWriter{ResponseWriter: w, status: http.StatusOK}
		if answer != nil {
			answer(status, req)
		}
		if status.status < 300 {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.calls = append(r.calls, call{req.URL.Path, req.Header.Clone(), body})
		}
	}))
	t.Cleanup(r.Close)
	return r
}

type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

func (r *receiver) taken() []call {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.calls)
}

func (r *receiver) texts(t testing.TB) string {
	var out []string
	for _, c := range r.taken() {
		out = append(out, c.text(t))
	}
	return strings.Join(out, " ")
}

func hook(url string) *a2apb.TaskPushNotificationConfig {
	return &a2apb.TaskPushNotificationConfig{Url: url + "/hook"}
}

func TestAWebhookGetsEveryEventInOrder(t *testing.T) {
	t.Parallel()
	h := newHouse(t, storagetest.Memory())
	h.start(push.Options{})
	r := newReceiver(t, nil)
	id := h.send(hook(r.URL))
	run := h.claim(id)
	want := "task working"
	for i := range 100 {
		h.chunk(run, strconv.Itoa(i))
		want += " artifact:" + strconv.Itoa(i)
	}
	h.finish(run)
	h.health(id, func(ph task.PushHealth) bool { return idle(ph) && ph.Seq == 103 })
	if got := r.texts(t); got != want+" completed" {
		t.Errorf("got %s", got)
	}
}

func TestWhatAWebhookIsSent(t *testing.T) {
	t.Parallel()
	const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	tests := map[string]struct {
		token        string
		auth         *a2apb.AuthenticationInfo
		wantHeaders  map[string]string
		key          string
		wantUnsigned bool
	}{
		"nothing to show": {wantUnsigned: true},
		"a token":         {token: "t0ken", wantHeaders: map[string]string{"X-A2A-Notification-Token": "t0ken", "A2A-Notification-Token": "t0ken"}, key: "t0ken"},
		"credentials": {
			auth:        &a2apb.AuthenticationInfo{Scheme: "Bearer", Credentials: "cr3d"},
			wantHeaders: map[string]string{"Authorization": "Bearer cr3d"}, key: "cr3d",
		},
		"a token to sign with is not shown": {
			token: secret, auth: &a2apb.AuthenticationInfo{Scheme: "Basic", Credentials: "dTpw"},
			wantHeaders: map[string]string{"Authorization": "Basic dTpw"}, key: secret,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, storagetest.Memory())
			h.start(push.Options{UserAgent: "carrel/test"})
			r := newReceiver(t, nil)
			config := hook(r.URL)
			config.Token, config.Authentication = test.token, test.auth
			id := h.send(config)
			h.health(id, idle)
			c := r.taken()[0]
			want := map[string]string{
				"Content-Type": "application/a2a+json", "User-Agent": "carrel/test", "Webhook-Id": id + "-1",
				"Authorization": "", "X-A2A-Notification-Token": "", "A2A-Notification-Token": "",
			}
			for k, v := range test.wantHeaders {
				want[k] = v
			}
			for k, v := range want {
				if got := c.header.Get(k); got != v {
					t.Errorf("%s is %q, want %q", k, got, v)
				}
			}
			if test.wantUnsigned != (c.header.Get("Webhook-Signature") == "") {
				t.Errorf("headers %v", c.header)
			}
			if !test.wantUnsigned {
				verify(t, c, test.key)
			}
			var payload map[string]json.RawMessage
			if err := json.Unmarshal(c.body, &payload); err != nil || len(payload) != 1 || payload["task"] == nil {
				t.Errorf("body is %s, %v", c.body, err)
			}
		})
	}
}

// verify checks a signature as a receiver with the official library does.
func verify(t *testing.T, c call, key string) {
	t.Helper()
	wh, err := webhooks.NewWebhookRaw([]byte(key))
	if strings.HasPrefix(key, "whsec_") {
		wh, err = webhooks.NewWebhook(key)
	}
	if err == nil {
		err = wh.Verify(c.body, c.header)
	}
	if err != nil {
		t.Error(err)
	}
}

// quick are options under which retries come soon.
var quick = push.Options{BackOff: time.Millisecond, MaxBackOff: 2 * time.Millisecond}

func TestAnEventThatIsNotTakenComesAgainUnderTheSameID(t *testing.T) {
	t.Parallel()
	h := newHouse(t, storagetest.Memory())
	h.start(quick)
	var ids sync.Map
	var n atomic.Int32
	r := newReceiver(t, func(w http.ResponseWriter, req *http.Request) {
		ids.Store(req.Header.Get("Webhook-Id"), true)
		if n.Add(1)%3 != 0 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	id := h.send(hook(r.URL))
	h.finish(h.claim(id))
	h.health(id, func(ph task.PushHealth) bool { return idle(ph) && ph.Seq == 3 })
	if got := r.texts(t); got != "task working completed" {
		t.Errorf("got %s", got)
	}
	count := 0
	ids.Range(func(any, any) bool { count++; return true })
	if count != 3 || n.Load() != 9 {
		t.Errorf("%d ids in %d calls", count, n.Load())
	}
}

func TestAWebhookIsGivenUp(t *testing.T) {
	t.Parallel()
	moved := func(w http.ResponseWriter, req *http.Request) { http.Redirect(w, req, "/elsewhere", http.StatusFound) }
	answer := func(status int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }
	}
	tests := map[string]struct {
		answer   http.HandlerFunc
		opts     push.Options
		attempts int
		fault    string
	}{
		"after its attempts":           {answer(500), push.Options{MaxAttempts: 4, BackOff: 1, MaxBackOff: 1}, 4, "the webhook answered with status 500"},
		"when it says that it is gone": {answer(410), push.Options{}, 1, "the webhook answered with status 410"},
		"after some time":              {answer(500), push.Options{MaxAge: 1, BackOff: 1, MaxBackOff: 1}, 2, "the webhook answered with status 500"},
		"that leads elsewhere":         {moved, push.Options{MaxAttempts: 1}, 1, "the webhook answered with status 302"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, storagetest.Memory())
			h.start(test.opts)
			r := newReceiver(t, test.answer)
			got := h.health(h.send(hook(r.URL)), dead)
			if got.Attempts != test.attempts || got.LastError != test.fault || got.Seq != 0 || got.LastFailure.IsZero() {
				t.Errorf("got %+v", got)
			}
		})
	}
}

// TestARefusedEventDoesNotHoldUpTheOthers has webhooks that find fault with events. All
// there will be is there when they are first called.
func TestARefusedEventDoesNotHoldUpTheOthers(t *testing.T) {
	t.Parallel()
	refuse := func(status int, texts ...string) func(string) int {
		return func(text string) int {
			if slices.ContainsFunc(texts, func(s string) bool { return strings.HasPrefix(text, s) }) {
				return status
			}
			return http.StatusOK
		}
	}
	few, many, large := []string{"x", "y", "z"}, strings.Fields("1 2 3 4 5 6 7 8 9 10 11 12"), []string{strings.Repeat("l", 300<<10), "y", "z"}
	for name, test := range map[string]struct {
		chunks []string
		answer func(text string) int
		later  string // Retry-After
		taken  string
		tries  map[string]int
		state  string
		left   uint64
	}{
		"artifacts": {few, refuse(400, "artifact"), "", "task working completed",
			map[string]int{"artifact:x": 3, "artifact:y": 1, "artifact:z": 1, "completed": 1}, "idle", 3},
		"one of them": {few, refuse(422, "artifact:y"), "", "task working artifact:x artifact:z completed",
			map[string]int{"artifact:x": 1, "artifact:y": 3, "artifact:z": 1}, "idle", 1},
		"the first and the last": {few, refuse(415, "artifact:x", "artifact:z"), "", "task working artifact:y completed",
			map[string]int{"artifact:x": 3, "artifact:y": 1, "artifact:z": 1}, "idle", 2},
		"what is too large": {large, refuse(413, "artifact:l"), "", "task working artifact:y artifact:z completed",
			map[string]int{"artifact:" + large[0]: 3, "artifact:y": 1, "completed": 1}, "idle", 1},
		"more than are tried in a round": {many, refuse(400, "artifact"), "", "task working completed",
			map[string]int{"artifact:1": 5, "artifact:2": 1, "artifact:12": 1, "completed": 1}, "idle", 12},
		"more than are tried at all": {slices.Concat(many, many, many), refuse(400, "artifact"), "", "task working completed",
			map[string]int{"artifact:1": 9 + 2, "artifact:2": 2, "completed": 1}, "idle", 36},
		"the end":                 {few, refuse(400, "completed"), "", "task working artifact:x artifact:y artifact:z", map[string]int{"completed": 9}, "dead", 0},
		"all":                     {few, refuse(400, ""), "", "", map[string]int{"task": 9, "working": 1, "artifact:z": 1, "completed": 2}, "dead", 0},
		"all, for another reason": {few, refuse(404, ""), "", "", map[string]int{"task": 9, "working": 0}, "dead", 0},
		"some, until later":       {few, refuse(413, "artifact"), "1", "task working", map[string]int{"artifact:x": 9, "completed": 0}, "dead", 0},
		"some, and then it fails": {few, func(text string) int {
			return map[string]int{"artifact:x": 400, "artifact:y": 500}[text]
		}, "", "task working completed", map[string]int{"artifact:x": 9, "artifact:y": 6, "artifact:z": 0}, "idle", 3},
		"some, and then it is gone": {few, func(text string) int {
			return map[string]int{"artifact:x": 400, "artifact:y": 410}[text]
		}, "", "task working", map[string]int{"artifact:x": 3, "artifact:y": 1, "completed": 0}, "dead", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, storagetest.Memory())
			tries := newTries()
			r := newReceiver(t, func(w http.ResponseWriter, req *http.Request) {
				w.Header().Set("Retry-After", test.later)
				if status := test.answer(tries.note(t, req)); status > 200 {
					w.WriteHeader(status)
				}
			})
			id := h.send(hook(r.URL))
			run := h.claim(id)
			for _, text := range test.chunks {
				h.chunk(run, text)
			}
			h.finish(run)
			h.start(push.Options{MaxAttempts: 9, BackOff: 1, MaxBackOff: 1})
			got := h.health(id, atRest)
			if texts := r.texts(t); texts != test.taken || got.State != test.state || got.LeftOut != test.left {
				t.Errorf("taken: %s; health %+v", texts, got)
			}
			for text, want := range test.tries {
				if n := tries.of(text); n != want {
					t.Errorf("%.20s was tried %d times, want %d", text, n, want)
				}
			}
		})
	}
}

// tries counts what a webhook is called with.
type tries struct {
	mu sync.Mutex
	n  map[string]int
}

func newTries() *tries { return &tries{n: map[string]int{}} }

func (c *tries) note(t *testing.T, req *http.Request) string {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		t.Error(err)
	}
	text := call{body: body}.text(t)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n[text]++
	return text
}

func (c *tries) of(text string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n[text]
}

// atRest tells that nothing more is sent, for whatever reason.
func atRest(h task.PushHealth) bool { return idle(h) || dead(h) }

// TestAWebhookThatRefusesAllForAWhileLosesNothing is called until it is well again.
func TestAWebhookThatRefusesAllForAWhileLosesNothing(t *testing.T) {
	t.Parallel()
	h := newHouse(t, storagetest.Memory())
	var mended, well atomic.Bool
	tries := newTries()
	r := newReceiver(t, func(w http.ResponseWriter, req *http.Request) {
		if text := tries.note(t, req); mended.Load() && text == "task" { // not in the middle of a round
			well.Store(true)
		}
		if !well.Load() {
			w.WriteHeader(http.StatusBadRequest)
		}
	})
	id := h.send(hook(r.URL))
	h.finish(h.claim(id))
	h.start(push.Options{MaxAttempts: 1 << 20, BackOff: time.Millisecond, MaxBackOff: 2 * time.Millisecond}) // when all is there to be tried
	h.health(id, func(ph task.PushHealth) bool { return ph.Attempts > 7 || atRest(ph) })
	mended.Store(true)
	if got := h.health(id, atRest); !idle(got) || got.LeftOut != 0 || r.texts(t) != "task working completed" || tries.of("completed") != 2 {
		t.Errorf("taken: %s; health %+v; the end was tried %d times", r.texts(t), got, tries.of("completed"))
	}
}

// TestARefusedEventDoesNotEndTheWebhookOfATaskAtWork has one that is refused until it is
// given up, and the end of the task after that.
func TestARefusedEventDoesNotEndTheWebhookOfATaskAtWork(t *testing.T) {
	t.Parallel()
	h := newHouse(t, storagetest.Memory())
	h.start(push.Options{MaxAttempts: 6, BackOff: 1, MaxBackOff: 1})
	tries := newTries()
	r := newReceiver(t, func(w http.ResponseWriter, req *http.Request) {
		if tries.note(t, req) == "artifact:x" {
			w.WriteHeader(http.StatusBadRequest)
		}
	})
	id := h.send(hook(r.URL))
	run := h.claim(id)
	h.chunk(run, "x")
	if got := h.health(id, func(ph task.PushHealth) bool { return dead(ph) || idle(ph) && ph.Seq == 3 }); got.LeftOut != 1 || tries.of("artifact:x") != 6 {
		t.Errorf("health %+v, tried %d times", got, tries.of("artifact:x"))
	}
	h.finish(run)
	if got := h.health(id, func(ph task.PushHealth) bool { return dead(ph) || idle(ph) && ph.Seq == 4 }); r.texts(t) != "task working completed" {
		t.Errorf("taken: %s; health %+v", r.texts(t), got)
	}
}

// A target that is private, closed, or speaks something else: one answer.
func TestWhatIsWrongWithATargetIsNotTold(t *testing.T) {
	t.Parallel()
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	for _, url := range []string{"http://10.0.0.1:8080", "http://169.254.169.254", "http://" + closed.Addr().String()} {
		h := newHouse(t, storagetest.Memory())
		h.start(push.Options{MaxAttempts: 1})
		if got := h.health(h.send(hook(url)), dead); got.LastError != "the target cannot be reached" {
			t.Errorf("%s: got %q", url, got.LastError)
		}
	}
}

func TestRetryAfterIsHonoured(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]time.Duration{"120": 2 * time.Minute, "999999": 10 * time.Minute, "soon": 0, "-5": 0} {
		h := newHouse(t, storagetest.Memory())
		h.start(push.Options{BackOff: time.Second, MaxBackOff: 10 * time.Minute})
		r := newReceiver(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", header)
			w.WriteHeader(http.StatusTooManyRequests)
		})
		got := h.health(h.send(hook(r.URL)), tried)
		in := got.NextAttempt.Sub(got.LastFailure)
		if want == 0 && in > 2*time.Second || want > 0 && (in < want-time.Second || in > want+time.Second) {
			t.Errorf("%s: the next attempt is in %s", header, in)
		}
	}
}

// hang waits until the caller has had enough.
func hang(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

// A target that hangs has no more places than are its own.
func TestATargetThatHangsHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	h := newHouse(t, storagetest.Memory())
	live := newReceiver(t, nil)
	stuck := newReceiver(t, hang)
	stop := h.start(push.Options{Concurrency: 16, SoftStop: time.Millisecond})
	for range 50 {
		h.send(hook(stuck.URL))
	}
	for range 50 {
		h.health(h.send(hook(live.URL)), idle)
	}
	stop()
}

// TestWhatIsOverTheRateIsDeliveredLater has more events than a tenant may be ahead
// of, and reads none of them twice.
func TestWhatIsOverTheRateIsDeliveredLater(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const perSecond, ahead = 20, 100
		db := &readsOfEvents{DB: storagetest.Memory()}
		h := newHouse(t, db)
		var taken atomic.Int32
		h.startWith(push.Options{Rate: perSecond}, func(*http.Request) { taken.Add(1) })
		begin := time.Now()
		id := h.send(hook("http://127.0.0.1"))
		run := h.claim(id)
		for i := range 120 {
			h.chunk(run, strconv.Itoa(i))
		}
		h.finish(run)
		h.health(id, idle)
		n := int(taken.Load())
		if n != 123 {
			t.Errorf("%d events, want all", n)
		}
		least := time.Duration(n-ahead) * time.Second / perSecond
		if took := time.Since(begin); took < least || took > least+time.Second {
			t.Errorf("%d attempts in %v, want about %v", n, took, least)
		}
		if read := int(db.events.Load()); read > n { // what is committed together is read together
			t.Errorf("of %d events, entries were read %d times", n, read)
		}
	})
}

// readsOfEvents is a store that counts the events that views read.
type readsOfEvents struct {
	storage.DB
	events atomic.Int32
}

func (db *readsOfEvents) View(ctx context.Context, fn func(storage.Tx) error) error {
	return db.DB.View(ctx, func(tx storage.Tx) error { return fn(readOfEvents{tx, db}) })
}

type readOfEvents struct {
	storage.Tx
	db *readsOfEvents
}

func (tx readOfEvents) Scan(prefix, after []byte) iter.Seq2[storage.Item, error] {
	return func(yield func(storage.Item, error) bool) {
		for item, err := range tx.Tx.Scan(prefix, after) {
			if bytes.Contains(prefix, storage.NewKey("event")) {
				tx.db.events.Add(1)
			}
			if !yield(item, err) {
				return
			}
		}
	}
}

// TestWhatIsNotSentIsNoAttempt has many more events than a tenant may be sent, and
// payloads for none of them, as a webhook of 0.3 has for chunks.
func TestWhatIsNotSentIsNoAttempt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, storagetest.Memory())
		h.start(push.Options{Rate: 1, Payloads: map[string]push.Payload{
			"0.3": func(context.Context, *task.Delivery, task.Event) (string, []byte, error) { return "", nil, nil },
		}})
		begin := time.Now()
		id := h.send(nil)
		h.register03(id, "http://127.0.0.1")
		run := h.claim(id)
		for i := range 300 {
			h.chunk(run, strconv.Itoa(i))
		}
		h.finish(run)
		h.health(id, func(ph task.PushHealth) bool { return idle(ph) && ph.Seq == 303 })
		if took := time.Since(begin); took >= time.Second {
			t.Errorf("it took %v to send nothing", took)
		}
	})
}

func TestAfterARestartDeliveryGoesOnInOrder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var calls atomic.Int32
	stuck := make(chan struct{}, 1)
	over := make(chan struct{})
	var broken atomic.Bool
	broken.Store(true)
	r := newReceiver(t, func(w http.ResponseWriter, _ *http.Request) {
		if calls.Add(1) > 2 && broken.Load() {
			stuck <- struct{}{}
			<-over
			w.WriteHeader(http.StatusInternalServerError)
		}
	})
	live := func(fn func(h *house)) {
		db, err := badgerdb.Open(badgerdb.Options{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		h := newHouse(t, db)
		stop := h.start(push.Options{SoftStop: time.Millisecond})
		fn(h)
		stop()
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}
	var id string
	live(func(h *house) {
		id = h.send(hook(r.URL))
		run := h.claim(id)
		h.chunk(run, "1")
		h.finish(run)
		<-stuck // in the middle of a request
	})
	broken.Store(false)
	close(over)
	live(func(h *house) {
		h.health(id, func(ph task.PushHealth) bool { return idle(ph) && ph.Seq == 4 })
	})
	if got := r.texts(t); got != "task working artifact:1 completed" {
		t.Errorf("got %s", got)
	}
}

func TestAPayloadOfAnotherVersion(t *testing.T) {
	t.Parallel()
	h := newHouse(t, storagetest.Memory())
	h.start(push.Options{Payloads: map[string]push.Payload{
		"0.3": func(_ context.Context, d *task.Delivery, e task.Event) (string, []byte, error) {
			switch {
			case e.Seq == 1:
				return "", nil, nil // nothing to send
			case e.Seq == 2:
				return "", nil, errBroken // left out
			case d.Attempts == 0:
				return "", nil, fmt.Errorf("%w: %w", push.ErrLater, errBroken)
			}
			return "application/json", fmt.Appendf(nil, "%s %d", d.Version, e.Seq), nil
		},
	}, BackOff: time.Millisecond})
	r := newReceiver(t, nil)
	id := h.send(nil)
	h.register03(id, r.URL)
	h.finish(h.claim(id))
	got := h.health(id, func(ph task.PushHealth) bool { return idle(ph) && ph.Seq == 3 })
	c := r.taken()
	if len(c) != 1 || string(c[0].body) != "0.3 3" || c[0].header.Get("Content-Type") != "application/json" || got.Delivered != 1 {
		t.Errorf("got %q, %+v", c, got)
	}
}

// register03 creates a config of the task as a client of 0.3 does.
func (h *house) register03(id, url string) {
	h.t.Helper()
	config := hook(url)
	config.TaskId = id
	if _, err := h.CreatePushConfig(task.WithVersion(h.t.Context(), "0.3"), bot, config); err != nil {
		h.t.Fatal(err)
	}
}

func TestAPayloadThatPanicsIsLeftOut(t *testing.T) {
	t.Parallel()
	h := newHouse(t, storagetest.Memory())
	h.start(push.Options{Payloads: map[string]push.Payload{
		"0.3": func(_ context.Context, _ *task.Delivery, e task.Event) (string, []byte, error) {
			if e.Seq < 3 {
				panic(errBroken)
			}
			return "application/json", []byte("well"), nil
		},
	}})
	r := newReceiver(t, nil)
	id := h.send(nil)
	h.register03(id, r.URL)
	h.finish(h.claim(id))
	got := h.health(id, func(ph task.PushHealth) bool { return idle(ph) && ph.Seq == 3 })
	if c := r.taken(); len(c) != 1 || string(c[0].body) != "well" || got.Delivered != 1 {
		t.Errorf("got %q, %+v", c, got)
	}
}

// Configs are replaced and deleted while their tasks run and are delivered.
func TestChangesWhileDelivering(t *testing.T) {
	t.Parallel()
	h := newHouse(t, storagetest.Memory())
	h.start(push.Options{BackOff: time.Microsecond, MaxBackOff: time.Millisecond, Concurrency: 8})
	var n atomic.Int32
	r := newReceiver(t, func(w http.ResponseWriter, _ *http.Request) {
		if n.Add(1)%5 == 0 {
			w.WriteHeader(http.StatusBadGateway)
		}
	})
	var tasks sync.WaitGroup
	for range 8 {
		tasks.Go(func() {
			config := hook(r.URL)
			config.Id = "kept"
			id := h.send(config)
			run := h.claim(id)
			for i := range 20 {
				h.chunk(run, strconv.Itoa(i))
				config.TaskId = id
				if _, err := h.CreatePushConfig(t.Context(), bot, config); err != nil {
					t.Error(err)
				}
				other := hook(r.URL)
				other.TaskId, other.Id = id, "other"
				if _, err := h.CreatePushConfig(t.Context(), bot, other); err != nil {
					t.Error(err)
				}
				if err := h.DeletePushConfig(t.Context(), bot, id, "other"); err != nil {
					t.Error(err)
				}
			}
			h.finish(run)
			h.health(id, func(ph task.PushHealth) bool { return idle(ph) && ph.Seq == ph.Last })
		})
	}
	tasks.Wait()
}

// What waits for its turn when the server stops is given back at once.
func TestShutdownGivesBackWhatWaits(t *testing.T) {
	t.Parallel()
	h := newHouse(t, storagetest.Memory())
	stuck := newReceiver(t, hang)
	stop := h.start(push.Options{Concurrency: 4, SoftStop: time.Millisecond})
	var ids []string
	for range 12 { // of more, a tenant's are put off
		ids = append(ids, h.send(hook(stuck.URL)))
	}
	stop()
	due, _, _, err := h.DueDeliveries(t.Context(), nil, false)
	if err != nil || len(due) != len(ids) {
		t.Errorf("%d are due, %v", len(due), err)
	}
	for _, id := range ids {
		h.health(id, func(ph task.PushHealth) bool { return ph.State == "pending" && ph.Attempts == 0 })
	}
}

// What a turn puts back while the server stops is given back, too.
func TestShutdownGivesBackWhatATurnPutBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, storagetest.Memory())
		h.send(hook("http://127.0.0.1"))
		ids, _, _, err := h.DueDeliveries(t.Context(), nil, false)
		if err != nil || len(ids) != 1 {
			t.Fatalf("%d are due, %v", len(ids), err)
		}
		if err := h.pusher(push.Options{}).EndDuring(t.Context(), ids[0]); err != nil {
			t.Fatal(err)
		}
		if due, _, _, err := h.DueDeliveries(t.Context(), nil, false); err != nil || len(due) != 1 {
			t.Errorf("%d are due, %v", len(due), err)
		}
	})
}
