package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// spinners are how many guests of one tenant never end, each in one of these ways.
const spinners = 64

var spinWays = []string{"loop", "fill", "pages", "recurse", "grow", "calls"}

// The load of the other tenant, and how often it is measured.
const (
	quietClients = 4
	quietRuns    = 5
	quietTime    = 2 * time.Second
)

// neighboursSection measures how long a tenant's echo takes while another tenant's
// guests take all the processor time they get, in carrel and in a server that runs
// the same guests in wazero as it comes.
func neighboursSection(ctx context.Context, s settings, t *table) error {
	guest, err := echoGuest(ctx, s.dir)
	if err != nil {
		return err
	}
	what := fmt.Sprintf("%d spinning guests of one tenant, another's echo, p99: ", spinners)
	stock, reason := besideStock(ctx, s, guest)
	if reason != nil {
		t.notRun(what+"wazero 1.12.0, closing when its context is done", reason)
	} else {
		t.add(what+"wazero 1.12.0, closing when its context is done", short(stock), "", "")
	}
	ours, err := besideCarrel(ctx, s, guest)
	if err != nil {
		return err
	}
	for i, name := range []string{"carrel, Go guest", "carrel, native worker in the same process"} {
		ratio := ""
		if reason == nil {
			ratio = part(float64(ours[i]), float64(stock)) + " of wazero"
		}
		t.add(what+name, short(ours[i]), ratio, "≤ 5 ms, ≤ 1/4")
	}
	return nil
}

// besideCarrel measures the echo of a guest and of a native worker.
func besideCarrel(ctx context.Context, s settings, guest string) ([2]time.Duration, error) {
	var figures [2]time.Duration
	nativePort, err := freePort()
	if err != nil {
		return figures, err
	}
	data, err := memoryDir(s.dir)
	if err != nil {
		return figures, err
	}
	defer os.RemoveAll(data)
	command, err := servingFrom(data, "quiet/conformance="+guest, "noisy/spin="+spinGuest)
	if err != nil {
		return figures, err
	}
	server, err := startOnBoth(ctx, append(command, "--native-port", strconv.Itoa(nativePort), "--port"))
	if err != nil {
		return figures, err
	}
	defer server.kill()
	defer spin(ctx, server)()
	if figures[0], err = quietest(ctx, server.base()+"/agents/quiet/conformance"); err != nil {
		return figures, err
	}
	figures[1], err = quietest(ctx, "http://127.0.0.1:"+strconv.Itoa(nativePort)+"/agents/default/echo")
	return figures, err
}

// besideStock measures the echo of a guest in wazero's server.
func besideStock(ctx context.Context, s settings, guest string) (time.Duration, error) {
	command, err := engines(ctx, s.dir)
	if err != nil {
		return 0, err
	}
	port, err := freePort()
	if err != nil {
		return 0, err
	}
	server, err := start(pinned(ctx, bothCores, command[0], "serve", "-port", strconv.Itoa(port), guest, spinGuest), port)
	if err != nil {
		return 0, err
	}
	defer server.kill()
	defer spin(ctx, server)()
	return quietest(ctx, server.base()+"/agents/quiet/conformance")
}

// startOnBoth starts a server that may use both cores; its port goes last.
func startOnBoth(ctx context.Context, command []string) (*server, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	return start(pinned(ctx, bothCores, command[0], append(command[1:], strconv.Itoa(port))...), port)
}

// memoryDir makes a folder in memory where the system has one for that.
func memoryDir(dir string) (string, error) {
	if shm := filepath.Join("/dev", "shm"); exists(shm) {
		dir = shm
	}
	return os.MkdirTemp(dir, "carrel-bench-")
}

// spin has a server run the spinners until the returned function is called. It
// returns when they have had a moment to begin.
func spin(ctx context.Context, server *server) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{}, spinners)
	for i := range spinners {
		go func() {
			defer func() { done <- struct{}{} }()
			// The answer never comes; the error is that of ctx.
			_ = hang(ctx, server.base()+"/agents/noisy/spin", spinWays[i%len(spinWays)])
		}()
	}
	_ = waitUntil(ctx, time.Now().Add(2*time.Second))
	return func() {
		cancel()
		for range spinners {
			<-done
		}
	}
}

// hang sends a message and waits for an answer until ctx ends.
func hang(ctx context.Context, url, text string) error {
	call := `{"jsonrpc":"2.0","id":1,"method":"SendMessage","params":` + messageParams(text, false) + `}`
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(call))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("A2A-Version", "1.0")
	_, err = body(http.DefaultClient, req)
	return err
}

// quietest is the median, over some runs, of the 99th percentile of echo's times.
func quietest(ctx context.Context, url string) (time.Duration, error) {
	var p99 []time.Duration
	for range quietRuns {
		r, err := loadOnce(ctx, url, blocking, bothCores, quietClients, quietTime)
		if err != nil {
			return 0, err
		}
		p99 = append(p99, r.P99)
	}
	slices.Sort(p99)
	return p99[len(p99)/2], nil
}
