// Command json is a guest that reads and writes JSON by encoding/json, as most
// agents in Go do. The text of a message is how many times it does so: "1".
package main

import (
	"context"
	"encoding/json"
	"strconv"

	"github.com/carrelhq/carrel/guests/go/agent"
)

// message is what is read and written.
type message struct {
	Role  string `json:"role"`
	Parts []part `json:"parts"`
}

type part struct {
	Text string `json:"text"`
}

const sample = `{"role":"ROLE_USER","parts":[{"text":"the quick brown fox jumps over the lazy dog"}]}`

// init does the work once, for Extism and others whose instances begin there.
// carrel's snapshot has what is done in Warm.
func init() {
	if _, err := work(1); err != nil {
		panic(err)
	}
	agent.Warm(func() { _, _ = work(1) })
	agent.HandleText(func(_ context.Context, text string) (string, error) {
		times, err := strconv.Atoi(text)
		if err != nil {
			return "", err
		}
		return work(times)
	})
}

// work reads a message and writes it, so many times, and returns what was written.
func work(times int) (string, error) {
	var out []byte
	for range times {
		var m message
		err := json.Unmarshal([]byte(sample), &m)
		if err != nil {
			return "", err
		}
		if out, err = json.Marshal(m); err != nil {
			return "", err
		}
	}
	return string(out), nil
}

// run is the same for Extism, whose calls have no arguments.
//
//go:wasmexport extism_run
func run() int32 {
	if _, err := work(1); err != nil {
		return 1
	}
	return 0
}

func main() {}
