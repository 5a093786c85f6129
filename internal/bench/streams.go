package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"slices"
	"sync"
	"time"
)

// How many streams are open at a time, and the task that all of them follow: one
// chunk, after they had time to open.
const (
	manyStreams = 10_000
	lateOrder   = "1 1ms 40s"
)

// streamsResult is what many streams on one task saw.
type streamsResult struct {
	Opened time.Duration `json:"opened"` // how long it took to open all
	P50    time.Duration `json:"p50"`    // how late the chunk arrived
	Max    time.Duration `json:"max"`
	Seen   int           `json:"seen"`
}

// streams opens many streams on one task, says so on a line of its own, and prints
// how late they saw its chunk.
func streams(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("streams", flag.ContinueOnError)
	address := flags.String("url", "", "the agent's JSON-RPC address")
	count := flags.Int("count", manyStreams, "how many streams")
	if err := flags.Parse(args); err != nil {
		return err
	}
	id, err := startOrder(ctx, *address, lateOrder)
	if err != nil {
		return err
	}
	begin := time.Now()
	list := make([]*rawStream, *count)
	for i := range list {
		if list[i], err = openRaw(*address, id); err != nil {
			return fmt.Errorf("stream %d: %w", i, err)
		}
		defer list[i].conn.Close()
	}
	r := streamsResult{Opened: time.Since(begin)}
	fmt.Println("open")
	late, err := arrivals(list)
	if err != nil {
		return err
	}
	r.P50, r.Max, r.Seen = percentile(late, 50), percentile(late, 100), len(late)
	return json.NewEncoder(os.Stdout).Encode(r)
}

// rawStream is a stream with nothing around it that takes time or memory.
type rawStream struct {
	conn net.Conn
	in   *bufio.Reader
}

// openRaw subscribes to a task and reads up to its snapshot.
func openRaw(address, id string) (*rawStream, error) {
	at, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	conn, err := net.Dial("tcp", at.Host)
	if err != nil {
		return nil, err
	}
	s := &rawStream{conn, bufio.NewReaderSize(conn, 1<<10)}
	body := fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":"SubscribeToTask","params":{"id":%q}}`, id)
	_, err = fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nA2A-Version: 1.0\r\nContent-Length: %d\r\n\r\n%s", at.Path, at.Host, len(body), body)
	if err == nil {
		_, err = s.data()
	}
	return s, err
}

// data reads up to the next event.
func (s *rawStream) data() ([]byte, error) {
	for {
		line, err := s.in.ReadSlice('\n')
		if data, ok := bytes.CutPrefix(line, []byte("data:")); ok {
			return data, err
		}
		if err != nil && err != bufio.ErrBufferFull {
			return nil, err
		}
	}
}

// arrivals waits for the chunk on every stream, and returns how late it was, in order.
func arrivals(list []*rawStream) (late []time.Duration, first error) {
	var mu sync.Mutex
	var wg sync.WaitGroup
	for _, s := range list {
		wg.Go(func() {
			data, err := s.chunk()
			came := time.Now()
			var due time.Time
			if err == nil {
				due, err = chunkTime(string(data))
			}
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				late = append(late, came.Sub(due))
			} else if first == nil {
				first = err
			}
		})
	}
	wg.Wait()
	slices.Sort(late)
	return late, first
}

func (s *rawStream) chunk() ([]byte, error) {
	for {
		data, err := s.data()
		if err != nil || bytes.Contains(data, []byte(`"artifactUpdate"`)) {
			return data, err
		}
	}
}

// streamsSection measures what an open stream takes, and how soon an event is on
// all of them.
func streamsSection(ctx context.Context, s settings, t *table) error {
	p := carrelPeer("chunks")
	server, err := startPeer(ctx, s, p)
	if err != nil {
		return err
	}
	defer server.stop()
	before, err := server.held()
	if err != nil {
		return err
	}
	cmd, err := self(ctx, loadCore, "streams", "--url", server.base()+p.path)
	if err != nil {
		return err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	lines := bufio.NewReader(out)
	if line, err := lines.ReadString('\n'); line != "open\n" {
		return fmt.Errorf("the streams were not opened: %q, %w", line, err)
	}
	opened, err := footprintOf(server.cmd.Process.Pid)
	if err != nil {
		return err
	}
	after, err := server.held()
	if err != nil {
		return err
	}
	var r streamsResult
	text, err := io.ReadAll(lines)
	if err == nil {
		err = json.Unmarshal(text, &r)
	}
	if err := errors.Join(err, cmd.Wait()); err != nil {
		return err
	}
	each := func(f footprint) float64 { return float64(f.RSS-before.RSS) / manyStreams / 1000 }
	t.add("10,000 open streams: memory for each", fmt.Sprintf("%.1f KB (%.1f KB with what opening them left to collect; opened in %s)", each(after), each(opened), short(r.Opened)), "", "< 40 KB")
	t.add("10,000 open streams: an event is on all of them after", fmt.Sprintf("%s (p50 %s; %d saw it)", short(r.Max), short(r.P50), r.Seen), "", "< 1 s")
	return nil
}
