package main

import (
	"bufio"
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"text/tabwriter"
	"time"
)

// soakParts is how many points the series has.
const soakParts = 20

// soak is for people: it sends many echo tasks to a Go guest on one server, prints
// what the server holds as it goes, and fails when any of that grows.
func soak(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("soak", flag.ContinueOnError)
	tasks := flags.Int("tasks", 1_000_000, "how many tasks")
	clients := flags.Int("clients", 64, "how many clients send at a time")
	folder := flags.String("dir", "", "where the store is put for the time; empty is the folder for temporary files")
	if err := flags.Parse(args); err != nil {
		return err
	}
	dir, err := os.MkdirTemp(*folder, "carrel-soak-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	guest, err := echoGuest(ctx, dir)
	if err != nil {
		return err
	}
	s := settings{dir: dir}
	server, err := startUploaded(ctx, s, dir, "default/conformance="+guest)
	if err != nil {
		return err
	}
	defer server.stop()
	token, err := operatorToken(dir + "/uploaded")
	if err != nil {
		return err
	}
	series, err := soakServer(ctx, server, token, *tasks, *clients)
	if err != nil {
		return err
	}
	return grown(series)
}

// point is the least that a server held on the way to so many tasks: a collector, a
// store that merges and a pool breathe, and what is held for good is below that.
type point struct {
	Tasks int
	footprint
	Held       int64 // of RSS, when the server has nothing to do
	Goroutines int64
}

// sampleEvery is how often it is looked at.
const sampleEvery = 500 * time.Millisecond

// soakServer sends the tasks and prints a line for each part of them.
func soakServer(ctx context.Context, server *server, token string, tasks, clients int) (series []point, err error) {
	out := tabwriter.NewWriter(os.Stdout, 11, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(out, "tasks\ttasks/s\tRSS\theld\tof files\tdescriptors\tmaps\tgoroutines\ttables\t")
	for part := 1; part <= soakParts; part++ {
		until, begin := tasks*part/soakParts, time.Now()
		n := until - tasks*(part-1)/soakParts
		sent := make(chan error, 1)
		go func() { sent <- echoes(ctx, server.base()+"/agents/default/conformance", n, clients) }()
		p, err := least(ctx, server, token, sent)
		if err != nil {
			return nil, err
		}
		p.Tasks = until
		if p.Held, err = atRest(server); err != nil {
			return nil, err
		}
		rate := float64(n) / time.Since(begin).Seconds()
		series = append(series, p)
		fmt.Fprintf(out, "%d\t%.0f\t%s\t%s\t%s\t%d\t%d\t%d\t%d\t\n", p.Tasks, rate, mebibytes(p.RSS), mebibytes(p.Held), mebibytes(p.Files), p.Descriptors, p.Maps, p.Goroutines, p.Tables)
		if err := out.Flush(); err != nil {
			return nil, err
		}
	}
	return series, nil
}

// atRest is what a server holds once its store has merged what it had to: the least
// of what it holds after collections, until that does not become less any more.
func atRest(server *server) (rss int64, err error) {
	for quiet := 0; quiet < 6; quiet++ {
		held, err := server.held()
		if err != nil {
			return 0, err
		}
		if rss == 0 || held.RSS < rss-rss/100 {
			quiet = 0
		}
		if rss == 0 || held.RSS < rss {
			rss = held.RSS
		}
		time.Sleep(sampleEvery)
	}
	return rss, nil
}

// least is the least that a server holds until the tasks are sent.
func least(ctx context.Context, server *server, token string, sent <-chan error) (p point, err error) {
	ticker := time.NewTicker(sampleEvery)
	defer ticker.Stop()
	for first := true; ; first = false {
		var now point
		if now.footprint, err = footprintOf(server.cmd.Process.Pid); err != nil {
			return p, err
		}
		if now.Goroutines, err = goroutines(ctx, server.base(), token); err != nil {
			return p, err
		}
		if first {
			p = now
		}
		p.footprint = p.footprint.least(now.footprint)
		p.Goroutines = min(p.Goroutines, now.Goroutines)
		select {
		case err := <-sent:
			return p, err
		case <-ticker.C:
		}
	}
}

// echoes sends so many echo tasks, each of which must come back.
func echoes(ctx context.Context, url string, n, clients int) error {
	var (
		wg    sync.WaitGroup
		left  atomic.Int64
		first atomic.Pointer[error]
	)
	left.Store(int64(n))
	client := newLoadClient(clients)
	defer client.CloseIdleConnections()
	for range clients {
		wg.Go(func() {
			c := &caller{client: client, url: url}
			for ctx.Err() == nil && first.Load() == nil && left.Add(-1) >= 0 {
				if err := blockingTask(c); err != nil {
					first.CompareAndSwap(nil, &err)
				}
			}
		})
	}
	wg.Wait()
	if err := first.Load(); err != nil {
		return *err
	}
	return ctx.Err()
}

// goroutines asks a server how many it has.
func goroutines(ctx context.Context, base, token string) (int64, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/metrics", nil)
	if err != nil {
		return 0, err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	text, err := body(http.DefaultClient, req)
	if err != nil {
		return 0, fmt.Errorf("/metrics: %w", err)
	}
	return gauge(bytes.NewReader(text), "go_goroutines")
}

// gauge finds a metric without labels in Prometheus' text.
func gauge(text io.Reader, name string) (int64, error) {
	lines := bufio.NewScanner(text)
	for lines.Scan() {
		if value, ok := strings.CutPrefix(lines.Text(), name+" "); ok {
			n, err := strconv.ParseFloat(value, 64)
			return int64(n), err
		}
	}
	return 0, fmt.Errorf("there is no %s", name)
}
