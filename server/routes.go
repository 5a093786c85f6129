package server

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/carrelhq/carrel/agent"
	"github.com/carrelhq/carrel/internal/telemetry"
	"github.com/carrelhq/carrel/server/docs"
	"github.com/carrelhq/carrel/task"
)

// Route patterns, for metrics, spans and logs.
const (
	routeRPC        = "/agents/{tenant}/{agent}"
	routeCard       = "/agents/{tenant}/{agent}/.well-known/agent-card.json"
	routeKeys       = keysPath
	routeCatalog    = catalogPath
	routeOwnCatalog = "/agents/{tenant}" + catalogPath
	routePage       = "docs page"
	routeAsset      = docs.Prefix + "{asset}"
	routePreflight  = "preflight"
	routeUnknown    = "unknown"

	agentsPrefix = "/agents/"
	apiPrefix    = "/api/"
	wellKnown    = ".well-known"
	cardPath     = "/" + wellKnown + "/agent-card.json"
	keysPath     = "/" + wellKnown + "/jwks.json"
	catalogPath  = "/" + wellKnown + "/api-catalog"
	documentPath = "/openapi.json"
)

// exchange is one request and its answer.
type exchange struct {
	c    *fiber.Ctx
	body *body
	// ctx is the server's own: it ends when the server does, and knows nothing of fasthttp.
	ctx   context.Context
	route string
	// media is the media type of errors in the form of the HTTP+JSON binding.
	media string
	// rpcID is the raw id of a JSON-RPC request, once it is known.
	rpcID []byte
	// in03 is set when the request is in A2A 0.3, and so its errors.
	in03 bool
	// held is what of tasks the answer holds in memory, see answers.go.
	held loan
}

// header returns a copy of a request header, "" when absent.
func (x *exchange) header(name string) string { return x.c.Get(name) }

// headers returns the lines of a request header as one list, "" when absent.
func (x *exchange) headers(name string) string {
	return string(bytes.Join(x.c.Request().Header.PeekAll(name), []byte(", ")))
}

func (x *exchange) set(name, value string) { x.c.Response().Header.Set(name, value) }

// handle is the one handler of all requests.
func (s *Server) handle(c *fiber.Ctx) (err error) {
	begin := time.Now()
	x := &exchange{c: c, body: newBody(c), ctx: telemetry.Extract(s.base, c.Get("Traceparent")), media: typeJSON, route: routeUnknown}
	ctx, span := s.opts.Telemetry.Start(x.ctx, "HTTP "+c.Method(), slog.String("url.path", c.Path()))
	x.ctx = ctx
	defer func() {
		if p := recover(); p != nil {
			err = s.fail(x, s.panicked(p))
		}
		x.held.end() // of an answer that was not made
		x.body.finish(c)
		if s.following.Err() != nil {
			c.Context().SetConnectionClose() // fasthttp stops saying so when its time is over
		}
		s.secure(x)
		span.Set(slog.String("http.route", x.route), slog.Int("http.response.status_code", c.Response().StatusCode()))
		span.End(nil)
		s.observe(x, time.Since(begin))
	}()
	if err := s.dispatch(x); err != nil {
		return s.fail(x, err)
	}
	return nil
}

// dispatch routes by hand: Fiber's patterns cannot tell "task:cancel" from a
// parameter, and an agent's base stands with and without a slash at its end.
func (s *Server) dispatch(x *exchange) error {
	if err := s.checkHost(x); err != nil {
		return err
	}
	path := x.c.Path()
	if s.cors(x, path) {
		x.route = routePreflight
		return nil
	}
	switch {
	case asksForPage(x, path):
		return s.servePage(x, path)
	case strings.HasPrefix(path, docs.Prefix):
		return s.serveAsset(x, path)
	case strings.HasPrefix(path, blobsPrefix):
		x.route = routeBlob
		return s.readOnly(x, func(x *exchange) error { return s.serveBlob(x, path) })
	case strings.HasPrefix(path, agentsPrefix):
		ref, below := splitAgentPath(path)
		if ref.Agent == wellKnown { // no agent has such a name
			return s.readOnly(x, func(x *exchange) error { return s.serveOwnCatalog(x, ref.Tenant, below) })
		}
		return s.serveAgent(x, ref, below)
	case strings.HasPrefix(path, apiPrefix):
		return s.serveAPI(x)
	case path == keysPath:
		return s.readOnly(x, s.serveKeys)
	case path == catalogPath:
		return s.readOnly(x, s.serveCatalog)
	case path == "/" || path == cardPath || path == oldCardPath || path == documentPath || belowLanding(path):
		ref, err := s.landingAgent(x.ctx)
		if err != nil {
			return err
		}
		return s.serveAgent(x, ref, strings.TrimSuffix(path, "/"))
	}
	return s.serveHealth(x, path)
}

