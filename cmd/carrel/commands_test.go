package main

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/carrelhq/carrel"
)

// transcript keeps what a program prints and lets others wait for it.
type transcript struct {
	mu    sync.Mutex
	text  strings.Builder
	moved chan struct{} // closed with the next write
}

func newTranscript() *transcript { return &transcript{moved: make(chan struct{})} }

func (o *transcript) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	close(o.moved)
	o.moved = make(chan struct{})
	return o.text.Write(p)
}

func (o *transcript) String() string {
	text, _ := o.look()
	return text
}

func (o *transcript) look() (string, <-chan struct{}) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String(), o.moved
}

// waitFor waits until the program has printed want, or has ended.
func (o *transcript) waitFor(t *testing.T, want string, ended <-chan struct{}) {
	t.Helper()
	for {
		text, moved := o.look()
		if strings.Contains(text, want) {
			return
		}
		select {
		case <-moved:
		case <-ended:
			t.Fatalf("the program ended before it printed %q:\n%s", want, o)
		}
	}
}

// served is a server run in this process by the program itself.
type served struct {
	t          *testing.T
	addr, data string
	output     *transcript
	ended      chan struct{}
	stop       func() int
}

// serve runs `carrel serve` until the test ends or stop is called.
func serve(t *testing.T, data string, args ...string) *served {
	t.Helper()
	s := background(t, data, append([]string{"serve"}, args...)...)
	s.output.waitFor(t, "listening   http://"+s.addr, s.ended)
	return s
}

// background runs a command that serves until the test ends or stop is called.
func background(t *testing.T, data string, args ...string) *served {
	t.Helper()
	s := &served{t: t, addr: freeAddr(t), data: data, output: newTranscript(), ended: make(chan struct{})}
	shareCompiled(t, data)
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	code := 0
	go func() {
		defer close(s.ended)
		code = run(ctx, program{
			args:   append(args, "--addr", s.addr, "--grpc-addr", "127.0.0.1:0", "--data", data),
			env:    os.Environ(),
			stdin:  strings.NewReader(""),
			stdout: s.output,
			stderr: s.output,
		})
	}()
	s.stop = func() int {
		cancel()
		<-s.ended
		return code
	}
	t.Cleanup(func() { s.stop() })
	return s
}

