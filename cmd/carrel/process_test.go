package main

import (
	"bytes"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// serverProcess is the program serving in a process of
// its own, so that it can be killed.
type serverProcess struct {
	cmd    *exec.Cmd
	exited chan struct{}
}

// startServer starts the program with the arguments and waits until it has named addr.
func startServer(t *testing.T, binary, addr string, args ...string) *serverProcess {
	t.Helper()
	p := &serverProcess{cmd: exec.Command(binary, append([]string{"serve", "--addr", addr, "--grpc-addr", ""}, args...)...), exited: make(chan struct{})}
	output := &readyWriter{ready: make(chan struct{}), want: addr}
	p.cmd.Stdout, p.cmd.Stderr = output, output
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { p.cmd.Wait(); close(p.exited) }()
	t.Cleanup(p.kill)
	select {
	case <-output.ready:
	case <-p.exited:
		t.Fatalf("the server did not start:\n%s", output)
	}
	return p
}

// kill ends the process as a power cut would, and waits until it is gone.
func (p *serverProcess) kill() {
	p.cmd.Process.Signal(syscall.SIGKILL)
	<-p.exited
}

// readyWriter keeps a server's output and tells when it has named its address.
type readyWriter struct {
	mu    sync.Mutex
	buf   bytes.Buffer
	once  sync.Once
	ready chan struct{}
	want  string
}

func (w *readyWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.buf.Write(p)
	if strings.Contains(w.buf.String(), w.want) {
		w.once.Do(func() { close(w.ready) })
	}
	return len(p), nil
}

func (w *readyWriter) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.buf.String()
}

// buildBinary builds the program, without the race detector: that makes the
// engine's compiler forty times slower, and what runs in the process is raced by
// the tests of its packages.
func buildBinary(t *testing.T, dir string) string {
	t.Helper()
	out := filepath.Join(dir, "carrel")
	mustRun(t, exec.Command("go", "build", "-o", out, "."))
	return out
}

// buildAgent builds the Go agent in the folder, given from the repository's root.
func buildAgent(t *testing.T, dir, folder string) string {
	out := filepath.Join(dir, filepath.Base(folder)+".wasm")
	cmd := exec.Command("go", "build", "-buildmode=c-shared", "-ldflags", "-s -w", "-o", out, ".")
	cmd.Dir = filepath.Join("..", "..", filepath.FromSlash(folder))
	cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm")
	mustRun(t, cmd)
	return out
}

func mustRun(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", cmd, err, out)
	}
}

func freeAddr(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
