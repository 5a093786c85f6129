package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

// timed is an operation of this process, as a [measurer].
type timed func() (time.Duration, error)

func (t timed) measure(n int) (times []time.Duration, err error) {
	for range n {
		took, err := t()
		if err != nil {
			return nil, err
		}
		times = append(times, took)
	}
	return times, nil
}

// neverSeen returns the module with a custom section that no other has.
func neverSeen(module []byte) []byte {
	section := []byte{0, 10, 1, 'n'}
	section = binary.LittleEndian.AppendUint64(section, rand.Uint64())
	return append(append([]byte(nil), module...), section...)
}

// sendText sends one message and wants the task completed.
func sendText(base, agent, text string) error {
	c := &caller{client: newLoadClient(1), url: base + "/agents/" + agent}
	defer c.client.CloseIdleConnections()
	var reply struct{ Task benchTask }
	err := c.result(`{"jsonrpc":"2.0","id":1,"method":"SendMessage","params":`+messageParams(text, false)+`}`, &reply)
	if state := reply.Task.Status.State; err == nil && state != "TASK_STATE_COMPLETED" {
		err = fmt.Errorf("the task of %s ended as %q", agent, state)
	}
	return err
}

// firstSection compares the upload and the first task of a module that was never
// seen with compiling it.
func firstSection(ctx context.Context, s settings, t *table) error {
	guest, err := jsonGuest(ctx, s.dir)
	if err != nil {
		return err
	}
	module, err := os.ReadFile(guest)
	if err != nil {
		return err
	}
	data, err := os.MkdirTemp(s.dir, "data-")
	if err != nil {
		return err
	}
	server, err := startUploaded(ctx, s, data)
	if err != nil {
		return err
	}
	defer server.stop()
	token, err := operatorToken(filepath.Join(data, "uploaded"))
	if err != nil {
		return err
	}
	compiling := fromEngines("wazero 1.12.0, compiling it", "≤ 1.5x", "compile", []string{"-module", guest})
	theirs, err := compiling.start(ctx, s)
	if err != nil {
		return err
	}
	defer theirs.stop()
	ours := timed(func() (time.Duration, error) {
		module, begin := neverSeen(module), time.Now()
		err := upload(ctx, http.DefaultClient, server.base(), token, "default/new", module)
		if err == nil {
			err = sendText(server.base(), "default/new", "1")
		}
		return time.Since(begin), err
	})
	medians, err := inTurns(3, 1, ours, theirs)
	if err != nil {
		return err
	}
	what := fmt.Sprintf("a Go module never seen, of %.1f MB: ", float64(len(module))/1e6)
	t.add(what+"upload and first task", short(medians[0]), "", "")
	t.add(what+compiling.name, short(medians[1]), fmt.Sprintf("carrel %.2fx", float64(medians[0])/float64(medians[1])), compiling.aim)
	return nil
}

// startUploaded starts a server of uploaded modules on its core, with the store in data.
func startUploaded(ctx context.Context, s settings, data string, uploads ...string) (*server, error) {
	return startPeer(ctx, s, peer{portFlag: []string{"--port"}, command: func(context.Context, string) ([]string, error) {
		return servingFrom(data, uploads...)
	}})
}