// shareCompiled gives a data folder the compiled code of all others, so that a
// module is compiled once in a run of the tests.
func shareCompiled(t *testing.T, data string) {
	t.Helper()
	if err := os.MkdirAll(data, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(compiled, filepath.Join(data, "cache")); err != nil && !errors.Is(err, fs.ErrExist) {
		t.Fatal(err)
	}
}

// carrel runs a command against the server, with the operator's key.
func (s *served) carrel(args ...string) invoked {
	s.t.Helper()
	return invoke(s.t, []string{"CARREL_SERVER=http://" + s.addr, "CARREL_DATA=" + s.data}, args...)
}

// ok runs a command that must succeed and returns its standard output.
func (s *served) ok(args ...string) string {
	s.t.Helper()
	got := s.carrel(args...)
	if got.code != exitOK {
		s.t.Fatalf("carrel %s: exit code %d: %s", strings.Join(args, " "), got.code, got.stderr)
	}
	return got.stdout
}

// in is s for a subtest.
func (s *served) in(t *testing.T) *served {
	sub := *s
	sub.t = t
	return &sub
}

// decode runs a command with --json and decodes what it prints.
func (s *served) decode(into any, args ...string) {
	s.t.Helper()
	out := s.ok(append(args, "--json")...)
	if err := json.Unmarshal([]byte(out), into); err != nil {
		s.t.Fatalf("carrel %s: %v in %s", strings.Join(args, " "), err, out)
	}
}

type printedTask struct {
	ID        string
	ContextID string
	Status    struct{ State string }
}

func TestAnAgentIsPushedTalkedToAndManaged(t *testing.T) {
	t.Parallel()
	s := serve(t, t.TempDir())
	wasm := buildAgent(t, t.TempDir(), "examples/counter")

	if out := s.ok("push", wasm, "--agent", "counter"); !strings.Contains(out, "http://"+s.addr+"/agents/default/counter/.well-known/agent-card.json") {
		t.Errorf("push printed no card URL:\n%s", out)
	}
	var first, second printedTask
	s.decode(&first, "send", "counter", "hello")
	if out := s.ok("send", "counter", "again", "--context", first.ContextID); out != "Your context is 4 messages long.\n" {
		t.Errorf("the second message was answered with %q", out)
	}
	if out := s.ok("send", "http://"+s.addr+"/agents/default/counter", "once more", "--context", first.ContextID, "--stream", "--token", s.operator()); out != "Your context is 6 messages long.\n" {
		t.Errorf("a message to the card's URL was answered with %q", out)
	}
	var tasks []printedTask
	s.decode(&tasks, "tasks", "list", "counter", "--context", first.ContextID)
	if len(tasks) != 3 {
		t.Errorf("tasks list: got %d tasks, want 3", len(tasks))
	}
	s.decode(&second, "tasks", "show", "counter", first.ID)
	if second.Status.State != "TASK_STATE_COMPLETED" {
		t.Errorf("tasks show: got state %s", second.Status.State)
	}
	s.ok("logs", first.ID)
	for want, args := range map[string][]string{
		"finished; read it": {"subscribe", "counter", first.ID},
		"not found":         {"subscribe", "counter", "nothere"},
		"finished; send a":  {"send", "counter", "more", "--task", first.ID, "--stream"},
	} {
		if got := s.carrel(args...); got.code != exitFailed || !strings.Contains(got.stderr, want) {
			t.Errorf("%v: %+v, want %q", args, got, want)
		}
	}
	if got := s.carrel("cancel", "counter", first.ID); got.code != exitFailed {
		t.Errorf("a finished task was canceled: %s", got.stdout)
	}
	s.ok("tasks", "delete", "counter", first.ID)
	if got := s.carrel("tasks", "show", "counter", first.ID); got.code != exitFailed || got.stderr == "" {
		t.Errorf("a deleted task was shown: %s", got.stdout)
	}
	if got := s.carrel("logs", first.ID); got.code != exitFailed || !strings.Contains(got.stderr, "has a task") {
		t.Errorf("logs of a deleted task: exit code %d, %q", got.code, got.stderr)
	}
}

// operator returns the operator's key that the server left in its data folder.
func (s *served) operator() string {
	s.t.Helper()
	token, err := carrel.OperatorToken(s.data)
	if err != nil {
		s.t.Fatal(err)
	}
	return token
}

func TestVersionsAreShownRolledBackAndDeleted(t *testing.T) {
	t.Parallel()
	s := serve(t, t.TempDir())
	dir := t.TempDir()
	counter, conformance := buildAgent(t, dir, "examples/counter"), buildAgent(t, dir, "guests/go/conformance")
	var first, second, back struct {
		Visibility string
		Current    struct {
			Digest string
			Number int
		}
		Versions []struct{ Digest string }
	}
	s.decode(&first, "push", counter, "--agent", "a")
	s.decode(&second, "push", conformance, "--agent", "a", "--visibility", "private")
	if second.Current.Number != 2 || second.Current.Digest == first.Current.Digest {
		t.Errorf("after two uploads the current version is %+v", second.Current)
	}
	s.decode(&back, "agents", "rollback", "a", first.Current.Digest[:12])
	if back.Current.Digest != first.Current.Digest {
		t.Errorf("after the roll-back the current version is %+v", back.Current)
	}
	s.decode(&back, "agents", "visibility", "a", "public")
	s.decode(&back, "agents", "show", "a")
	if back.Visibility != "public" || len(back.Versions) != 2 {
		t.Errorf("agents show: got %+v", back)
	}
	if out := s.ok("agents", "show", "a"); !strings.Contains(out, first.Current.Digest) {
		t.Errorf("agents show has no digest:\n%s", out)
	}
	s.ok("agents", "protocols", "a", "1.0")
	if out := s.ok("agents", "show", "a"); !strings.Contains(out, "A2A 1.0\n") {
		t.Errorf("without 0.3 agents show says:\n%s", out)
	}
	if out := s.ok("agents", "protocols", "a", "1.0,0.3"); out != "default/a speaks A2A 1.0 and 0.3\n" {
		t.Errorf("agents protocols: %s", out)
	}
	if out := s.ok("agents", "list"); !strings.Contains(out, "public") {
		t.Errorf("agents list:\n%s", out)
	}
	s.ok("card", "a")
	s.ok("agents", "delete", "a")
	if got := s.carrel("agents", "show", "a"); got.code != exitFailed {
		t.Errorf("a deleted agent was shown: %s", got.stdout)
	}
	if got := s.carrel("agents", "visibility", "a", "hidden"); got.code != exitUsage {
		t.Errorf("an unknown visibility: exit code %d", got.code)
	}
	if got := s.carrel("agents", "protocols", "a", "0.3"); got.code != exitUsage {
		t.Errorf("an agent without 1.0: exit code %d", got.code)
	}
}

func TestKeysOpenTheirTenantOnly(t *testing.T) {
	t.Parallel()
	s := serve(t, t.TempDir())
	var made struct {
		Key   struct{ ID string }
		Token string
	}
	s.decode(&made, "keys", "create", "--tenant", "acme", "--name", "ci", "--ttl", "1h")
	asAcme := func(args ...string) invoked {
		return invoke(t, []string{"CARREL_SERVER=http://" + s.addr, "CARREL_TOKEN=" + made.Token}, args...)
	}
	if got := asAcme("agents", "list", "--tenant", "acme"); got.code != exitOK {
		t.Errorf("the key does not open its tenant: %s", got.stderr)
	}
	if got := asAcme("agents", "list"); got.code != exitFailed {
		t.Errorf("the key opens another tenant: %s", got.stdout)
	}
	if got := asAcme("keys", "create", "--operator"); got.code != exitFailed {
		t.Errorf("the key makes keys of the operator: %s", got.stdout)
	}
	if out := s.ok("keys", "list", "--tenant", "acme"); !strings.Contains(out, made.Key.ID) || strings.Contains(out, made.Token) {
		t.Errorf("keys list:\n%s", out)
	}
	s.ok("keys", "revoke", made.Key.ID, "--tenant", "acme")
	if got := asAcme("agents", "list", "--tenant", "acme"); got.code != exitFailed || !strings.Contains(got.stderr, "does not take the key") {
		t.Errorf("a revoked key: exit code %d, %q", got.code, got.stderr)
	}
	if token := s.ok("keys", "create", "--tenant", "acme"); !strings.HasPrefix(token, "ck_") || strings.Count(token, "\n") != 1 {
		t.Errorf("keys create prints %q, want the token alone", token)
	}
}

func TestTheFirstStartPrintsTheOperatorsKeyOnce(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	s := serve(t, data)
	if token := s.operator(); !strings.Contains(s.output.String(), token) {
		t.Errorf("the first start did not print the key:\n%s", s.output)
	}
	info, err := os.Stat(filepath.Join(data, carrel.OperatorKeyFile))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the key's file: %v, %v, want mode 0600", info, err)
	}
	if code := s.stop(); code != exitOK {
		t.Errorf("a server that was interrupted: exit code %d:\n%s", code, s.output)
	}
	again := serve(t, data)
	if strings.Contains(again.output.String(), "operator key") {
		t.Errorf("the second start printed a key:\n%s", again.output)
	}
	again.ok("keys", "list", "--operator")
}

