package main

import (
	"testing"

	"github.com/carrelhq/carrel/guests/go/agent/agenttest"
)

func TestCommands(t *testing.T) {
	host := agenttest.New()
	for _, test := range []struct{ text, state, output string }{
		{"hello", "completed", "hello"},
		{"stream 3", "completed", "0 1 2 "},
		{"stream many", "failed", `strconv.Atoi: parsing "many": invalid syntax`},
		{"count", "completed", "Your context is 2 messages long."},
		{"count", "completed", "Your context is 4 messages long."},
		{"ask", "input_required", "What is your name?"},
		{"reject", "rejected", "I do not do that."},
	} {
		got, err := host.Send(test.text)
		if err != nil || got.State != test.state || got.Message+got.Output != test.output {
			t.Errorf("%s: got %+v, %v; want %s, %q", test.text, got, err, test.state, test.output)
		}
	}
}
