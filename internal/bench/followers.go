package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"slices"
	"sync"
	"time"
)

// followResult is what followers saw of one task.
type followResult struct {
	Followers int           `json:"followers"`
	Complete  int           `json:"complete"` // followers that read every chunk
	P50       time.Duration `json:"p50"`
	P99       time.Duration `json:"p99"`
	Max       time.Duration `json:"max"`
}

const (
	paceOrder    = "100 50ms 4s"
	pacedChunks  = 100
	followerBody = 4 << 10 // a receive buffer that a follower who never reads soon fills
)

// follow opens many streams on one paced task, some of which never read, and
// prints how late the chunks arrived at the others.
func follow(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("follow", flag.ContinueOnError)
	url := flags.String("url", "", "the agent's JSON-RPC address")
	followers := flags.Int("followers", 1000, "how many streams")
	stuck := flags.Int("stuck", 50, "how many of them never read")
	if err := flags.Parse(args); err != nil {
		return err
	}
	id, err := startOrder(ctx, *url, paceOrder)
	if err != nil {
		return err
	}
	r, err := followAll(ctx, *url, id, *followers, *stuck)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(r)
}

// startOrder starts a task of the agent that streams chunks as it is told.
func startOrder(_ context.Context, url, order string) (string, error) {
	var reply struct{ Task benchTask }
	c := &caller{client: newLoadClient(1), url: url}
	err := c.result(`{"jsonrpc":"2.0","id":1,"method":"SendMessage","params":`+messageParams(order, true)+`}`, &reply)
	return reply.Task.ID, err
}

func followAll(ctx context.Context, url, id string, followers, stuck int) (followResult, error) {
	ctx, cancel := context.WithCancel(ctx) // frees the streams that never read
	defer cancel()
	var (
		mu    sync.Mutex
		late  []time.Duration
		r     = followResult{Followers: followers}
		wg    sync.WaitGroup
		first error
	)
	for i := range followers {
		resp, err := open(ctx, followerClient(i < stuck), url, "SubscribeToTask", fmt.Sprintf(`{"id":%q}`, id))
		if err != nil {
			return r, err
		}
		defer resp.Body.Close()
		if i < stuck {
			continue
		}
		wg.Go(func() {
			var mine []time.Duration
			err := chunkTimes(resp.Body, func(due, came time.Time) { mine = append(mine, came.Sub(due)) })
			mu.Lock()
			defer mu.Unlock()
			late = append(late, mine...)
			if first == nil {
				first = err
			}
			if len(mine) == pacedChunks {
				r.Complete++
			}
		})
	}
	wg.Wait()
	slices.Sort(late)
	r.P50, r.P99, r.Max = percentile(late, 50), percentile(late, 99), percentile(late, 100)
	return r, first
}

// followerClient has a connection of its own, with a small buffer for one that never reads.
func followerClient(stuck bool) *http.Client {
	dialer := &net.Dialer{}
	return &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := dialer.DialContext(ctx, network, addr)
		if tcp, ok := conn.(*net.TCPConn); ok && stuck {
			err = tcp.SetReadBuffer(followerBody)
		}
		return conn, err
	}}}
}

// followersSection measures how late chunks arrive at a thousand followers.
func followersSection(ctx context.Context, s settings, t *table) error {
	p := carrelPeer("chunks")
	server, err := startPeer(ctx, s, p)
	if err != nil {
		return err
	}
	defer server.stop()
	cmd, err := self(ctx, loadCore, "follow", "--url", server.base()+p.path)
	if err != nil {
		return err
	}
	var r followResult
	if err := result(cmd, &r); err != nil {
		return err
	}
	t.add("1,000 followers, 50 stuck, a chunk each 50 ms: lateness p99",
		fmt.Sprintf("%s (p50 %s, max %s; %d of 950 got all)", r.P99.Round(100*time.Microsecond), r.P50.Round(100*time.Microsecond), r.Max.Round(time.Millisecond), r.Complete),
		"", "≤ 25 ms")
	return nil
}
