package task

import (
	"bytes"
	"errors"
	"slices"
	"testing"
	"time"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"
	"google.golang.org/protobuf/proto"

	"github.com/carrelhq/carrel/storage"
)

// encoder is a record that can be written.
type encoder interface{ encode() []byte }

// checkStable holds that a record that was read is written and read again as the
// same bytes. What it was read from may say the same in another way.
func checkStable[R encoder](t *testing.T, r R, decode func([]byte) (R, error)) {
	t.Helper()
	text := r.encode()
	again, err := decode(text)
	if err != nil || !bytes.Equal(again.encode(), text) {
		t.Errorf("%+v is %+v when it is read again, %v", r, again, err)
	}
}

func someTime() time.Time { return time.Unix(1_700_000_000, 5).UTC() }

func saying(text string) *a2apb.Message {
	return &a2apb.Message{MessageId: "m", Parts: []*a2apb.Part{{Content: &a2apb.Part_Text{Text: text}}}}
}

// FuzzHead: the head of a task.
func FuzzHead(f *testing.F) {
	status, err := proto.Marshal(saying("hello"))
	if err != nil {
		f.Fatal(err)
	}
	h := head{
		agent: "bot", version: "v", contextID: "c", created: someTime(), state: working, changed: someTime(), status: status, seq: 3, size: 9, blobs: 7,
		run: 1, attempt: 2, lost: 1, inbox: []uint64{1, 2}, taken: 1, fence: 4, owner: "o", due: someTime(), lines: 5, runLines: 2,
		trace: "t", modes: []string{"text/plain"}, pushes: 1, hidden: true, indexed: true, grouped: true, part: 3,
	}
	f.Add(h.encode())
	f.Add([]byte{0x58, 0x00, 0x60, 0x01}) // event 0 was taken
	f.Add([]byte{0xff})
	f.Fuzz(func(t *testing.T, data []byte) {
		h, err := decodeHead(data)
		if err != nil {
			if !errors.Is(err, errRecord) {
				t.Errorf("got %v, want %v", err, errRecord)
			}
			return
		}
		checkStable(t, h, decodeHead)
		if s, err := h.taskStatus(); err == nil && s.State != h.state {
			t.Errorf("a status of %s in a head of %s", s.State, h.state)
		}
	})
}

// FuzzEvent: an entry of a task's log, of one event or several, with its key.
func FuzzEvent(f *testing.F) {
	body, err := proto.Marshal(&a2apb.StreamResponse{Payload: &a2apb.StreamResponse_Message{Message: saying("hello")}})
	if err != nil {
		f.Fatal(err)
	}
	message, err := proto.Marshal(saying("more"))
	if err != nil {
		f.Fatal(err)
	}
	var several logEntry
	for i, r := range []record{{run: 1, attempt: 2, state: working, time: someTime(), body: body, shows: true}, {message: message}, {body: []byte{1}}} {
		f.Add([]byte(eventKey("t", 7)), r.encode())
		several.add(uint64(i+1), r.encode())
	}
	f.Add([]byte(eventKey("t", 3)), several.encode())
	f.Add([]byte(eventKey("t", 2)), several.encode())
	f.Add([]byte("event"), []byte{0xff})
	f.Fuzz(func(t *testing.T, key, value []byte) {
		records, err := decodeEntry(storage.Item{Key: key, Value: value})
		if err != nil {
			return
		}
		for i := range records {
			r := &records[i]
			checkStable(t, r, func(data []byte) (*record, error) {
				read := &record{seq: r.seq}
				err := read.decode(data, nil)
				read.size = r.size
				return read, err
			})
			if r.seq != records[0].seq+uint64(i) || r.seq == 0 && len(records) > 1 {
				t.Errorf("event %d is %d places after %d", r.seq, i, records[0].seq)
			}
			e, err := r.event()
			if err == nil && (e.Seq != r.seq || e.Body != nil && e.message != nil) {
				t.Errorf("%+v is the event %+v", r, e)
			}
		}
	})
}

