package server

import (
	"strings"
	"testing"

	"github.com/carrelhq/carrel/task"
)

// smallQueue is how many unfinished tasks an agent may have on a small server.
const smallQueue = 3

// probe asks for something as large as n.
type probe struct {
	ask func(b *bench, n int) asked
	// fine is the reason that the request is refused for when it is not too large,
	// empty when it is accepted.
	fine string
	// small, where set, is the bound of a server with smaller ones.
	small int
	// bare says that gRPC refuses it before carrel sees it, without a reason.
	bare bool
}

// TestLimits goes to every bound that a probe can reach, and one beyond.
func TestLimits(t *testing.T) {
	t.Parallel()
	w := newScripted()
	hooks := *pushing
	hooks.MaxConfigs, hooks.CheckURL = task.DefaultPushConfigs, checkHookURL
	b := &bench{newGRPCHouse(t, workingWith(t, w, task.Options{Push: &hooks})), w}
	small := &bench{newGRPCHouse(t, workingWith(t, w, task.Options{MaxQueued: smallQueue})), w}
	for _, l := range limits {
		if l.probe == nil {
			continue
		}
		on, n := b, l.probe.small
		if n == 0 {
			n = l.number(t)
		} else {
			on = small
		}
		for _, d := range drivers {
			if l.over == "" || strings.Contains(l.over, d.name) {
				t.Run(l.what+"/"+d.name, func(t *testing.T) { l.probe.run(t, on, l, n, d.name, d.ask) })
			}
		}
	}
}

func (p *probe) run(t *testing.T, b *bench, l limit, n int, binding string, over func(*grpcHouse, asked) outcome) {
	if got := over(b.grpcHouse, p.ask(b, n).complete()); got.reason != p.fine || p.fine == "" && len(got.results) == 0 {
		t.Errorf("%d: got %.300s, want it taken", n, got)
	}
	got := over(b.grpcHouse, p.ask(b, n+1).complete())
	w, _ := onWire(l.refusal)
	want := outcome{status: w.status, reason: w.reason}
	switch binding {
	case "JSONRPC":
		want.code, want.http = w.code, w.rpcStatus()
		want.status = got.status // which the binding does not have
	case "HTTP+JSON":
		want.http = w.http
	case "GRPC":
		if p.bare {
			want.reason = ""
		}
	}
	if got.status != want.status || got.reason != want.reason || got.code != want.code || got.http != want.http {
		t.Errorf("%d: got %+v, want %+v", n+1, got, want)
	}
}

// rpcStatus is the HTTP status of a JSON-RPC reply with the error.
func (w wire) rpcStatus() int {
	if w.transport {
		return w.http
	}
	return 200
}
