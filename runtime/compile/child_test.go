package compile

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	goruntime "runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestChildrenThatFail says whose fault it is, and keeps nothing.
func TestChildrenThatFail(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		want       error
		says, logs string
	}{
		"panics":   {ErrCrashed, "I never could count", "goroutine 1"},
		"mute":     {ErrUnavailable, "did not answer", ""},
		"babbles":  {ErrUnavailable, "did not answer", ""},
		"declines": {ErrUnavailable, "not today", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := open(t, Options{Dir: private(t), Command: commandOf(t, name)})
			if _, _, err := h.load(t, answering(7)); !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v, want %v that says %q", err, c.want, c.says)
			}
			if log := h.log.String(); !strings.Contains(log, c.logs) {
				t.Errorf("the log does not say %q:\n%s", c.logs, log)
			}
			if halves, _ := filepath.Glob(filepath.Join(h.dir, newPrefix+"*")); len(halves) > 0 || len(h.entries()) > 0 {
				t.Errorf("%q and %d entries are left", halves, len(h.entries()))
			}
		})
	}
}

func TestACompilationThatIsKilledIsTriedOnceMore(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]error{"killed": ErrUnavailable, "killed once": nil} {
		attempts := filepath.Join(t.TempDir(), "attempts")
		h := open(t, Options{Dir: private(t), Command: commandOf(t, name, attempts)})
		if _, _, err := h.load(t, answering(7)); !errors.Is(err, want) {
			t.Errorf("%s: got %v, want %v", name, err, want)
		}
		if content, _ := os.ReadFile(attempts); len(content) != 2 {
			t.Errorf("%s: it was tried %d times", name, len(content))
		}
	}
}

