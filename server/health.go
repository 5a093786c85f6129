package server

import (
	"context"

	"github.com/gofiber/fiber/v2"
)

// serveHealth serves what load balancers and Prometheus ask for. /healthz says
// that the process answers, /readyz that a task need not wait. /metrics wants the
// operator's key, also on loopback, where a proxy may stand; only a development
// server shows it to everyone.
func (s *Server) serveHealth(x *exchange, path string) error {
	var serve func(*exchange) error
	switch {
	case path == "/healthz":
		serve = func(x *exchange) error { return x.text("ok\n") }
	case path == "/readyz":
		serve = s.serveReady
	case path == "/metrics" && s.opts.MetricsText != nil:
		serve = s.serveMetrics
	default:
		return errNotFound
	}
	x.route = path
	return s.readOnly(x, serve)
}

func (x *exchange) text(body string) error {
	x.set(fiber.HeaderContentType, "text/plain; charset=utf-8")
	x.c.Response().SetBodyString(body)
	return nil
}

func (s *Server) serveReady(x *exchange) error {
	if err := s.ready(x.ctx); err != nil {
		s.opts.Logger.Warn("not ready", "error", err)
		x.c.Status(fiber.StatusServiceUnavailable)
		x.retryLater()
		return x.text("not ready\n")
	}
	return x.text("ready\n")
}

func (s *Server) ready(ctx context.Context) error {
	if s.following.Err() != nil {
		return errShuttingDown
	}
	if s.opts.Ready == nil {
		return nil
	}
	return s.opts.Ready(ctx)
}

func (s *Server) serveMetrics(x *exchange) error {
	p, err := s.principal(x)
	if err != nil {
		return err
	}
	if !p.Operator {
		return errForbidden
	}
	text, err := s.opts.MetricsText()
	if err != nil {
		return err
	}
	x.set(fiber.HeaderContentType, "text/plain; version=0.0.4; charset=utf-8")
	x.c.Response().SetBodyRaw(text)
	return nil
}
