package server

import (
	"context"
	"io"
	"net"
	"time"

	"github.com/gofiber/fiber/v2"
)

// serveBackup streams a backup of the store. Only the operator comes here.
func (s *Server) serveBackup(x *exchange) error {
	x.c.Status(fiber.StatusOK)
	x.set(fiber.HeaderContentType, fiber.MIMEOctetStream)
	x.set(fiber.HeaderContentDisposition, `attachment; filename="carrel.backup"`)
	x.c.Response().SetBodyStream(s.newBackup(x), -1)
	return nil
}

// backup is a backup as the body of a response. The store pushes and fasthttp
// pulls, so a goroutine stands between them; it ends with the body.
type backup struct {
	*io.PipeReader
	conn     net.Conn
	patience time.Duration
	cancel   context.CancelFunc
	done     chan struct{}
}

func (s *Server) newBackup(x *exchange) *backup {
	ctx, cancel := context.WithCancel(x.ctx)
	r, w := io.Pipe()
	b := &backup{PipeReader: r, conn: x.c.Context().Conn(), patience: s.opts.timing.write, cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(b.done)
		err := s.writeBackup(ctx, w)
		if err != nil && ctx.Err() == nil {
			s.opts.Logger.Error("backup failed", "error", err)
		}
		w.CloseWithError(err)
	}()
	return b
}

func (s *Server) writeBackup(ctx context.Context, w io.Writer) (err error) {
	defer s.contain(&err)
	return s.opts.Backup(ctx, w)
}

// Read reads the next piece, and gives the write that follows its time.
func (b *backup) Read(p []byte) (int, error) {
	n, err := b.PipeReader.Read(p)
	if deadlineErr := b.conn.SetWriteDeadline(time.Now().Add(b.patience)); deadlineErr != nil {
		return 0, deadlineErr
	}
	return n, err
}

// Close stops the backup and waits until it has.
func (b *backup) Close() error {
	b.cancel()
	err := b.PipeReader.Close()
	<-b.done
	return err
}
