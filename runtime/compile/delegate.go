package compile

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	goruntime "runtime"
	"strings"
	"syscall"
	"time"
)

// delegate has a child compile a module into dir, until ctx ends. A child that
// somebody else kills is followed by one more.
func (c *Cache) delegate(ctx context.Context, dir string, module []byte) error {
	err := c.runChild(ctx, dir, module)
	if errors.Is(err, errKilled) && ctx.Err() == nil {
		c.opts.Logger.Warn("a compilation was killed and is tried once more")
		if err := empty(dir); err != nil {
			return fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
		err = c.runChild(ctx, dir, module)
	}
	if crash := (*crash)(nil); errors.As(err, &crash) {
		c.opts.Logger.Error("the compiler crashed", "reason", crash.reason, "trace", crash.trace)
	}
	return err
}

// errKilled is an ErrUnavailable: by whom a child was killed is not known, for
// example by an operator, or for want of memory on the machine.
var errKilled = fmt.Errorf("%w: the compiling process was killed", ErrUnavailable)

func (c *Cache) runChild(ctx context.Context, dir string, module []byte) error {
	// The child is killed with the thread that started it: keep that one.
	goruntime.LockOSThread()
	defer goruntime.UnlockOSThread()
	out, log := &ends{size: maxReply}, &ends{size: maxTrace}
	cmd := c.command(ctx)
	cmd.Stdout, cmd.Stderr = out, log
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		c.send(stdin, dir, module)
	}()
	err = cmd.Wait() // and closes stdin, which stays open until here
	<-sent
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err == nil {
		return c.answer([]byte(out.String()))
	}
	return c.died(cmd.ProcessState, err, log.String())
}

// command is a child that gets nothing of this process, and dies with ctx.
func (c *Cache) command(ctx context.Context) *exec.Cmd {
	cmd := exec.CommandContext(ctx, c.opts.Command[0], c.opts.Command[1:]...)
	cmd.Env = []string{
		fmt.Sprintf("GOMAXPROCS=%d", workers),
		fmt.Sprintf("GOMEMLIMIT=%d", c.opts.Limits.MemoryBytes/4*3),
		"GOGC=400", // it does not live long
	}
	cmd.SysProcAttr = attributes()
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second
	return cmd
}

// send writes job and module. That it fails when the child ends early is of no
// interest: why it did is.
func (c *Cache) send(stdin io.Writer, dir string, module []byte) {
	line, err := json.Marshal(job{Dir: dir, ModuleSize: int64(len(module)), Limits: c.opts.Limits})
	if err == nil {
		_, err = stdin.Write(append(line, '\n'))
	}
	if err == nil {
		_, _ = stdin.Write(module)
	}
}

// answer reads a child's reply.
func (c *Cache) answer(line []byte) error {
	var r reply
	if err := json.Unmarshal(bytes.TrimSpace(line), &r); err != nil {
		return fmt.Errorf("%w: the compile command did not answer: is it the one for this?", ErrUnavailable)
	}
	if len(r.Lacks) > 0 {
		c.told.Do(func() {
			c.opts.Logger.Warn("compilations are less confined than they could be on this machine", "lacks", strings.Join(r.Lacks, "; "))
		})
	}
	return r.err()
}

// starved is how the Go runtime says that it got no memory, thread or stack.
var starved = []string{
	"out of memory", "cannot allocate memory", "cannot map pages", "failed to allocate", "address space collisions",
	"pthread_create failed", "failed to create new OS thread", "stack exceeds",
}

// died tells why a child ended without an answer.
func (c *Cache) died(state *os.ProcessState, err error, log string) error {
	status, _ := state.Sys().(syscall.WaitStatus)
	killed := status.Signaled() && status.Signal() == syscall.SIGKILL
	switch {
	case killed && state.UserTime()+state.SystemTime() > c.opts.Limits.cpu()-time.Second:
		return fmt.Errorf("%w: it takes more than %s of CPU time", ErrTime, c.opts.Limits.cpu())
	case killed:
		return errKilled
	}
	for _, words := range starved {
		if strings.Contains(log, words) {
			return fmt.Errorf("%w: it takes more than %d MiB", ErrMemory, c.opts.Limits.MemoryBytes>>20)
		}
	}
	if state.ExitCode() == exitRefused {
		return fmt.Errorf("%w: %s", ErrUnavailable, cut(strings.TrimSpace(log), maxReason))
	}
	reason, _, _ := strings.Cut(log, "\n")
	return &crash{cut(err.Error()+": "+reason, maxReason), log}
}

// cpu is the CPU time that a child may use.
func (l Limits) cpu() time.Duration { return max(workers*l.Time, time.Second).Round(time.Second) }

// empty removes what is in a folder.
func empty(dir string) error {
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	return os.Mkdir(dir, 0o700)
}
