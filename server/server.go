// Package server is the edge: it authenticates, decodes, calls task, agent and
// tenant, and frames what they answer. It is the only package that knows Fiber;
// no Fiber or fasthttp context leaves it, and no rule of A2A's task life lives in it.
//
// Every byte that comes in is bounded before it is believed (limits.go), and
// every string is copied out of fasthttp's buffers, which later belong to
// another request. What is not yours is answered like what is not there.
package server

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"net/netip"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gofiber/fiber/v2"

	"github.com/carrelhq/carrel/agent"
	"github.com/carrelhq/carrel/agent/signing"
	"github.com/carrelhq/carrel/internal/telemetry"
	"github.com/carrelhq/carrel/server/docs"
	"github.com/carrelhq/carrel/task"
	"github.com/carrelhq/carrel/tenant"
)

// Options configure a Server. Zero values are replaced by the defaults given.
type Options struct {
	// Dev serves without credentials as the tenant "default" and accepts 1.0
	// methods without an A2A-Version header. The caller binds to loopback only.
	Dev bool
	// PublicURL is the address in cards, for example https://agents.example.com;
	// empty derives it from the request, believing forwarded headers only from TrustedProxies.
	PublicURL      string
	TrustedProxies []string
	// GRPCAddr is the address of the listener that ServeGRPC will get, for cards;
	// empty says that there is none. GRPCPublicURL is what cards say instead, as
	// clients dial it: usually a host and port, for example grpc.example.com:443.
	GRPCAddr, GRPCPublicURL string
	// CORSOrigins are the browser origins that may call; ["*"] is any, and the
	// default. The admin API is open to origins that are named only.
	CORSOrigins []string
	// DefaultAgent ("tenant/agent") is served at "/"; empty serves the sole agent there.
	DefaultAgent string
	// BlockingTimeout bounds a blocking SendMessage (10 min).
	BlockingTimeout time.Duration
	// KeepAlive is the time between comments on idle streams (15 s).
	KeepAlive time.Duration
	// MaxBody bounds a JSON body (1 MiB), MaxModule an upload (64 MiB).
	MaxBody, MaxModule int64
	// MaxStreams bounds open streams, and as many calls that wait for their task
	// (20,000), MaxConns connections (50,000). Of each a tenant has three quarters
	// when it is alone, and less beside others; see quota.
	MaxStreams, MaxConns int
	// Grace bounds how long requests may go on after shutdown began (10 s).
	Grace time.Duration
	// TLSCert and TLSKey are PEM files; both or neither.
	TLSCert, TLSKey string
	// Version is what the server says it is.
	Version string
	// Ready reports why the server is not ready, nil when it is.
	Ready func(context.Context) error
	// MetricsText writes the Prometheus exposition; nil leaves /metrics out.
	MetricsText func() ([]byte, error)
	// Backup streams a backup of the store for the operator; nil leaves the route out.
	Backup func(ctx context.Context, w interface{ Write([]byte) (int, error) }) error
	// Links are those to large parts; nil is links that end with the server. URL is
	// where the server's HTTP listener is reached, for links in answers to what did
	// not come in by it; a PublicURL goes before it.
	Links *Links
	URL   string
	// CardKeys sign cards; nil leaves cards without signatures.
	CardKeys  *signing.Keys
	Logger    *slog.Logger
	Telemetry *telemetry.Telemetry

	timing timing
	// maxAnswers is for tests.
	maxAnswers int64
}

// Server serves A2A over HTTP and gRPC, and the admin API over HTTP.
type Server struct {
	opts    Options
	parts   parts
	ops     *operations
	methods map[string]method
	origins *origins
	proxies []netip.Prefix
	// landing is the agent at "/", where Options name one.
	landing *task.Ref
	certs   *tls.Config
	page    *docs.Page
	cards   cards
	app     *fiber.App
	api     huma.API
	streams *quota
	// answers are large ones that are being made or sent, in bytes.
	answers  *quota
	failures failures
	// base is the context of all requests, following that of all streams, which
	// end first when the server does.
	base, following     context.Context
	stop, stopFollowing context.CancelCauseFunc
}

