// Command conformance is the agent that tries everything the ABI has. The first
// word of a message is a command; what is no command is echoed.
//
//	status TEXT    reports progress
//	stream N       streams N chunks
//	context        loads, saves and saves again with a stale version
//	history        answers with the messages of the context
//	task           answers with the artifacts the task has so far
//	log N          writes N lines to the log
//	print TEXT     writes to standard output and standard error
//	input          asks; the answer completes the task
//	auth           asks for credentials
//	fail, reject   end the task so
//	panic, trap, exit, spin, grow    do what their names say
//	large          emits an artifact that is too large, and says what the host answered
//	file           says what a file is that came with the message, and gives it back, and 300,000 bytes
//	random         answers with random numbers
//	sleep          sleeps an hour, and says by how much the clock has moved
package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/carrelhq/carrel/guests/go/agent"
)

func init() {
	agent.Describe(agent.Description{
		Name: "Conformance", Description: "Tries everything the ABI has.", Version: "1.0.0",
		Skills: []agent.Skill{{ID: "try", Name: "Try", Description: "Runs a command.", Tags: []string{"test"}}},
	})
	agent.Warm(func() { agent.Random.Uint64() }) // which no run may go on from
	agent.Handle(run)
}

var commands = map[string]func(*agent.Task, string) error{
	"status": status, "stream": stream, "context": tryContext, "history": history, "task": task, "log": log, "print": printOut,
	"input": input, "auth": auth, "fail": fail, "reject": reject,
	"panic": panics, "trap": trap, "exit": exit, "spin": spin, "grow": grow, "large": large, "file": file, "random": random, "sleep": sleep,
}

func run(_ context.Context, t *agent.Task) error {
	if t.Run > 1 {
		return t.Reply(fmt.Sprintf("run %d: %s", t.Run, t.Text()))
	}
	word, rest, _ := strings.Cut(t.Text(), " ")
	if command, ok := commands[word]; ok {
		return command(t, rest)
	}
	return t.Reply(t.Text())
}

func status(t *agent.Task, text string) error { return t.Status(text) }

func stream(t *agent.Task, count string) error {
	n, err := strconv.Atoi(count)
	if err != nil {
		return err
	}
	out := t.Stream("stream", "Stream")
	for i := range n {
		if _, err := out.WriteString(strconv.Itoa(i) + " "); err != nil {
			return err
		}
	}
	return out.Close()
}

func tryContext(t *agent.Task, text string) error {
	c, err := agent.Load[string](t)
	if err != nil {
		return err
	}
	stale := *c
	before := c.Value
	c.Value = text
	if err := c.Save(); err != nil {
		return err
	}
	return t.Reply(fmt.Sprintf("%q, then %q, a stale save: %v", before, text, stale.Save()))
}

func history(t *agent.Task, _ string) error {
	messages, err := t.History(0)
	if err != nil {
		return err
	}
	var out []string
	for _, m := range messages {
		out = append(out, m.Text())
	}
	return t.Reply(strings.Join(out, " | "))
}

func task(t *agent.Task, text string) error {
	if err := t.Emit(agent.Artifact{ArtifactID: "first", Parts: []agent.Part{agent.Text(text)}}); err != nil {
		return err
	}
	list, err := t.Artifacts()
	if err != nil {
		return err
	}
	return t.Reply(fmt.Sprintf("%d artifacts, the first is %q", len(list), agent.Message{Parts: list[0].Parts}.Text()))
}

func log(t *agent.Task, count string) error {
	n, err := strconv.Atoi(count)
	if err != nil {
		return err
	}
	for i := range n {
		t.Logf("line %d", i+1)
	}
	return nil
}

func printOut(_ *agent.Task, text string) error {
	fmt.Fprintln(os.Stdout, "out:", text)
	fmt.Fprint(os.Stderr, "err: ", text)
	return nil
}

func input(*agent.Task, string) error  { return agent.NeedInput("What is your name?") }
func auth(*agent.Task, string) error   { return agent.NeedAuth("Please log in.") }
func reject(*agent.Task, string) error { return agent.Reject("I do not do that.") }

func fail(_ *agent.Task, text string) error { return fmt.Errorf("failed as told: %s", text) }

func panics(_ *agent.Task, text string) error { panic(text) }

// trap overflows the stack, which Go cannot recover from.
func trap(*agent.Task, string) error { return fmt.Errorf("%d", deeper(1)) }

func deeper(n int) int {
	var frame [1024]byte
	frame[n%len(frame)] = byte(n)
	return deeper(n+1) + int(frame[n/2%len(frame)])
}

func exit(*agent.Task, string) error { os.Exit(3); return nil }

func spin(*agent.Task, string) error {
	for n := uint64(0); ; n++ {
		if n == 1<<63 {
			return nil
		}
	}
}

func grow(*agent.Task, string) error {
	var keep [][]byte
	for {
		keep = append(keep, make([]byte, 1<<20))
		keep[len(keep)-1][0] = 1
	}
}

func large(t *agent.Task, _ string) error {
	err := t.Emit(agent.Artifact{Parts: []agent.Part{agent.Text(strings.Repeat("x", 400<<10))}})
	return t.Reply(fmt.Sprint(err))
}

func file(t *agent.Task, _ string) error {
	came := t.Message.Parts[len(t.Message.Parts)-1]
	digest := sha256.New()
	n, err := io.Copy(digest, came.Open())
	if err != nil {
		return err
	}
	made := agent.Part{Raw: bytes.Repeat([]byte("made "), 60_000), Filename: "made.txt", MediaType: "text/plain"}
	if err := t.Emit(agent.Artifact{ArtifactID: "files", Parts: []agent.Part{came, made}}); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, agent.Part{URL: came.URL + "0"}.Open())
	return t.Reply(fmt.Sprintf("%d bytes, %x; another: %v", n, digest.Sum(nil), err))
}

func random(t *agent.Task, _ string) error {
	return t.Reply(fmt.Sprintf("%x %x", agent.Random.Uint64(), rand.Uint64()))
}

func sleep(t *agent.Task, _ string) error {
	before := time.Now()
	time.Sleep(time.Hour)
	return t.Reply(time.Since(before).Round(time.Minute).String())
}

func main() {}
