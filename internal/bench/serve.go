package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"runtime/pprof"
	"strconv"
	"strings"
	"syscall"
	"time"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"

	"github.com/carrelhq/carrel"
	"github.com/carrelhq/carrel/abi"
	"github.com/carrelhq/carrel/internal/threads"
	"github.com/carrelhq/carrel/task"
)

// serve runs carrel with native workers, on a durable store.
func serve(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("serve", flag.ContinueOnError)
	port := flags.Int("port", 0, "the port to listen on")
	data := flags.String("data", "", "the folder of the store")
	profile := flags.String("profile", "", "write a CPU profile to this file")
	var allow []string
	flags.Func("allow-egress", "an address or network that webhooks may be at, any number of times", func(s string) error {
		allow = append(allow, s)
		return nil
	})
	if err := flags.Parse(args); err != nil {
		return err
	}
	stop, err := startProfile(*profile)
	if err != nil {
		return err
	}
	defer stop()
	threads.Prepare() // as the carrel program does
	server, err := newNative(ctx, *data, *port, allow...)
	if err != nil {
		return err
	}
	go collectWhenAsked(ctx)
	fmt.Println("ready")
	return server.Run(ctx)
}

// collectWhenAsked gives back what is garbage at SIGUSR1, so that what is held can
// be measured without it.
func collectWhenAsked(ctx context.Context) {
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGUSR1)
	for {
		select {
		case <-asked:
			debug.FreeOSMemory()
			fmt.Println("collected")
		case <-ctx.Done():
			return
		}
	}
}

// newNative returns a server of the native agents, with webhooks at public
// addresses and those allowed.
func newNative(ctx context.Context, data string, port int, allow ...string) (*carrel.Server, error) {
	return carrel.New(ctx, carrel.Options{
		DataDir:     data,
		Addr:        "127.0.0.1:" + strconv.Itoa(port),
		Dev:         true,
		AllowEgress: allow,
		Worker:      native{},
		Agents: []carrel.AgentSpec{
			{Name: "echo", Description: abi.Description{Description: "Echoes its input."}},
			{Name: "chunks", Description: abi.Description{Description: "Streams as many chunks as the message says, at the pace it says."}},
		},
	})
}

// startProfile writes a CPU profile until stop is called; an empty file name writes none.
func startProfile(file string) (stop func(), err error) {
	if file == "" {
		return func() {}, nil
	}
	f, err := os.Create(file)
	if err != nil {
		return nil, err
	}
	return pprof.StopCPUProfile, pprof.StartCPUProfile(f)
}

// native is the worker of the measured agents.
type native struct{}

// Work implements task.Worker.
func (native) Work(ctx context.Context, run *task.Run) (task.Result, error) {
	if run.Ref.Agent == "chunks" {
		return task.Result{}, chunks(ctx, run)
	}
	return task.Result{Artifacts: []*a2apb.Artifact{{Parts: run.Message.Parts}}}, nil
}

// chunks emits the number of chunks that the message names, paced when it names
// a pace and a delay before the first: "5000" or "100 50ms 3s". The text of a
// chunk is the time it was due, in nanoseconds.
func chunks(ctx context.Context, run *task.Run) error {
	n, pace, delay, err := parseOrder(run.Message.GetParts()[0].GetText())
	if err != nil {
		return err
	}
	due := time.Now().Add(delay)
	for i := range n {
		if pace == 0 {
			due = time.Now()
		} else if err := waitUntil(ctx, due.Add(pace)); err != nil {
			return err
		} else {
			due = due.Add(pace)
		}
		if err := run.Artifact(ctx, chunk(i, due, i == n-1)); err != nil {
			return err
		}
	}
	return nil
}

func parseOrder(text string) (n int, pace, delay time.Duration, err error) {
	words := strings.Fields(text)
	if len(words) == 0 {
		return 0, 0, 0, errors.New("the message must say how many chunks it wants")
	}
	if n, err = strconv.Atoi(words[0]); err != nil || len(words) < 3 {
		return n, 0, 0, err
	}
	if pace, err = time.ParseDuration(words[1]); err != nil {
		return n, 0, 0, err
	}
	delay, err = time.ParseDuration(words[2])
	return n, pace, delay, err
}

func waitUntil(ctx context.Context, due time.Time) error {
	timer := time.NewTimer(time.Until(due))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func chunk(i int, due time.Time, last bool) *a2apb.TaskArtifactUpdateEvent {
	text := strconv.FormatInt(due.UnixNano(), 10)
	return &a2apb.TaskArtifactUpdateEvent{
		Artifact:  &a2apb.Artifact{ArtifactId: "out", Parts: []*a2apb.Part{{Content: &a2apb.Part_Text{Text: text}}}},
		Append:    i > 0,
		LastChunk: last,
	}
}
