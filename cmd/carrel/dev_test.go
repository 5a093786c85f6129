package main

import (
	"context"
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTheToolchainIsFoundByWhatIsInTheFolder(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, file, want string }{
		{"a Go agent", "main.go", ""},
		{"a Rust agent", "Cargo.toml", "Rust project"},
		{"a JavaScript agent", "package.json", "JavaScript project"},
		{"a TypeScript file", "agent.ts", "JavaScript project"},
		{"nothing that is known", "notes.txt", "holds no agent"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			file := writeFile(t, test.file, "")
			tools, err := findToolchain(filepath.Dir(file))
			switch {
			case test.want == "" && (err != nil || tools.name != "go"):
				t.Errorf("got %q, %v, want go", tools.name, err)
			case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

func TestAChangeOfASourceIsSeenOncePerBurst(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w, err := watch(dir, []string{".go"})
	if err != nil {
		t.Fatal(err)
	}
	defer w.close()
	ctx, cancel := context.WithCancel(t.Context())
	changes, ended := make(chan struct{}), make(chan error)
	go func() {
		ended <- w.run(ctx, func() {
			select {
			case changes <- struct{}{}:
			case <-ctx.Done():
			}
		})
	}()

	write := func(name string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("notes.txt")
	write("a.go")
	write("b.go")
	<-changes
	if err := os.Mkdir(filepath.Join(dir, "sub"), 0o700); err != nil {
		t.Fatal(err)
	}
	<-changes // a new folder may hold sources already
	write("sub/c.go")
	<-changes
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestFoldersOfOtherToolsAreNotWatched(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, sub := range []string{".git/objects", "node_modules/x", "target", "pkg"} {
		if err := os.MkdirAll(filepath.Join(dir, filepath.FromSlash(sub)), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	w, err := watch(dir, []string{".go"})
	if err != nil {
		t.Fatal(err)
	}
	defer w.close()
	if got := w.fs.WatchList(); len(got) != 2 {
		t.Errorf("watched are %q, want the folder and pkg", got)
	}
}

func TestAServerInUseIsSaidWithWhatToDo(t *testing.T) {
	t.Parallel()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	got := invoke(t, nil, "serve", "--addr", l.Addr().String(), "--grpc-addr", "127.0.0.1:0", "--data", t.TempDir())
	if got.code != exitFailed || !strings.Contains(got.stderr, "is in use by another program") {
		t.Errorf("exit code %d, %q", got.code, got.stderr)
	}
}

func TestAGRPCAddressInUseIsSaidWithWhatToDo(t *testing.T) {
	t.Parallel()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	got := invoke(t, nil, "serve", "--addr", "127.0.0.1:0", "--grpc-addr", l.Addr().String(), "--data", t.TempDir())
	if got.code != exitFailed || !strings.Contains(got.stderr, "--grpc-addr") {
		t.Errorf("exit code %d, %q", got.code, got.stderr)
	}
}

func TestADevelopmentServerIsRefusedOnAnAddressOfTheNetwork(t *testing.T) {
	t.Parallel()
	for _, addrs := range [][]string{{"0.0.0.0:0", "127.0.0.1:0"}, {"127.0.0.1:0", "0.0.0.0:0"}} {
		got := invoke(t, nil, "serve", "--dev", "--addr", addrs[0], "--grpc-addr", addrs[1], "--data", t.TempDir())
		if got.code != exitFailed || !strings.Contains(got.stderr, "loopback") || got.stdout != "" {
			t.Errorf("%v: exit code %d, %q, %q", addrs, got.code, got.stdout, got.stderr)
		}
	}
}

// agentSource is an agent without an SDK: it asks back when it is told to, and
// else answers with its version.
const agentSource = `package main

import (
	"strings"
	"unsafe"
)

const version = "one"

var kept = map[uint32][]byte{}

func give(b []byte) uint32 {
	p := uint32(uintptr(unsafe.Pointer(unsafe.SliceData(b))))
	kept[p] = b
	return p
}

//go:wasmexport carrel_alloc
func alloc(n uint32) uint32 { return give(make([]byte, n+1)) }

//go:wasmexport carrel_run
func run(p, n uint32) uint64 {
	println("version", version, "runs")
	reply := []byte(` + "`" + `{"artifacts":[{"parts":[{"text":"version ` + "` + version + `" + `"}]}]}` + "`" + `)
	if strings.Contains(string(kept[p][:n]), "ask me") {
		reply = []byte(` + "`" + `{"state":"input_required","message":{"parts":[{"text":"what?"}]}}` + "`" + `)
	}
	return uint64(give(reply))<<32 | uint64(len(reply))
}

func main() {}
`

func TestDevSwapsTheAgentAndATaskKeepsItsVersion(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "My Agent")
	write := func(source string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, "main.go"), []byte(source), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module agent\n\ngo 1.24\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	write(agentSource)
	s := background(t, t.TempDir(), "dev", dir)
	s.output.waitFor(t, "my-agent is ready", s.ended)
	s.output.waitFor(t, curlLine("http://"+s.addr+"/agents/default/my-agent"), s.ended)
	if got := s.ok("send", "my-agent", "hello"); got != "version one\n" {
		t.Errorf("the first version answered %q", got)
	}
	s.output.waitFor(t, "version one runs", s.ended)

	asked := s.carrel("send", "my-agent", "ask me", "--json")
	var task printedTask
	if err := json.Unmarshal([]byte(asked.stdout), &task); err != nil || task.Status.State != "TASK_STATE_INPUT_REQUIRED" {
		t.Fatalf("a task that asks: %v, %s", err, asked.stdout)
	}
	write(strings.Replace(agentSource, `"one"`, `"two"`, 1))
	s.output.waitFor(t, "my-agent is now version 2", s.ended)
	if got := s.ok("send", "my-agent", "hello"); got != "version two\n" {
		t.Errorf("after the change the agent answered %q", got)
	}
	write("package main\n\nfunc main() { what }\n")
	s.output.waitFor(t, "main.go:3:15: undefined: what", s.ended)
	s.output.waitFor(t, "the version before is still served", s.ended)
	if got := s.ok("send", "my-agent", "hello"); got != "version two\n" {
		t.Errorf("while the build fails the agent answered %q", got)
	}
	if got := s.ok("send", "my-agent", "go on", "--task", task.ID); got != "version one\n" {
		t.Errorf("the task that began with version one went on with %q", got)
	}
	if code := s.stop(); code != exitOK {
		t.Errorf("dev ended with %d", code)
	}
}
