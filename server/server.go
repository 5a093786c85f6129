// Package server is the edge: it authenticates, decodes, calls task, agent and
// tenant, and frames what they answer. It is the only package that knows Fiber;
// no Fiber or fasthttp context leaves it, and no rule of A2A's task life lives in it.
package server

import (
	"context"
	"log/slog"
	"net"
	"time"

	"github.com/carrelhq/carrel/agent"
	"github.com/carrelhq/carrel/internal/telemetry"
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
	// CORSOrigins are the browser origins that may call; ["*"] is any, and the default.
	CORSOrigins []string
	// DefaultAgent ("tenant/agent") is served at "/"; empty serves the sole agent there.
	DefaultAgent string
	// BlockingTimeout bounds a blocking SendMessage (10 min).
	BlockingTimeout time.Duration
	// KeepAlive is the time between comments on idle streams (15 s).
	KeepAlive time.Duration
	// MaxBody bounds a JSON body (1 MiB), MaxModule an upload (64 MiB).
	MaxBody, MaxModule int64
	// MaxStreams bounds open streams (20,000), MaxConns connections (50,000).
	MaxStreams, MaxConns int
	// TLSCert and TLSKey are PEM files; both or neither.
	TLSCert, TLSKey string
	// Version is what the server says it is.
	Version string
	// Ready reports why the server is not ready, nil when it is.
	Ready func(context.Context) error
	// MetricsText writes the Prometheus exposition; nil leaves /metrics out.
	MetricsText func() ([]byte, error)
	// Backup streams a backup of the store for the operator; nil leaves the route out.
	Backup    func(ctx context.Context, w interface{ Write([]byte) (int, error) }) error
	Logger    *slog.Logger
	Telemetry *telemetry.Telemetry
}

// Server serves A2A and the admin API over HTTP.
type Server struct{}

// New returns a server. It listens to nothing yet.
func New(tasks *task.Manager, agents *agent.Registry, keys *tenant.Keys, opts Options) (*Server, error) {
	panic("not built")
}

// Serve serves on l until ctx ends, then stops accepting, lets requests end,
// closes streams with a comment, and returns nil after the last one has ended.
func (s *Server) Serve(ctx context.Context, l net.Listener) error { panic("not built") }

// OpenAPI returns the admin API's OpenAPI document as JSON.
func (s *Server) OpenAPI() []byte { panic("not built") }
