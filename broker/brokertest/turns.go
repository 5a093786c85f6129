package brokertest

import (
	"fmt"
	"testing"

	"github.com/carrelhq/carrel/broker"
)

var turns = []behaviour{
	{"a full lane delays another tenant's first job by one job at most", fullLaneDelaysByOne},
	{"lanes take turns for as long as they hold jobs", lanesTakeTurns},
	{"a lane that ran empty and comes back gets no second turn in a round", comingBackIsNoShortcut},
}

func fullLaneDelaysByOne(t *testing.T, b broker.Broker) {
	busy := jobsOf("busy", 600)
	enqueue(t, b, busy...)
	for range 3 {
		dequeue(t, b)
	}
	late := broker.Job{Tenant: "late", TaskID: "1"}
	enqueue(t, b, late)
	if first, second := dequeue(t, b), dequeue(t, b); first != late && second != late {
		t.Errorf("got %v and %v before %v", first, second, late)
	}
}

func lanesTakeTurns(t *testing.T, b broker.Broker) {
	const tenants, each = 7, 20
	for i := range tenants {
		enqueue(t, b, jobsOf(fmt.Sprintf("tenant%d", i), each)...)
	}
	for round := range each {
		served := make(map[string]bool)
		for range tenants {
			served[dequeue(t, b).Tenant] = true
		}
		if len(served) != tenants {
			t.Fatalf("round %d served %d of %d tenants", round, len(served), tenants)
		}
	}
}

func comingBackIsNoShortcut(t *testing.T, b broker.Broker) {
	enqueue(t, b, jobsOf("a", 10)...)
	enqueue(t, b, jobsOf("b", 10)...)
	eager := broker.Job{Tenant: "eager", TaskID: "1"}
	enqueue(t, b, eager)
	for since := map[string]int{}; since["a"] < 3 || since["b"] < 3; {
		got := dequeue(t, b)
		since[got.Tenant]++
		if got == eager {
			enqueue(t, b, eager)
		}
		if since["eager"] > since["a"]+1 || since["eager"] > since["b"]+1 {
			t.Fatalf("jobs served by tenant: %v", since)
		}
	}
}
