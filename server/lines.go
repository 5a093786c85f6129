package server

import (
	"context"
	"errors"
	"io"
	"iter"
	"net"
	"time"

	"github.com/carrelhq/carrel/task"
)

// lines is a task's log as the body of a response, read by fasthttp as a
// [stream] is.
type lines struct {
	server *Server
	ctx    context.Context
	conn   net.Conn
	place  loan
	ref    task.Ref
	id     string
	seq    uint64
	follow bool

	pending []byte
	next    func() (task.LogLine, error, bool)
	cancel  func()
}

func (s *Server) newLines(x *exchange, place loan, ref task.Ref, id string, after uint64, follow bool) *lines {
	return &lines{server: s, ctx: s.following, conn: x.c.Context().Conn(), place: place, ref: ref, id: id, seq: after, follow: follow, cancel: func() {}}
}

// Close ends the stream.
func (l *lines) Close() error {
	l.cancel()
	l.place.end()
	return nil
}

// Read fills p from the current line, after waiting for one where that is needed.
func (l *lines) Read(p []byte) (n int, err error) {
	defer l.server.contain(&err)
	err = l.advance()
	if deadlineErr := l.conn.SetWriteDeadline(time.Now().Add(l.server.opts.timing.write)); deadlineErr != nil {
		return 0, deadlineErr
	}
	if err != nil {
		return 0, err
	}
	n = copy(p, l.pending)
	l.pending = l.pending[n:]
	return n, nil
}

// advance makes the next line pending when none is.
func (l *lines) advance() error {
	if len(l.pending) > 0 {
		return nil
	}
	if l.next == nil {
		ctx, cancel := context.WithTimeoutCause(l.ctx, l.server.opts.KeepAlive, errKeepAlive)
		next, stop := iter.Pull2(l.server.parts.tasks.Lines(ctx, l.ref, l.id, l.seq, l.follow))
		l.next, l.cancel = next, func() { stop(); cancel() }
	}
	line, err, ok := l.next()
	switch {
	case !ok:
		return io.EOF
	case errors.Is(err, errKeepAlive):
		l.cancel()
		l.next = nil
		l.pending = []byte("\n")
		return nil
	case errors.Is(err, errShuttingDown):
		return io.EOF
	case err != nil:
		// The status is out already: the connection breaks, which says that something is missing.
		l.server.opts.Logger.Error("log stream failed", "tenant", l.ref.Tenant, "task", l.id, "error", err)
		return err
	}
	l.seq = line.Seq
	l.pending, err = appendLine(nil, line)
	return err
}