func TestALostKeyOfTheOperatorIsReplaced(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	recover := func() invoked { return invoke(t, nil, "keys", "recover", "--data", data) }
	if got := recover(); got.code != exitFailed || !strings.Contains(got.stderr, "holds no store") {
		t.Errorf("in an empty folder: exit code %d, %q", got.code, got.stderr)
	}
	s := serve(t, data)
	if got := recover(); got.code != exitFailed || !strings.Contains(got.stderr, "stop it first") {
		t.Errorf("while a server runs: exit code %d, %q", got.code, got.stderr)
	}
	s.stop()
	if err := os.Remove(filepath.Join(data, carrel.OperatorKeyFile)); err != nil {
		t.Fatal(err)
	}
	if got := recover(); got.code != exitOK || !strings.HasPrefix(got.stdout, "ck_") {
		t.Fatalf("recover: exit code %d, %q, %q", got.code, got.stdout, got.stderr)
	}
	serve(t, data).ok("keys", "list", "--operator")
}

func TestABackupOfARunningServerIsRestored(t *testing.T) {
	t.Parallel()
	data, dir := t.TempDir(), t.TempDir()
	s := serve(t, data)
	s.ok("push", buildAgent(t, dir, "examples/counter"), "--agent", "counter")
	running, stopped := filepath.Join(dir, "running.backup"), filepath.Join(dir, "stopped.backup")
	s.ok("backup", running)
	operator := s.operator()
	s.stop()
	if got := invoke(t, nil, "backup", stopped, "--data", data); got.code != exitOK {
		t.Errorf("backup of a server that is down: %s", got.stderr)
	}
	for _, file := range []string{running, stopped} {
		restored := filepath.Join(t.TempDir(), "data")
		if got := invoke(t, nil, "backup", "restore", file, restored); got.code != exitOK {
			t.Fatalf("restore: %s", got.stderr)
		}
		if got := invoke(t, nil, "backup", "restore", file, restored); got.code != exitFailed {
			t.Errorf("a store was restored over another: %s", got.stdout)
		}
		again := serve(t, restored)
		if out := again.ok("send", "counter", "hello", "--token", operator); out != "Your context is 2 messages long.\n" {
			t.Errorf("the restored agent answered %q", out)
		}
	}
	if got := invoke(t, nil, "backup", filepath.Join(dir, "none"), "--data", filepath.Join(dir, "nothing")); got.code != exitFailed || !strings.Contains(got.stderr, "holds no store") {
		t.Errorf("backup of nothing: exit code %d, %q", got.code, got.stderr)
	}
	if _, err := os.Stat(filepath.Join(dir, "none")); err == nil {
		t.Error("a backup that failed left a file")
	}
}