func TestWhatTheEngineRefusesIsRefused(t *testing.T) {
	t.Parallel()
	for name, command := range modes(t) {
		h := open(t, Options{Dir: private(t), Command: command})
		if _, _, err := h.load(t, module(nil, []byte{0x1a})); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// lifeline is a pipe whose other end the child "hangs" holds for as long as it lives.
func lifeline(t *testing.T) string {
	path := filepath.Join(t.TempDir(), "alive")
	must(t, syscall.Mkfifo(path, 0o600))
	return path
}

// gone waits until whoever held the other end has ended, after it was there.
func gone(t *testing.T, path string, meanwhile func()) {
	f, err := os.Open(path) // waits for the child
	must(t, err)
	defer f.Close()
	r := bufio.NewReader(f)
	if _, err := r.ReadString('\n'); err != nil {
		t.Error(err)
	}
	meanwhile()
	if _, err := r.ReadByte(); !errors.Is(err, io.EOF) {
		t.Errorf("got %v, want the end", err)
	}
}

func TestAChildEndsAtItsDeadline(t *testing.T) {
	t.Parallel()
	alive := lifeline(t)
	h := open(t, Options{Dir: private(t), Command: commandOf(t, "hangs", alive), Limits: Limits{Time: 3 * time.Second}})
	result := make(chan error, 1)
	go func() {
		_, _, err := h.load(t, answering(7))
		result <- err
	}()
	gone(t, alive, func() {})
	if err := <-result; !errors.Is(err, ErrTime) {
		t.Errorf("got %v", err)
	}
}

func TestAChildEndsWithWhoWaitsForIt(t *testing.T) {
	t.Parallel()
	alive := lifeline(t)
	h := open(t, Options{Dir: private(t), Command: commandOf(t, "hangs", alive)})
	ctx, cancel := context.WithCancelCause(t.Context())
	reason := errors.New("enough")
	result := make(chan error, 1)
	go func() {
		_, _, err := h.Load(ctx, h.r, answering(7), NewPlaces(1, 1).Line(""))
		result <- err
	}()
	gone(t, alive, func() { cancel(reason) })
	if err := <-result; !errors.Is(err, reason) {
		t.Errorf("got %v", err)
	}
}

// parent is a process that waits for a child which never ends.
func parent(args []string) int {
	c, err := Open(Options{Dir: args[0], Command: []string{os.Args[0], "hangs", args[1]}, Limits: Limits{Time: time.Hour}})
	if err != nil {
		panic(err)
	}
	_, _, err = c.Load(context.Background(), nil, answering(7), NewPlaces(1, 1).Line(""))
	panic(err)
}

func TestAChildEndsWithItsParent(t *testing.T) {
	t.Parallel()
	if goruntime.GOOS != "linux" {
		t.Skip("elsewhere the child must look at its input: see below")
	}
	alive, command := lifeline(t), commandOf(t, "parent", private(t))
	cmd := exec.Command(command[0], append(command[1:], alive)...)
	must(t, cmd.Start())
	gone(t, alive, func() { must(t, cmd.Process.Kill()) })
	_ = cmd.Wait() // it was killed
}

// TestAChildEndsWithItsInput is how it learns of its parent's end where the kernel
// does not tell.
func TestAChildEndsWithItsInput(t *testing.T) {
	t.Parallel()
	command := commandOf(t, "child")
	cmd := exec.Command(command[0], command[1:]...)
	stdin, err := cmd.StdinPipe()
	must(t, err)
	must(t, cmd.Start())
	h := open(t, Options{Dir: private(t), Limits: Limits{Time: time.Hour}})
	h.send(stdin, t.TempDir(), hostile["A4 many ifs"])
	must(t, stdin.Close())
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != exitRefused {
		t.Errorf("got %v", err)
	}
}

func TestJobsThatMakeNoSense(t *testing.T) {
	t.Parallel()
	for _, line := range []string{"", "{", "{}\n", `{"Dir":"/x","ModuleSize":-1}` + "\n", strings.Repeat("x", 2*maxJob) + "\n"} {
		var log strings.Builder
		if code := Child(strings.NewReader(line), io.Discard, &log); code != exitRefused || !strings.Contains(log.String(), "job") {
			t.Errorf("%.20q: got %d, %q", line, code, log.String())
		}
	}
}

// attempts are what a compiler taken over might try.
var attempts = map[string]func(dir string) error{
	"read a file":         func(string) error { _, err := os.ReadFile("/proc/self/environ"); return err },
	"list a folder":       func(string) error { _, err := os.ReadDir("/"); return err },
	"write beside":        func(dir string) error { return os.WriteFile(dir+"-beside", nil, 0o600) },
	"change beside":       func(dir string) error { return os.Chmod(filepath.Dir(dir), 0o777) },
	"link":                func(dir string) error { return os.Symlink("/", filepath.Join(dir, "link")) },
	"connect":             func(string) error { _, err := net.Dial("udp", "127.0.0.1:9"); return err },
	"run a program":       func(string) error { return exec.Command("/proc/self/exe", "mute").Run() },
	"signal its parent":   func(string) error { return syscall.Kill(os.Getppid(), syscall.Signal(0)) },
	"have more memory":    func(string) error { return setLimit(syscall.RLIMIT_AS, ^uint64(0)) },
	"have more files":     func(string) error { return setLimit(syscall.RLIMIT_NOFILE, 1<<20) },
	"have an environment": func(string) error { return errIf(os.Getenv("PATH") == "" && os.Getenv("HOME") == "") },
}

func errIf(ok bool) error {
	if ok {
		return errors.New("no")
	}
	return nil
}

// probe is confined as a child is, and answers which attempts succeed.
func probe([]string) int {
	j, lacks, err := begin(bufio.NewReader(os.Stdin))
	if err != nil {
		panic(err)
	}
	possible := []string{}
	for name, try := range attempts {
		if try(j.Dir) == nil {
			possible = append(possible, name)
		}
	}
	if err := os.WriteFile(filepath.Join(j.Dir, "x"), nil, 0o600); err != nil {
		possible = append(possible, "not even write its file: "+err.Error())
	}
	json.NewEncoder(os.Stdout).Encode(reply{Fault: "crashed", Reason: strings.Join(possible, ", "), Lacks: lacks})
	return 0
}

func TestAChildCanDoNothingButCompile(t *testing.T) {
	t.Parallel()
	h := open(t, Options{Dir: private(t), Command: commandOf(t, "probe")})
	_, _, err := h.load(t, answering(7))
	if log := h.log.String(); strings.Contains(log, "less confined") {
		t.Skipf("the kernel lacks something:\n%s", log)
	}
	var c *crash
	if !errors.As(err, &c) || c.reason != "" {
		t.Errorf("it can %v", err)
	}
}
