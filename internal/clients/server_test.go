package clients

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// server is carrel as it ships, with the conformance agent.
type server struct {
	base string // the agent's
	key  string // of its tenant
}

// built is the folder with the program and the agent, made when it is first asked for.
var built = sync.OnceValues(func() (dir string, err error) {
	if dir, err = os.MkdirTemp("", "carrel-clients-"); err != nil {
		return "", err
	}
	program := exec.Command("go", "build", "-o", filepath.Join(dir, "carrel"), "../../cmd/carrel")
	agent := exec.Command("go", "build", "-buildmode=c-shared", "-ldflags", "-s -w", "-o", filepath.Join(dir, "conformance.wasm"), ".")
	agent.Dir = filepath.Join("..", "..", "guests", "go", "conformance")
	agent.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm")
	for _, cmd := range []*exec.Cmd{program, agent} {
		if out, err := cmd.CombinedOutput(); err != nil {
			return dir, fmt.Errorf("%s: %w: %s", cmd, err, out)
		}
	}
	return dir, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if dir, _ := built(); dir != "" {
		_ = os.RemoveAll(dir)
	}
	os.Exit(code)
}

// startServer starts the program in a process of its own.
func startServer(t *testing.T) server {
	t.Helper()
	dir, err := built()
	if err != nil {
		t.Fatal(err)
	}
	binary, module := filepath.Join(dir, "carrel"), filepath.Join(dir, "conformance.wasm")
	addr, data := freeAddr(t), filepath.Join(t.TempDir(), "data")
	serve := exec.Command(binary, "serve", "--addr", addr, "--grpc-addr", freeAddr(t), "--data", data, "--allow-egress", "127.0.0.1")
	output, err := serve.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	serve.Stderr = serve.Stdout
	if err := serve.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = serve.Process.Signal(os.Interrupt)
		_ = serve.Wait()
	})
	lines := bufio.NewScanner(output)
	for lines.Scan() && !strings.Contains(lines.Text(), "http://"+addr) {
	}
	go func() { // it must not block on a full pipe
		for lines.Scan() {
		}
	}()
	carrel := func(args ...string) string {
		cmd := exec.Command(binary, args...)
		cmd.Env = append(os.Environ(), "CARREL_SERVER=http://"+addr, "CARREL_DATA="+data)
		return run(t, cmd)
	}
	carrel("push", module, "--agent", "conformance")
	var key struct{ Token string }
	if err := json.Unmarshal([]byte(carrel("keys", "create", "--tenant", "default", "--name", "clients", "--json")), &key); err != nil {
		t.Fatal(err)
	}
	return server{"http://" + addr + "/agents/default/conformance", key.Token}
}

func run(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", cmd, err, out)
	}
	return string(out)
}

func freeAddr(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
