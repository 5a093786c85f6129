package carrel_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/carrelhq/carrel"
	"github.com/carrelhq/carrel/abi"
	"github.com/carrelhq/carrel/broker"
	"github.com/carrelhq/carrel/storage"
	"github.com/carrelhq/carrel/storage/storagetest"
	"github.com/carrelhq/carrel/task"
)

// embedded are the options of a server with a worker of its own, on a free port.
func embedded(dir string) carrel.Options {
	return carrel.Options{
		DataDir: dir,
		Addr:    "127.0.0.1:0",
		Dev:     true,
		Worker:  shout{},
		Agents:  []carrel.AgentSpec{{Name: "shout", Description: abi.Description{Description: "Answers in capitals."}}},
	}
}

// running is a server that runs until stop.
type running struct {
	*carrel.Server
	stop func() error
}

func start(t *testing.T, opts carrel.Options) running {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	server, err := carrel.New(ctx, opts)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Run(ctx) }()
	stopped := false
	stop := func() error {
		if stopped {
			return nil
		}
		stopped = true
		cancel()
		return <-ended
	}
	t.Cleanup(func() { stop() })
	return running{server, stop}
}

func TestATaskIsDoneByTheEmbeddersWorkerAndSurvivesARestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for range 2 {
		s := start(t, embedded(dir))
		if got := send(s.URL()+"/agents/default/shout", "hello").Text; got != "HELLO" {
			t.Errorf("got %q", got)
		}
		if err := s.stop(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestRunClosesWhatNewOpenedAndNothingElse(t *testing.T) {
	t.Parallel()
	db, queue := storagetest.Memory(), broker.New()
	opts := embedded("")
	opts.DB, opts.Broker = db, queue
	s := start(t, opts)
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	if err := db.View(t.Context(), func(storage.Tx) error { return nil }); err != nil {
		t.Errorf("the embedder's store: %v", err)
	}
	if err := queue.Enqueue(t.Context(), broker.Job{Tenant: "default", TaskID: "x"}); err != nil {
		t.Errorf("the embedder's broker: %v", err)
	}
	if _, err := net.Dial("tcp", s.Addr().String()); err == nil {
		t.Error("the listener is still open")
	}
	if err := s.Close(); err != nil {
		t.Errorf("a second Close: %v", err)
	}
}

func TestAServerThatIsStoppedBeforeItServesEnds(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	s, err := carrel.New(ctx, embedded(t.TempDir()))
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := s.Run(ctx); err != nil {
		t.Error(err)
	}
}

// patient is a worker whose first run takes as long as the server lets it.
type patient struct {
	began chan struct{}
	first atomic.Bool
}

func (p *patient) Work(ctx context.Context, run *task.Run) (task.Result, error) {
	if !p.first.CompareAndSwap(false, true) {
		return shout{}.Work(ctx, run)
	}
	close(p.began)
	<-ctx.Done()
	return task.Result{}, context.Cause(ctx)
}

func TestAStopAnswersWhoWaitsAndTheNextStartDoesTheTask(t *testing.T) {
	t.Parallel()
	worker := &patient{began: make(chan struct{})}
	opts := embedded(t.TempDir())
	opts.Worker, opts.SoftStop = worker, time.Millisecond
	s := start(t, opts)
	answered := make(chan message, 1)
	go func() { answered <- send(s.URL()+"/agents/default/shout", "hello") }()
	<-worker.began
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	waiting := <-answered
	if waiting.State != "TASK_STATE_WORKING" && waiting.State != "TASK_STATE_SUBMITTED" {
		t.Fatalf("who waited was answered with %+v, want a task that is not finished", waiting)
	}
	s = start(t, opts)
	if got := follow(t, s.URL()+"/agents/default/shout", waiting.ID); !strings.Contains(got, "HELLO") {
		t.Errorf("after the restart the task's events are %s", got)
	}
}

// follow returns the events of a task from its first to its last, as they are on the wire.
func follow(t *testing.T, agent, id string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, agent, strings.NewReader(
		fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":"SubscribeToTask","params":{"id":%q}}`, id)))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Last-Event-ID", "0")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	events, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Error(err)
	}
	return string(events)
}

func TestANewThatFailsLeavesNothingOpen(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	opts := embedded(dir)
	opts.Listener, opts.DefaultAgent = l, "nonsense"
	if _, err := carrel.New(t.Context(), opts); err == nil {
		t.Fatal("a default agent without a tenant was taken")
	}
	if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("the listener is still open: %v", err)
	}
	s, err := carrel.New(t.Context(), embedded(dir))
	if err != nil {
		t.Fatalf("the store is still open: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestADataFolderServesOneServer(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := start(t, embedded(dir))
	if _, err := carrel.New(t.Context(), embedded(dir)); !errors.Is(err, carrel.ErrDataInUse) {
		t.Errorf("got %v, want ErrDataInUse", err)
	}
	if err := s.stop(); err != nil {
		t.Error(err)
	}
}

func TestTheOperatorsTokenIsHandedOverOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	opts := embedded(dir)
	var tokens []string
	opts.OnOperatorToken = func(token string) { tokens = append(tokens, token) }
	for range 2 {
		s, err := carrel.New(t.Context(), opts)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	kept, err := carrel.OperatorToken(dir)
	if err != nil || len(tokens) != 1 || tokens[0] != kept {
		t.Errorf("handed over %d times, kept the same: %v, %v", len(tokens), len(tokens) > 0 && tokens[0] == kept, err)
	}
	info, err := os.Stat(filepath.Join(dir, carrel.OperatorKeyFile))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the key's file has mode %v, %v, want 0600", info.Mode(), err)
	}
}

func TestWithAWorkerOfItsOwnAServerTakesNoModules(t *testing.T) {
	t.Parallel()
	s := start(t, embedded(t.TempDir()))
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, s.URL()+"/api/v1/tenants/default/agents/a", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/wasm")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode < 400 || resp.StatusCode >= 500 {
		t.Errorf("got status %d, want a refusal", resp.StatusCode)
	}
}

func TestHealthReadinessAndMetrics(t *testing.T) {
	t.Parallel()
	s := start(t, embedded(t.TempDir()))
	untilReady(t, s.URL())
	for _, path := range []string{"/healthz", "/readyz", "/metrics", "/api/openapi.json"} {
		resp, err := http.Get(s.URL() + path)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			t.Errorf("%s: got status %d", path, resp.StatusCode)
		}
	}
}

// untilReady asks a server until it says that it is ready.
func untilReady(t *testing.T, url string) {
	t.Helper()
	for t.Context().Err() == nil {
		resp, err := http.Get(url + "/readyz")
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode == http.StatusOK {
			return
		}
	}
}

func TestTLSIsServedWithTheCertificateGiven(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	opts := embedded(filepath.Join(dir, "data"))
	cert := httptest.NewUnstartedServer(nil)
	cert.StartTLS()
	cert.Close()
	opts.TLSCert, opts.TLSKey = writePair(t, dir, cert.TLS.Certificates[0])
	s := start(t, opts)
	client := cert.Client()
	resp, err := client.Get(s.URL() + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if !strings.HasPrefix(s.URL(), "https://") || resp.StatusCode != http.StatusOK {
		t.Errorf("%s: got status %d", s.URL(), resp.StatusCode)
	}
}

func writePair(t *testing.T, dir string, pair tls.Certificate) (certFile, keyFile string) {
	t.Helper()
	key, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	write := func(name, kind string, der []byte) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	return write("cert.pem", "CERTIFICATE", pair.Certificate[0]), write("key.pem", "PRIVATE KEY", key)
}
