package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"
)

// meter is a process that measures one operation when it is asked: it says that it
// is ready, then answers each line with a number on its standard input by the times
// of so many operations, in nanoseconds. carrel and what it is compared with are
// measured in turns so, and what the machine does meanwhile falls on both.
type meter struct {
	cmd   *exec.Cmd
	in    io.WriteCloser
	lines *bufio.Scanner
}

// startMeter starts a meter and waits until it is ready.
func startMeter(cmd *exec.Cmd) (*meter, error) {
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	m := &meter{cmd: cmd, in: in, lines: bufio.NewScanner(out)}
	m.lines.Buffer(nil, 1<<20)
	if !m.lines.Scan() || m.lines.Text() != "ready" {
		return nil, fmt.Errorf("%w before it was ready: %s", m.ended(), cmd)
	}
	return m, nil
}

// measure does n operations and returns their times.
func (m *meter) measure(n int) ([]time.Duration, error) {
	if _, err := fmt.Fprintln(m.in, n); err != nil {
		return nil, err
	}
	if !m.lines.Scan() {
		return nil, fmt.Errorf("%w while it measured: %s", m.ended(), m.cmd)
	}
	return parseTimes(m.lines.Text())
}

func parseTimes(line string) (times []time.Duration, err error) {
	for _, word := range strings.Fields(line) {
		n, err := strconv.ParseInt(word, 10, 64)
		if err != nil {
			return nil, err
		}
		times = append(times, time.Duration(n))
	}
	return times, nil
}

// stop ends the process, whose input is over.
func (m *meter) stop() error {
	m.in.Close()
	return m.cmd.Wait()
}

// ended is how the process ended, which it did too early.
func (m *meter) ended() error {
	if err := m.stop(); err != nil {
		return err
	}
	return errors.New("the process ended")
}

// operation does once what is measured and returns how long it took.
type operation func(ctx context.Context) (time.Duration, error)

// answer makes a meter of this process.
func answer(ctx context.Context, in io.Reader, out io.Writer, op operation) error {
	fmt.Fprintln(out, "ready")
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		n, err := strconv.Atoi(lines.Text())
		if err != nil {
			return err
		}
		times := make([]string, n)
		for i := range times {
			took, err := op(ctx)
			if err != nil {
				return err
			}
			times[i] = strconv.FormatInt(took.Nanoseconds(), 10)
		}
		fmt.Fprintln(out, strings.Join(times, " "))
	}
	return lines.Err()
}

// measurer measures n operations.
type measurer interface {
	measure(n int) ([]time.Duration, error)
}

// settle is how long all are left alone before each turn: what one leaves to its
// garbage collector would fall on the next, whose turn may be over sooner than that.
const settle = 50 * time.Millisecond

// inTurns has each measure so many operations in each round, and returns the median
// of each. A first round does not count.
func inTurns(rounds, operations int, all ...measurer) ([]time.Duration, error) {
	times := make([][]time.Duration, len(all))
	for round := range rounds + 1 {
		for i, m := range all {
			time.Sleep(settle)
			got, err := m.measure(operations)
			if err != nil {
				return nil, err
			}
			if round > 0 {
				times[i] = append(times[i], got...)
			}
		}
	}
	medians := make([]time.Duration, len(all))
	for i := range times {
		slices.Sort(times[i])
		medians[i] = percentile(times[i], 50)
	}
	return medians, nil
}
