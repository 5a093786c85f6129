package main

import (
	"fmt"
	"testing"

	"github.com/carrelhq/carrel/guests/go/agent/agenttest"
)

func TestTheContextGrowsByTwoMessagesATask(t *testing.T) {
	host := agenttest.New()
	for _, want := range []int{2, 4, 6} {
		got, err := host.Send("hello")
		if err != nil || got.State != "completed" || got.Output != fmt.Sprintf("Your context is %d messages long.", want) {
			t.Fatalf("got %+v, %v, want %d", got, err, want)
		}
	}
}
