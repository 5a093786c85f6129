package clients

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// server is carrel as it ships, in a process of its own, with the agent of the
// folder agent. All tests share one.
type server struct {
	base string // the agent's
	key  string // of its tenant

	process *exec.Cmd
	output  bytes.Buffer // after what the server says when it starts
	drained chan struct{}
}

// started is the server, and the folder of its files; it starts when it is first asked for.
var (
	started = sync.OnceValues(func() (*server, error) {
		var err error
		if folder, err = os.MkdirTemp("", "carrel-clients-"); err != nil {
			return nil, err
		}
		return startServer(folder)
	})
	folder string
)

func TestMain(m *testing.M) {
	code := m.Run()
	if folder != "" {
		if s, _ := started(); s != nil {
			s.stop()
			if code != 0 {
				fmt.Fprintf(os.Stderr, "the server said:\n%s", &s.output)
			}
		}
		_ = os.RemoveAll(folder)
	}
	os.Exit(code)
}

func theServer(t *testing.T) *server {
	t.Helper()
	s, err := started()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// startServer builds carrel and the agent into dir, and starts the server there.
func startServer(dir string) (*server, error) {
	carrel, module, data := filepath.Join(dir, "carrel"), filepath.Join(dir, "agent.wasm"), filepath.Join(dir, "data")
	agent := exec.Command("go", "build", "-buildmode=c-shared", "-ldflags", "-s -w", "-o", module, ".")
	agent.Dir = "agent"
	agent.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm")
	for _, cmd := range []*exec.Cmd{exec.Command("go", "build", "-o", carrel, "../../cmd/carrel"), agent} {
		if _, err := outputOf(cmd); err != nil {
			return nil, err
		}
	}
	s, url, err := serve(carrel, data)
	if err != nil {
		return nil, err
	}
	s.base = url + "/agents/default/clients"
	if _, err = outputOf(exec.Command(carrel, "push", module, "--agent", "clients", "--server", url, "--data", data)); err == nil {
		s.key, err = outputOf(exec.Command(carrel, "keys", "create", "--name", "clients", "--server", url, "--data", data))
	}
	if err != nil {
		s.stop()
		return nil, err
	}
	return s, nil
}

// serve starts the server at free ports, and returns its address once it has said that.
func serve(carrel, data string) (*server, string, error) {
	s := &server{drained: make(chan struct{})}
	s.process = exec.Command(carrel, "serve", "--addr", "127.0.0.1:0", "--grpc-addr", "127.0.0.1:0", "--data", data,
		"--allow-egress", "127.0.0.1", "--compile-timeout", "10m", "--soft-stop", "1s", "--log-level", "warn")
	pipe, err := s.process.StdoutPipe()
	if err != nil {
		return nil, "", err
	}
	s.process.Stderr = s.process.Stdout
	if err := s.process.Start(); err != nil {
		return nil, "", err
	}
	output := bufio.NewReader(pipe)
	var said strings.Builder
	for {
		line, err := output.ReadString('\n')
		if err != nil {
			return nil, "", fmt.Errorf("the server did not start: %w\n%s", s.process.Wait(), &said)
		}
		said.WriteString(line)
		if fields := strings.Fields(line); len(fields) == 2 && fields[0] == "listening" {
			go func() {
				defer close(s.drained)
				_, _ = output.WriteTo(&s.output)
			}()
			return s, fields[1], nil
		}
	}
}

// stop ends the server and waits until all that it said is in its output.
func (s *server) stop() {
	_ = s.process.Process.Signal(os.Interrupt)
	<-s.drained
	_ = s.process.Wait()
}

// outputOf runs a command and returns what it prints, without the last line's end.
func outputOf(cmd *exec.Cmd) (string, error) {
	out, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		err = fmt.Errorf("%s: %w\n%s", cmd, err, exit.Stderr)
	}
	return strings.TrimSpace(string(out)), err
}
