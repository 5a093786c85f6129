package server

import (
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"
)

const (
	// maxDrain is how much of a body that nobody wants is read, so that the
	// connection can be used again.
	maxDrain = 64 << 10
	// firstBuffer is what a body may cost before its bytes have come.
	firstBuffer = 16 << 10
	// uploadStep is how much of an upload must come in each read timeout.
	uploadStep = 64 << 10
)

// body reads the body of a request, and counts. Fasthttp enforces no limit on
// bodies that it streams, and takes what is left unread for the next request:
// so every body is read here, and finished here.
type body struct {
	stream io.Reader
	// length is the declared length, negative when chunked.
	length int64
	read   int64
	done   bool
	conn   net.Conn
	// pace, when set, is the time in which each uploadStep must come.
	pace  time.Duration
	paced int64
}

func newBody(c *fiber.Ctx) *body {
	b := &body{stream: c.Context().RequestBodyStream(), length: int64(c.Request().Header.ContentLength()), conn: c.Context().Conn()}
	b.done = b.stream == nil || b.length == 0
	return b
}

// Read reads from the body. It returns errSlow when the bytes do not come.
func (b *body) Read(p []byte) (int, error) {
	if b.done {
		return 0, io.EOF
	}
	if err := b.allowTime(); err != nil {
		return 0, err
	}
	n, err := b.stream.Read(p)
	b.read += int64(n)
	var timeout net.Error
	switch {
	case err == io.EOF || b.length >= 0 && b.read >= b.length:
		b.done = true
		return n, io.EOF
	case errors.As(err, &timeout) && timeout.Timeout():
		return n, errSlow
	case err != nil:
		return n, fmt.Errorf("body after %d bytes: %w: %w", b.read, errMalformed, err)
	}
	return n, nil
}

// allowTime moves the read deadline on for every step that has come.
func (b *body) allowTime() error {
	if b.pace == 0 || b.read < b.paced {
		return nil
	}
	b.paced = b.read + uploadStep
	return b.conn.SetReadDeadline(time.Now().Add(b.pace))
}

// all reads the body whole, or returns errTooLarge for more than limit bytes.
// The slice is the caller's.
func (b *body) all(limit int64) ([]byte, error) {
	if b.length > limit {
		return nil, tooLarge(limit)
	}
	buf := make([]byte, 0, b.expected())
	for {
		if len(buf) == cap(buf) {
			buf = append(buf, 0)[:len(buf)]
		}
		n, err := b.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		switch {
		case int64(len(buf)) > limit:
			return nil, tooLarge(limit)
		case err == io.EOF:
			return buf, nil
		case err != nil:
			return nil, err
		}
	}
}

func tooLarge(limit int64) error {
	return refuse(errTooLarge, "at most "+strconv.FormatInt(limit, 10)+" bytes are taken")
}

func (b *body) expected() int64 {
	if b.length < 0 {
		return 512
	}
	return min(max(b.length, 1), firstBuffer)
}

// finish reads what is left, if it is little; else the connection closes after
// the answer, and lingers so that the answer arrives.
func (b *body) finish(c *fiber.Ctx) {
	if b.done {
		return
	}
	if b.length < 0 || b.length-b.read <= maxDrain {
		io.CopyN(io.Discard, b, maxDrain)
	}
	if !b.done {
		c.Context().SetConnectionClose()
		lingering(b.conn)
	}
}