// parts are what the server calls.
type parts struct {
	tasks  managedTasks
	events events
	agents agents
	keys   keys
}

// New returns a server. It listens to nothing yet.
func New(tasks *task.Manager, agents *agent.Registry, keys *tenant.Keys, opts Options) (*Server, error) {
	return newServer(parts{tasks: tasks, events: tasks.Log(), agents: agents, keys: keys}, opts)
}

func newServer(p parts, opts Options) (*Server, error) {
	opts = opts.withDefaults()
	s := &Server{
		opts:    opts,
		parts:   p,
		origins: newOrigins(opts.CORSOrigins),
		streams: newQuota(int64(opts.MaxStreams)),
		answers: newQuota(opts.maxAnswers),
	}
	s.ops = &operations{tasks: p.tasks, events: p.events, blockingTimeout: opts.BlockingTimeout, waiting: newQuota(int64(opts.MaxStreams))}
	s.ops.cards, s.ops.links, s.ops.url = s, opts.Links, or(opts.PublicURL, opts.URL)
	s.methods = s.ops.methodsByName()
	s.base, s.stop = context.WithCancelCause(context.Background())
	s.following, s.stopFollowing = context.WithCancelCause(s.base)
	for _, prepare := range []func() error{s.parseProxies, s.parseLanding, s.loadCerts, s.buildPage} {
		if err := prepare(); err != nil {
			return nil, err
		}
	}
	s.app = s.newApp()
	s.api = s.newAPI()
	return s, nil
}

func (s *Server) newApp() *fiber.App {
	app := fiber.New(fiber.Config{
		Immutable:                    true, // strings outlive the request
		CaseSensitive:                true,
		StrictRouting:                true,
		StreamRequestBody:            true,
		DisablePreParseMultipartForm: true,
		BodyLimit:                    maxHeader, // no more than this is read before a handler runs
		ReadBufferSize:               maxHeader,
		Concurrency:                  s.opts.MaxConns,
		ReadTimeout:                  s.opts.timing.read,
		IdleTimeout:                  s.opts.timing.idle,
		// Streams move this deadline on with each frame; see stream.Read.
		WriteTimeout:          s.opts.timing.write,
		DisableStartupMessage: true,
		ErrorHandler:          s.handleError,
	})
	app.Server().CloseOnShutdown = true
	app.Use(s.handle)
	return app
}

// Serve serves on l until ctx ends, then stops accepting, lets requests end,
// closes streams with a comment, and returns nil after the last one has ended.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	conns := newListener(l)
	var serving net.Listener = conns
	if s.certs != nil {
		serving = tls.NewListener(conns, s.certs)
	}
	failed := make(chan error, 1)
	go func() { failed <- s.app.Listener(serving) }()
	select {
	case err := <-failed:
		s.stop(errShuttingDown)
		conns.closeAll()
		return err
	case <-ctx.Done():
	}
	s.shutdown(conns)
	// A shutdown that comes before Fiber has begun to accept is lost on it.
	conns.closeAll()
	l.Close()
	return <-failed
}

// shutdown ends streams at once, lets requests end for the time of grace, has
// those that wait for tasks answer then, and cuts off what is still there.
func (s *Server) shutdown(conns *listener) {
	s.stopFollowing(errShuttingDown)
	conns.closeUnused()
	defer s.stop(errShuttingDown)
	grace, cancel := context.WithTimeout(context.Background(), s.opts.Grace)
	defer cancel()
	if s.app.ShutdownWithContext(grace) == nil {
		return
	}
	s.stop(errShuttingDown)
	if drained(s.opts.timing.lastAnswers, func() bool { return len(conns.open()) == 0 }) {
		return
	}
	s.opts.Logger.Warn("connections cut off at shutdown", "connections", len(conns.open()))
	conns.closeAll()
	// After a shutdown fasthttp counts one connection less than it serves.
	drained(s.opts.Grace, func() bool { return s.app.Server().GetOpenConnectionsCount() < 0 })
}

// drained waits until done says so, at most for the given time.
func drained(limit time.Duration, done func() bool) bool {
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	timeout := time.After(limit)
	for !done() {
		select {
		case <-ticker.C:
		case <-timeout:
			return false
		}
	}
	return true
}
