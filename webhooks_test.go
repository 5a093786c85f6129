package carrel_test

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"

	"github.com/carrelhq/carrel"
	"github.com/carrelhq/carrel/storage/storagetest"
	"github.com/carrelhq/carrel/task"
)

// rpc posts a JSON-RPC request to the agent shout and returns the reply.
func rpc(t *testing.T, s running, method, params string) string {
	t.Helper()
	body := `{"jsonrpc":"2.0","id":1,"method":"` + method + `","params":` + params + `}`
	resp, err := http.Post(s.URL()+"/agents/default/shout", "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	reply, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(reply)
}

func withWebhook(url string) string {
	return `{"message":{"messageId":"m","role":"ROLE_USER","parts":[{"text":"hello"}]},
		"configuration":{"taskPushNotificationConfig":{"url":"` + url + `","token":"t0p-s3cret"}}}`
}

// telling is a webhook that tells what it gets: the header fields of those names, and
// the body, with spaces between them.
func telling(t *testing.T, fields ...string) (url string, told chan string) {
	t.Helper()
	told = make(chan string, 100)
	hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var said strings.Builder
		for _, name := range fields {
			said.WriteString(r.Header.Get(name) + " ")
		}
		body, _ := io.ReadAll(r.Body)
		told <- said.String() + string(body)
	}))
	t.Cleanup(hook.Close)
	return hook.URL, told
}

func TestAWebhookOnAnOpenedNetworkIsTold(t *testing.T) {
	t.Parallel()
	hook, told := telling(t, "X-A2A-Notification-Token")
	dir := t.TempDir()
	opts := embedded(dir)
	opts.AllowEgress = []string{"127.0.0.0/8"}
	s := start(t, opts)
	if reply := rpc(t, s, "SendMessage", withWebhook(hook)); !strings.Contains(reply, "HELLO") {
		t.Fatal(reply)
	}
	for _, want := range []string{`{"task":`, "TASK_STATE_WORKING", "HELLO", "TASK_STATE_COMPLETED"} {
		if got := <-told; !strings.HasPrefix(got, "t0p-s3cret {") || !strings.Contains(got, want) {
			t.Errorf("told %s, want %s", got, want)
		}
	}
	if err := s.stop(); err != nil {
		t.Error(err)
	}
	wantNoSecret(t, dir, "t0p-s3cret")
	info, err := os.Stat(filepath.Join(dir, carrel.SecretKeyFile))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("key file: %v, %v", info, err)
	}
}

// A webhook that a client of 0.3 registered is sent the task for each change of its
// status: here it is submitted, worked on and completed.
func TestAWebhookOf03IsSentTheTask(t *testing.T) {
	t.Parallel()
	hook, told := telling(t, "X-A2A-Notification-Token", "Content-Type")
	opts := embedded(t.TempDir())
	opts.AllowEgress = []string{"127.0.0.0/8"}
	s := start(t, opts)
	reply := rpc(t, s, "message/send", `{"message":{"kind":"message","messageId":"m","role":"user","parts":[{"kind":"text","text":"hello"}]},
		"configuration":{"pushNotificationConfig":{"url":"`+hook+`","token":"t0p-s3cret"}}}`)
	if !strings.Contains(reply, `"result":{"kind":"task"`) || !strings.Contains(reply, "HELLO") {
		t.Fatal(reply)
	}
	last := ""
	for range 3 {
		last = <-told
		if want := `t0p-s3cret application/json {"kind":"task","id":"`; !strings.HasPrefix(last, want) {
			t.Errorf("told %s, want %s…", last, want)
		}
	}
	if !strings.Contains(last, `"state":"completed"`) || !strings.Contains(last, "HELLO") {
		t.Errorf("the last that was told is %s", last)
	}
	if err := s.stop(); err != nil {
		t.Error(err)
	}
	if more := len(told); more > 0 {
		t.Errorf("told %s, too", <-told)
	}
}

// lavish writes 2 MiB.
type lavish struct{}

func (lavish) Work(ctx context.Context, run *task.Run) (task.Result, error) {
	for i := range 8 {
		part := &a2apb.Part{Content: &a2apb.Part_Text{Text: strings.Repeat("LAVISH", 256<<10/6)}}
		chunk := &a2apb.TaskArtifactUpdateEvent{Artifact: &a2apb.Artifact{ArtifactId: "a", Parts: []*a2apb.Part{part}}, Append: i > 0}
		if err := run.Artifact(ctx, chunk); err != nil {
			return task.Result{}, err
		}
	}
	return task.Result{}, nil
}

func TestAWebhookOf03IsSentNoMoreThanAMegabyte(t *testing.T) {
	t.Parallel()
	hook, told := telling(t)
	opts := embedded(t.TempDir())
	opts.AllowEgress, opts.Worker = []string{"127.0.0.0/8"}, lavish{}
	s := start(t, opts)
	rpc(t, s, "message/send", `{"message":{"kind":"message","messageId":"m","role":"user","parts":[{"kind":"text","text":"hello"}]},
		"configuration":{"pushNotificationConfig":{"url":"`+hook+`"}}}`)
	last := ""
	for !strings.Contains(last, `"state":"completed"`) {
		if last = <-told; !strings.HasPrefix(last, `{"kind":"task","id":"`) || len(last) > 2<<20 {
			t.Errorf("told %d bytes: %.300s", len(last), last)
		}
	}
	if strings.Contains(last, "LAVISH") || len(last) > 1000 {
		t.Errorf("the last that was told has %d bytes: %.300s", len(last), last)
	}
	if err := s.stop(); err != nil {
		t.Error(err)
	}
}

// wantNoSecret searches a folder.
func wantNoSecret(t *testing.T, dir, secret string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if strings.Contains(string(data), secret) {
			t.Errorf("%s holds the secret", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// Also a development server reaches no private address that it was not told to.
func TestAWebhookOnAPrivateAddressIsNotReached(t *testing.T) {
	t.Parallel()
	hook := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the webhook was reached") }))
	defer hook.Close()
	s := start(t, embedded(t.TempDir()))
	reply := rpc(t, s, "SendMessage", withWebhook(hook.URL))
	_, rest, _ := strings.Cut(reply, `"id":"`)
	id, _, _ := strings.Cut(rest, `"`)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for health := ""; !strings.Contains(health, `"last_error":"the target cannot be reached"`); {
		if ctx.Err() != nil {
			t.Fatalf("the attempt was not noted: %s", health)
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL()+"/api/v1/tenants/default/agents/shout/tasks/"+id+"/webhooks", nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		health = string(data)
	}
}

func TestWithoutAFileForTheKeyThereAreNoWebhooks(t *testing.T) {
	t.Parallel()
	opts := embedded("")
	opts.DB = storagetest.Memory()
	s := start(t, opts)
	if reply := rpc(t, s, "SendMessage", withWebhook("https://example.com")); !strings.Contains(reply, "-32003") {
		t.Error(reply)
	}
}

func TestAWrongKeyFileIsRefused(t *testing.T) {
	t.Parallel()
	opts := embedded(t.TempDir())
	opts.KeyFile = filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(opts.KeyFile, []byte("short"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := carrel.New(t.Context(), opts)
	opts.KeyFile, opts.AllowEgress = "", []string{"everything"}
	_, alsoWrong := carrel.New(t.Context(), opts)
	if err = errors.Join(err, alsoWrong); err == nil || !strings.Contains(err.Error(), "64 hexadecimal digits") || !strings.Contains(err.Error(), "AllowEgress") {
		t.Errorf("got %v", err)
	}
}