// splitAgentPath splits /agents/tenant/agent and what is below it, which is
// empty for the base, with or without a slash.
func splitAgentPath(path string) (ref task.Ref, below string) {
	var rest string
	ref.Tenant, rest, _ = strings.Cut(path[len(agentsPrefix):], "/")
	ref.Agent, below, _ = strings.Cut(rest, "/")
	if below != "" {
		below = "/" + below
	}
	return ref, below
}

// readOnly serves what can be read and nothing else.
func (s *Server) readOnly(x *exchange, serve func(*exchange) error) error {
	if m := x.c.Method(); m != fiber.MethodGet && m != fiber.MethodHead {
		return s.allow(x, "GET, HEAD, OPTIONS")
	}
	return serve(x)
}

// landingAgent is the agent served at "/", the zero one when there is none: that
// is not found as one is that the caller may not see.
func (s *Server) landingAgent(ctx context.Context) (task.Ref, error) {
	if s.landing != nil {
		return *s.landing, nil
	}
	a, err := s.parts.agents.Sole(ctx)
	if errors.Is(err, agent.ErrNotFound) {
		err = nil
	}
	return task.Ref{Tenant: a.Tenant, Agent: a.Name}, err
}

// serveAgent serves what lies at and below an agent's base.
func (s *Server) serveAgent(x *exchange, ref task.Ref, below string) error {
	switch below {
	case "":
		x.route = routeRPC
		return s.serveRPC(x, ref)
	case cardPath:
		x.route = routeCard
		return s.serveCard(x, ref)
	case oldCardPath:
		x.route = routeCard
		return s.serveOldCard(x, ref)
	case documentPath:
		x.route = routeRPC + documentPath
		return s.serveOpenAPI(x, ref)
	}
	return s.serveREST(x, ref, below)
}

// allow answers what a resource does not do, and OPTIONS.
func (s *Server) allow(x *exchange, methods string) error {
	x.set(fiber.HeaderAllow, methods)
	if x.c.Method() == fiber.MethodOptions {
		x.c.Status(fiber.StatusNoContent)
		return nil
	}
	return errMethodNotAllowed
}

// checkHost keeps web pages from reaching a development server, which asks for
// no key, through a name of theirs that resolves to this machine.
func (s *Server) checkHost(x *exchange) error {
	if !s.opts.Dev {
		return nil
	}
	name := hostname(string(x.c.Request().Host()))
	if local(name) {
		return nil
	}
	if s.opts.PublicURL != "" && name == hostname(hostOf(s.opts.PublicURL)) {
		return nil
	}
	return errMisdirected
}

func hostname(hostport string) string {
	if host, _, err := net.SplitHostPort(hostport); err == nil {
		return host
	}
	return strings.Trim(hostport, "[]")
}

// observe records a request that has been answered, or whose stream has begun.
func (s *Server) observe(x *exchange, took time.Duration) {
	status := x.c.Response().StatusCode()
	if t := s.opts.Telemetry; t != nil && t.Metrics != nil {
		t.Metrics.RequestSeconds.Observe(took, x.c.Method()+" "+x.route, statusClass(status))
	}
	if s.opts.Logger.Enabled(x.ctx, slog.LevelDebug) {
		s.opts.Logger.LogAttrs(x.ctx, slog.LevelDebug, "request",
			slog.String("method", x.c.Method()), slog.String("route", x.route), slog.String("path", x.c.Path()),
			slog.Int("status", status), slog.Duration("took", took))
	}
}

func statusClass(status int) string {
	return [...]string{"0xx", "1xx", "2xx", "3xx", "4xx", "5xx"}[min(status/100, 5)]
}
