package server

import (
	"context"
	"errors"
	"io"
	"net"
	"strconv"
	"time"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"
	"github.com/gofiber/fiber/v2"
)

// wireKey names the encoding that all JSON streams share, see [task.Event.Encoded].
const wireKey = "json"

// framing is how a binding writes what a stream shows: the JSON of each event,
// what stands before and after it, and the JSON of an error that ends the stream,
// with the lines before it.
type framing struct {
	head, tail []byte
	encode     func(shown) ([]byte, error)
	fail       func(w wire, err error) []byte
	failHead   string
}

var errKeepAlive = errors.New("nothing happened for a while")

const (
	commentIdle = ": keep-alive\n\n"
	commentStop = ": the server is shutting down\n\n"
)

// serveStream opens a feed and answers with it. The stream's place is taken
// first: a message that is refused for want of one must not have been accepted.
func (s *Server) serveStream(x *exchange, by caller, in framing, open func() (*feed, error)) error {
	place := loan{of: s.streams, who: by.party()}
	if !place.grow(1) {
		return errTooManyStreams
	}
	served := false
	defer func() {
		if !served {
			place.end()
		}
	}()
	f, err := open()
	if err != nil {
		return err
	}
	s.serveFeed(x, in, f, place)
	served = true
	return nil
}

// serveFeed answers with a feed as server-sent events; an event's id is its
// sequence number. The end of the stream ends the loan of its place.
func (s *Server) serveFeed(x *exchange, in framing, f *feed, place loan) {
	st := s.newStream(x, in, f, place)
	x.c.Status(fiber.StatusOK)
	x.set(fiber.HeaderContentType, typeEvents+"; charset=utf-8")
	x.set("X-Accel-Buffering", "no") // or nginx keeps events back
	// A resumed stream may have nothing to say for a while; its client should
	// know that it is there.
	x.c.Response().ImmediateHeaderFlush = f.first == nil
	x.c.Response().SetBodyStream(st, -1)
}

// stream is a feed as the body of a response. Fasthttp reads it from the
// goroutine of the connection and flushes what each Read returns, so a stream
// needs no goroutine and no buffer of its own, a client that does not read
// blocks nobody but itself, and one that has gone ends it with the next flush.
type stream struct {
	server  *Server
	feed    *feed
	place   loan
	ctx     context.Context
	conn    net.Conn
	own     *conn // under conn; nil in tests without one
	framing framing
	// pending is what is left of the frame to send.
	pending [3][]byte
	prefix  []byte
	more    bool // the next event is there
	begun   bool
	over    bool
	// held is what of the task the first frame holds.
	held loan

	// waiting is the context of what is waited for, until it has been waited for the
	// time of one keep-alive.
	waiting context.Context
	cancel  func()
}

func (s *Server) newStream(x *exchange, in framing, f *feed, place loan) *stream {
	s.followers(1)
	in.tail = append(in.tail, "\n\n"...)
	c := x.c.Context().Conn()
	st := &stream{server: s, feed: f, place: place, held: x.held, ctx: s.following, conn: c, own: ownConn(c), framing: in, cancel: func() {}}
	x.held = loan{}
	return st
}

func (s *Server) followers(n float64) {
	if t := s.opts.Telemetry; t != nil && t.Metrics != nil {
		t.Metrics.Followers.Add(n)
	}
}

// Close ends the stream; fasthttp calls it once, however the stream ends.
func (st *stream) Close() error {
	st.cancel()
	st.feed.close()
	st.place.end()
	st.held.end()
	st.server.followers(-1)
	return nil
}

// oneWrite is as much of a stream as fasthttp writes at once: its buffer, less what
// is put around each Read.
const oneWrite = 4096 - 16

// Read fills p from the current frame, after waiting for one where that is
// needed, and from those that are there already, and gives the write that follows
// its time. The connection holds that write back while there is more to send at once.
func (st *stream) Read(p []byte) (n int, err error) {
	defer func() {
		if err != nil {
			n = 0 // fasthttp goes on after an error that comes with bytes
			st.own.hold(false)
		}
	}()
	defer st.server.contain(&err)
	p = p[:min(len(p), oneWrite)]
	n = st.drain(p)
	for !st.over && (n == 0 || st.more && n < len(p)) {
		st.advance()
		n += st.drain(p[n:])
	}
	st.own.hold(n > 0 && (st.more || st.unsent()))
	if err = st.conn.SetWriteDeadline(time.Now().Add(st.server.opts.timing.write)); err != nil {
		return 0, err
	}
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

func (st *stream) drain(p []byte) (n int) {
	for i := range st.pending {
		m := copy(p[n:], st.pending[i])
		st.pending[i] = st.pending[i][m:]
		n += m
	}
	return n
}

// unsent reports whether something of the frame is left.
func (st *stream) unsent() bool {
	return len(st.pending[0])+len(st.pending[1])+len(st.pending[2]) > 0
}

// advance makes the next frame pending: an event, or a comment, or none when
// the stream is over.
func (st *stream) advance() {
	if st.begun {
		st.held.end()
	}
	st.begun = true
	if st.waiting == nil {
		st.waiting, st.cancel = context.WithTimeoutCause(st.ctx, st.server.opts.KeepAlive, errKeepAlive)
	}
	what, ok, err := st.feed.next(st.waiting, st.server.parts.events)
	st.more = what.more
	switch {
	case err != nil:
		st.interrupted(err)
	case !ok:
		st.over = true
	default:
		st.show(what)
	}
}

// interrupted handles an error of the feed. When nothing happened for a while a
// comment goes out, and the next step waits on.
func (st *stream) interrupted(err error) {
	st.cancel()
	st.waiting, st.cancel = nil, func() {}
	switch {
	case errors.Is(err, errKeepAlive):
		st.pending[0] = []byte(commentIdle)
	case errors.Is(err, errShuttingDown):
		st.pending[0] = []byte(commentStop)
		st.over = true
	default:
		st.fail(err)
	}
}

// show makes the frame of an event pending.
func (st *stream) show(what shown) {
	data, err := st.framing.encode(what)
	if err != nil {
		st.fail(err)
		return
	}
	st.prefix = strconv.AppendUint(append(st.prefix[:0], "id: "...), what.seq, 10)
	st.prefix = append(st.prefix, "\ndata: "...)
	st.prefix = append(st.prefix, st.framing.head...)
	st.pending = [3][]byte{st.prefix, data, st.framing.tail}
}

// encoded is what encode makes of what is shown, once for all the streams that
// show the same under the same key.
func (w shown) encoded(key string, encode func(*a2apb.StreamResponse) ([]byte, error)) ([]byte, error) {
	if w.shared {
		return w.event.Encoded(key, encode)
	}
	return encode(w.body)
}

// showJSON encodes what is shown in ProtoJSON.
func showJSON(w shown) ([]byte, error) { return w.encoded(wireKey, encodeEvent) }

// fail ends the stream with an error. Sections 9.4.2, 11.6.
func (st *stream) fail(err error) {
	w, known := onWire(err)
	if !known {
		st.server.opts.Logger.Error("stream failed", "tenant", st.feed.ref.Tenant, "agent", st.feed.ref.Agent, "task", st.feed.id, "error", err)
	}
	frame := append([]byte(st.framing.failHead+"data: "), st.framing.fail(w, err)...)
	st.pending[0] = append(frame, "\n\n"...)
	st.over = true
}