// FuzzFold makes a task of a log of any three events, some of them of lost attempts.
func FuzzFold(f *testing.F) {
	encoded := func(run, attempt int, r *a2apb.StreamResponse) []byte {
		body, err := proto.Marshal(r)
		if err != nil {
			f.Fatal(err)
		}
		return (&record{run: run, attempt: attempt, time: someTime(), state: working, body: body}).encode()
	}
	first := encoded(0, 0, &a2apb.StreamResponse{Payload: &a2apb.StreamResponse_Task{Task: &a2apb.Task{Id: "t", History: []*a2apb.Message{saying("hi")}}}})
	status := func(s *a2apb.TaskStatus) *a2apb.StreamResponse {
		return &a2apb.StreamResponse{Payload: &a2apb.StreamResponse_StatusUpdate{StatusUpdate: &a2apb.TaskStatusUpdateEvent{Status: s}}}
	}
	chunk := func(a *a2apb.Artifact, more bool) *a2apb.StreamResponse {
		return &a2apb.StreamResponse{Payload: &a2apb.StreamResponse_ArtifactUpdate{ArtifactUpdate: &a2apb.TaskArtifactUpdateEvent{Artifact: a, Append: more}}}
	}
	artifact := &a2apb.Artifact{ArtifactId: "a", Parts: saying("x").Parts}
	f.Add(first, encoded(1, 1, chunk(artifact, false)), encoded(1, 1, chunk(artifact, true)))
	f.Add(first, encoded(1, 1, chunk(nil, false)), encoded(1, 1, status(nil)))
	f.Add(first, encoded(1, 1, status(&a2apb.TaskStatus{Message: saying("a")})), encoded(1, 2, status(&a2apb.TaskStatus{Message: saying("b")})))
	f.Fuzz(func(t *testing.T, a, b, c []byte) {
		var events []Event
		for i, data := range [][]byte{a, b, c} {
			r := &record{seq: uint64(i + 1)}
			if r.decode(data, nil) != nil {
				return
			}
			e, err := r.event()
			if err != nil {
				return
			}
			events = append(events, e)
		}
		folded := foldEvents(events, all)
		if again := foldEvents(events, all); !proto.Equal(folded, again) {
			t.Errorf("the same events are %v, and then %v", folded, again)
		}
		if _, err := proto.Marshal(folded); err != nil {
			t.Errorf("%v cannot be sent: %v", folded, err)
		}
		if few := foldEvents(events, selection{}); len(few.History)+len(few.Artifacts) > 0 {
			t.Errorf("got %v", few)
		}
	})
}

// FuzzLine: a line of a task's log, with its key.
func FuzzLine(f *testing.F) {
	line := LogLine{Run: 1, Attempt: 2, Time: someTime(), Level: "info", Message: "hello"}
	f.Add([]byte(lineKey("t", 7)), line.encode())
	f.Add([]byte("line"), []byte{0x08})
	f.Fuzz(func(t *testing.T, key, value []byte) {
		line, err := decodeLine(storage.Item{Key: key, Value: value})
		if err != nil {
			return
		}
		checkStable(t, &line, func(data []byte) (*LogLine, error) {
			again, err := decodeLine(storage.Item{Key: key, Value: data})
			return &again, err
		})
	})
}

// FuzzOnce: what is remembered of an idempotency key.
func FuzzOnce(f *testing.F) {
	f.Add((&onceRecord{taskID: "t", seq: 3, sum: [32]byte{1}, expires: someTime()}).encode())
	f.Add([]byte{0x1a, 0x01, 0x01})
	f.Fuzz(func(t *testing.T, data []byte) {
		if r, err := decodeOnce(data); err == nil {
			checkStable(t, r, decodeOnce)
		}
	})
}

// FuzzTurns: the queue of a context.
func FuzzTurns(f *testing.F) {
	var w wire
	w.text(turnTask, "a")
	w.text(turnTask, "b")
	f.Add([]byte(w))
	f.Add([]byte{0x0a})
	f.Fuzz(func(t *testing.T, data []byte) {
		ids, err := decodeTurns(data)
		if err == nil && len(ids) > len(data)/2 {
			t.Errorf("%d tasks in %d bytes", len(ids), len(data))
		}
	})
}