func TestAModuleIsCheckedAndRunWithoutAServer(t *testing.T) {
	t.Parallel()
	wasm := buildAgent(t, t.TempDir(), "examples/counter")
	if got := invoke(t, nil, "check", wasm, "--compile-timeout", patience); got.code != exitOK || !strings.Contains(got.stdout, "context_save") {
		t.Errorf("check: exit code %d\n%s%s", got.code, got.stdout, got.stderr)
	}
	if got := invoke(t, nil, "run", wasm, "hello", "--compile-timeout", patience); got.code != exitOK || got.stdout != "Your context is 2 messages long.\n" {
		t.Errorf("run: exit code %d, %q, %s", got.code, got.stdout, got.stderr)
	}
	if got := invoke(t, nil, "run", wasm, "hello", "--allow", "everything"); got.code != exitUsage {
		t.Errorf("run with an unknown function: exit code %d, %s", got.code, got.stderr)
	}
}

func TestWhatIsNoAgentIsRefusedWithTheRule(t *testing.T) {
	t.Parallel()
	s := serve(t, t.TempDir())
	for name, content := range map[string]string{
		"empty.wasm": "",
		"page.html":  "<!doctype html><title>404</title>",
		"text.wasm":  "not a module",
		"core.wasm":  "\x00asm\x01\x00\x00\x00",
		"comp.wasm":  "\x00asm\x0d\x00\x01\x00",
	} {
		file := writeFile(t, name, content)
		commands := [][]string{{"check", file}, {"run", file, "hello"}, {"push", file, "--agent", "a"}}
		for _, args := range commands {
			got := s.carrel(args...)
			if got.code != exitFailed || !strings.Contains(got.stderr, "rule ") || got.stdout != "" {
				t.Errorf("%s %s: exit code %d, %q, %q", args[0], name, got.code, got.stdout, got.stderr)
			}
		}
	}
}

func TestAWordThatADescriptionCannotHaveIsNamed(t *testing.T) {
	t.Parallel()
	s := serve(t, t.TempDir())
	bad := writeFile(t, "bad.wasm", describing(`{"ok":{"replies":"task"}}`))
	for _, args := range [][]string{{"check", bad}, {"run", bad, "hello"}, {"push", bad, "--agent", "a"}} {
		if got := s.carrel(args...); got.code != exitFailed || !strings.Contains(got.stderr, `replies is "task"; the accepted words are "message"`) {
			t.Errorf("%s: exit code %d, %q", args[0], got.code, got.stderr)
		}
	}
	good := writeFile(t, "good.wasm", describing(`{"ok":{"replies":"message"}}`))
	if got := s.carrel("check", good); got.code != exitOK {
		t.Errorf("check: exit code %d, %q", got.code, got.stderr)
	}
}

// describing is the smallest module that describes itself with the reply, which is
// shorter than 128 bytes and lies at 16.
func describing(reply string) string {
	section := func(id byte, content string) string { return string([]byte{id, byte(len(content))}) + content }
	export := func(name string, what string) string { return string([]byte{byte(len(name))}) + name + what }
	packed := string([]byte{0x42, byte(len(reply)) | 0x80, 0x80, 0x80, 0x80, 0x80, 2}) // i64.const 16<<32 | len
	return "\x00asm\x01\x00\x00\x00" +
		section(1, "\x03\x60\x00\x01\x7e\x60\x01\x7f\x01\x7f\x60\x02\x7f\x7f\x01\x7e") +
		section(3, "\x03\x01\x02\x00") +
		section(5, "\x01\x00\x01") +
		section(7, "\x04"+export("memory", "\x02\x00")+export("carrel_alloc", "\x00\x00")+export("carrel_run", "\x00\x01")+export("carrel_describe", "\x00\x02")) +
		section(10, "\x03\x04\x00\x41\x00\x0b\x04\x00\x42\x00\x0b"+string([]byte{byte(len(packed) + 2), 0})+packed+"\x0b") +
		section(11, "\x01\x00\x41\x10\x0b"+string([]byte{byte(len(reply))})+reply)
}
