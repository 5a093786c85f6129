package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// The cores of a pinned measurement.
const (
	serverCore = "0"
	loadCore   = "1"
)

// pinned returns the command, run on one core where the system can do that.
func pinned(ctx context.Context, core, name string, args ...string) *exec.Cmd {
	if _, err := exec.LookPath("taskset"); err == nil {
		args = append([]string{"-c", core, name}, args...)
		name = "taskset"
	}
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stderr = os.Stderr
	cmd.WaitDelay = 5 * time.Second
	return cmd
}

// self returns this program in another role.
func self(ctx context.Context, core string, args ...string) (*exec.Cmd, error) {
	path, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return pinned(ctx, core, path, args...), nil
}

// server is a server process under measurement.
type server struct {
	cmd       *exec.Cmd
	port      int
	collected chan struct{} // gets one for each time it says so
}

// start starts a server and waits for the line that says it is ready.
func start(cmd *exec.Cmd, port int) (*server, error) {
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if strings.TrimSpace(lines.Text()) == "ready" {
			s := &server{cmd, port, make(chan struct{}, 1)}
			go s.listen(lines)
			return s, nil
		}
	}
	return nil, fmt.Errorf("%s ended before it was ready: %w", cmd, cmd.Wait())
}

// listen reads what the server says: it must not block on a full pipe.
func (s *server) listen(lines *bufio.Scanner) {
	defer close(s.collected)
	for lines.Scan() {
		if lines.Text() == "collected" {
			s.collected <- struct{}{}
		}
	}
}

// held is what a server of this program holds after a collection.
func (s *server) held() (footprint, error) {
	if err := s.cmd.Process.Signal(syscall.SIGUSR1); err != nil {
		return footprint{}, err
	}
	if _, ok := <-s.collected; !ok {
		return footprint{}, errors.New("the server ended")
	}
	return footprintOf(s.cmd.Process.Pid)
}

func (s *server) stop() {
	s.cmd.Process.Signal(os.Interrupt)
	s.cmd.Wait()
}

// kill ends a server that would not end soon by itself, as one with guests that spin.
func (s *server) kill() {
	s.cmd.Process.Kill()
	s.cmd.Wait()
}

// cpu is the processor time the server has used so far.
func (s *server) cpu() (time.Duration, error) { return processCPU(s.cmd.Process.Pid) }

func (s *server) base() string { return "http://127.0.0.1:" + strconv.Itoa(s.port) }

// processCPU reads user and system time of a process, in ticks of 10 ms.
func processCPU(pid int) (time.Duration, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	_, rest, ok := strings.Cut(string(stat), ") ")
	fields := strings.Fields(rest)
	if !ok || len(fields) < 13 {
		return 0, fmt.Errorf("unexpected /proc/%d/stat", pid)
	}
	var ticks int64
	for _, f := range fields[11:13] {
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			return 0, err
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond, nil
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// result runs a command and decodes the JSON it prints.
func result(cmd *exec.Cmd, into any) error {
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("%s: %w", cmd, err)
	}
	return json.Unmarshal(out, into)
}
