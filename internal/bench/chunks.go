package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strconv"
	"time"
)

// stream sends messages that are answered with chunks and prints the median
// time of a task, in nanoseconds.
func stream(ctx context.Context, args []string) error {
	var o streamOrder
	flags := flag.NewFlagSet("stream", flag.ContinueOnError)
	flags.StringVar(&o.url, "url", "", "the agent's JSON-RPC address")
	flags.StringVar(&o.method, "method", "SendStreamingMessage", "what the server calls it")
	flags.StringVar(&o.role, "role", "ROLE_USER", "what the server calls the role of who sends")
	flags.StringVar(&o.text, "text", "50", "the message that asks for chunks")
	flags.IntVar(&o.chunks, "chunks", 50, "how many must come")
	tasks := flags.Int("tasks", 5, "tasks, one after another")
	if err := flags.Parse(args); err != nil {
		return err
	}
	var times []time.Duration
	for range *tasks {
		d, err := o.once(ctx)
		if err != nil {
			return err
		}
		times = append(times, d)
	}
	slices.Sort(times)
	return json.NewEncoder(os.Stdout).Encode(percentile(times, 50))
}

// streamOrder is a task that is streamed: the message, and how many chunks make it complete.
type streamOrder struct {
	url, method, role, text string
	chunks                  int
}

// once streams one task to its end, and returns how long that took from before the
// request on.
func (o streamOrder) once(ctx context.Context) (time.Duration, error) {
	begin := time.Now()
	params := fmt.Sprintf(`{"message":{"messageId":"m","role":%q,"parts":[{"text":%q}]}}`, o.role, o.text)
	resp, err := open(ctx, http.DefaultClient, o.url, o.method, params)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	n, completed, err := countChunks(resp.Body)
	if err == nil && (n != o.chunks || !completed) {
		err = fmt.Errorf("%d chunks arrived of %d, completed: %t", n, o.chunks, completed)
	}
	return time.Since(begin), err
}

// countChunks reads a stream to its end. It decodes nothing, so as to take little
// of the time that is measured.
func countChunks(r io.Reader) (n int, completed bool, err error) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 4<<20)
	for lines.Scan() {
		switch line := lines.Bytes(); {
		case !bytes.HasPrefix(line, []byte("data:")):
		case bytes.Contains(line, []byte(`"artifactUpdate"`)):
			n++
		case bytes.Contains(line, []byte(`"TASK_STATE_COMPLETED"`)), bytes.Contains(line, []byte(`"completed"`)):
			completed = true
		}
	}
	return n, completed, lines.Err()
}

// medianOf streams tasks from a process of its own.
func (o streamOrder) medianOf(ctx context.Context, tasks int) (median time.Duration, err error) {
	cmd, err := self(ctx, loadCore, "stream", "--url", o.url, "--method", o.method, "--role", o.role, "--text", o.text,
		"--chunks", strconv.Itoa(o.chunks), "--tasks", strconv.Itoa(tasks))
	if err != nil {
		return 0, err
	}
	err = result(cmd, &median)
	return median, err
}

// order10 is a streamed task in the words of A2A 1.0.
func order10(url, text string, chunks int) streamOrder {
	return streamOrder{url, "SendStreamingMessage", "ROLE_USER", text, chunks}
}

// chunksSection compares the cost of a chunk in short and in long tasks.
func chunksSection(ctx context.Context, s settings, t *table) error {
	p := carrelPeer("chunks")
	server, err := startPeer(ctx, s, p)
	if err != nil {
		return err
	}
	defer server.stop()
	per := func(chunks, tasks int) (time.Duration, error) {
		median, err := order10(server.base()+p.path, strconv.Itoa(chunks), chunks).medianOf(ctx, tasks)
		return median / time.Duration(chunks), err
	}
	if _, err := per(50, 20); err != nil { // warm-up
		return err
	}
	short, err := per(50, 40)
	if err != nil {
		return err
	}
	long, err := per(5000, 3)
	if err != nil {
		return err
	}
	t.add("a chunk of a task of 50 chunks", short.Round(time.Microsecond).String(), "", "")
	t.add("a chunk of a task of 5,000 chunks", long.Round(time.Microsecond).String(), fmt.Sprintf("%.2fx", float64(long)/float64(short)), "≤ 1.3x")
	return nil
}
