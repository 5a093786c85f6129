package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strconv"
	"time"
)

// stream sends messages that are answered with chunks and prints the median
// time of a task, in nanoseconds.
func stream(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("stream", flag.ContinueOnError)
	url := flags.String("url", "", "the agent's JSON-RPC address")
	count := flags.Int("chunks", 50, "chunks a task")
	tasks := flags.Int("tasks", 5, "tasks, one after another")
	if err := flags.Parse(args); err != nil {
		return err
	}
	var times []time.Duration
	for range *tasks {
		d, err := streamOnce(ctx, *url, *count)
		if err != nil {
			return err
		}
		times = append(times, d)
	}
	slices.Sort(times)
	return json.NewEncoder(os.Stdout).Encode(percentile(times, 50))
}

func streamOnce(ctx context.Context, url string, count int) (time.Duration, error) {
	begin := time.Now()
	resp, err := open(ctx, http.DefaultClient, url, "SendStreamingMessage", messageParams(strconv.Itoa(count), false))
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	n := 0
	if err := chunkTimes(resp.Body, func(time.Time, time.Time) { n++ }); err != nil {
		return 0, err
	}
	if n != count {
		return 0, fmt.Errorf("%d chunks arrived of %d", n, count)
	}
	return time.Since(begin), nil
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
		cmd, err := self(ctx, loadCore, "stream", "--url", server.base()+p.path, "--chunks", strconv.Itoa(chunks), "--tasks", strconv.Itoa(tasks))
		if err != nil {
			return 0, err
		}
		var median time.Duration
		err = result(cmd, &median)
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