// FuzzOpenTasks: a part of the set of open tasks.
func FuzzOpenTasks(f *testing.F) {
	f.Add(openTask{rank: 7, context: 8, state: working}.append(nil))
	f.Add(make([]byte, 2*openSize+1))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data)%openSize != 0 {
			return // getOpen refuses it
		}
		var again []byte
		for b := range slices.Chunk(data, openSize) {
			o := readOpenTask(b)
			again = o.append(again)
			if at := findOpen(data, o.id); at%openSize != 0 || !bytes.Equal(data[at:at+16], o.id[:]) {
				t.Errorf("%v is found at %d", o.id, at)
			}
		}
		if !bytes.Equal(again, data) {
			t.Errorf("%x is written as %x", data, again)
		}
	})
}

// unsealed are secrets that are not encrypted, so that what is sealed can be made up.
type unsealed struct{}

func (unsealed) Seal(plain, _ []byte) []byte           { return plain }
func (unsealed) Open(sealed, _ []byte) ([]byte, error) { return sealed, nil }

// FuzzPushConfig: a config of a webhook, with its key.
func FuzzPushConfig(f *testing.F) {
	place := taskPlace{"acme", "t"}
	seed := pushConfig{&a2apb.TaskPushNotificationConfig{Id: "c", TaskId: "t", Url: "https://example.com", Token: "s"}, "0.3"}
	value, err := seed.seal(unsealed{}, place)
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(pushConfigKey("t", "c")), value)
	f.Add([]byte("push-config"), []byte{0x0a, 0x01, 0xff})
	f.Fuzz(func(t *testing.T, key, value []byte) {
		c, err := openPushItem(storage.Item{Key: key, Value: value}, unsealed{}, place)
		if err != nil {
			return
		}
		sealed, err := c.seal(unsealed{}, place)
		if err != nil {
			t.Fatal(err)
		}
		again, err := openPushConfig(sealed, unsealed{}, place, c.config.Id)
		if err != nil || again.version != c.version || !proto.Equal(again.config, c.config) {
			t.Errorf("%v is %v when it is read again, %v", c, again, err)
		}
	})
}

// FuzzPushCursor: how far a webhook has come.
func FuzzPushCursor(f *testing.F) {
	f.Add((&pushCursor{
		seq: 3, due: someTime(), fence: 2, owner: "o", attempts: 1, failing: someTime(), dead: true, fault: "f",
		failed: someTime(), succeeded: someTime(), delivered: 9,
	}).encode())
	f.Add([]byte{0x08, 0x80})
	f.Fuzz(func(t *testing.T, data []byte) {
		if c, err := decodePushCursor(data); err == nil {
			checkStable(t, c, decodePushCursor)
		}
	})
}

// FuzzPushToken: the page token of a list of webhooks names a config of the task
// that was asked for, whatever it is.
func FuzzPushToken(f *testing.F) {
	f.Add("t", pushToken("c"))
	f.Add("t", pushToken("c\x00\xff"))
	f.Add("", "=")
	f.Fuzz(func(t *testing.T, task, token string) {
		after, err := readPushToken(task, token)
		switch {
		case err != nil:
			if !errors.Is(err, ErrInvalidParams) {
				t.Errorf("got %v", err)
			}
		case token != "":
			id, err := lastElement(after)
			if err != nil || len(id) > MaxID || !bytes.Equal(after, pushConfigKey(task, id)) {
				t.Errorf("%q is the config %q at %q, %v", token, id, after, err)
			}
		}
	})
}

// FuzzPageToken: a token is refused, or it is the one spelling of a position that
// this query was answered with.
func FuzzPageToken(f *testing.F) {
	q, err := newQuery(Ref{"acme", "bot"}, &a2apb.ListTasksRequest{})
	if err != nil {
		f.Fatal(err)
	}
	q.caller, q.key = "ann", make([]byte, 32)
	token, err := q.token(position{rank: 7, id: newID()})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(token)
	f.Add(token[:len(token)-1] + "_")
	f.Add("")
	f.Fuzz(func(t *testing.T, token string) {
		at, err := q.readToken(token)
		switch {
		case err != nil:
			if !errors.Is(err, ErrInvalidParams) {
				t.Errorf("got %v", err)
			}
		case token == "":
			if at != nil {
				t.Errorf("got %v", at)
			}
		default:
			if again, err := q.token(*at); err != nil || again != token {
				t.Errorf("%q is %+v, whose token is %q, %v", token, at, again, err)
			}
		}
	})
}
