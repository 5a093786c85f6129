package server

import (
	"bytes"
	"context"

	"github.com/carrelhq/carrel/task"
)

// A few bytes ask for a task of many megabytes, and who asks need not read the
// answer. So large answers have a quota: each is a loan, of as many bytes as its
// task has events, from before the task is read until the client has the answer.

// reading returns a context under which tasks are read as far as the quota has
// room for the party. What is read for is held in the loan, which the caller ends.
func (s *Server) reading(ctx context.Context, held *loan, who party) context.Context {
	*held = loan{of: s.answers, who: who}
	return task.WithRoom(ctx, held.holds)
}

// holds makes room for a task with events of so many bytes. What is larger than
// any party's part counts as that.
func (l *loan) holds(bytes uint64) bool {
	return bytes <= smallAnswer || l.grow(int64(min(bytes, uint64(l.of.max/addressPart))))
}

// lent is a body that ends its loan once it is sent, or will not be.
type lent struct {
	*bytes.Reader
	held loan
}

// Close implements io.Closer; fasthttp calls it.
func (l *lent) Close() error {
	l.held.end()
	return nil
}

// send sets the body of the answer, which is kept until it is sent, and with it
// what the request holds.
func (x *exchange) send(body []byte) {
	if x.held.held == 0 {
		x.c.Response().SetBodyRaw(body)
		return
	}
	x.c.Response().SetBodyStream(&lent{bytes.NewReader(body), x.held}, len(body))
	x.held = loan{}
}
