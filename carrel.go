// Package carrel is the embeddable server: all parts of carrel, wired together once.
//
// [New] opens the store and builds the parts, [Server.Run] serves until its
// context ends. An embedder may bring the store, the broker and the worker; what
// it does not bring is the default: Badger on local disk, an in-process broker,
// and a worker that runs uploaded WebAssembly modules, each task in a sandbox of
// its own. The package has no rules of its own; it refuses to be where behaviour lives.
package carrel

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/carrelhq/carrel/server"
)

// ErrDevExposed is returned by New for Dev on an address that others can reach.
var ErrDevExposed = errors.New("carrel: a development server takes no credentials and must listen on loopback only")

// Server is an A2A server. Addr, URL and Close may be called from any goroutine.
type Server struct {
	house
	edge     *server.Server
	listener net.Listener
	grpc     net.Listener // nil without gRPC
	closing  sync.Once
	closeErr error
}

// New listens, opens the store, builds the parts and declares Options.Agents.
// Connections wait until Run serves them. A server that is never run must be closed.
func New(ctx context.Context, opts Options) (*Server, error) {
	opts, err := opts.complete()
	if err != nil {
		return nil, err
	}
	s := &Server{house: house{opts: opts, preloaded: make(chan struct{})}}
	for _, step := range []func(context.Context) error{s.listen, s.openTelemetry, s.openEgress, s.build, s.buildPusher, s.declare, s.ensureOperator, s.ensureCardKey, s.buildEdge} {
		if err := step(ctx); err != nil {
			return nil, errors.Join(err, s.Close())
		}
	}
	return s, nil
}

func (s *Server) listen(ctx context.Context) (err error) {
	if s.listener, err = s.listenOn(ctx, s.opts.Listener, s.opts.Addr); err != nil {
		return err
	}
	s.url = s.linkURL()
	if s.opts.GRPCListener != nil || s.opts.GRPCAddr != "" {
		s.grpc, err = s.listenOn(ctx, s.opts.GRPCListener, s.opts.GRPCAddr)
	}
	return err
}

// listenOn listens on an address, where no listener is given.
func (s *Server) listenOn(ctx context.Context, l net.Listener, addr string) (net.Listener, error) {
	if l == nil {
		var config net.ListenConfig
		var err error
		if l, err = config.Listen(ctx, "tcp", addr); err != nil {
			return nil, fmt.Errorf("carrel: %w", err)
		}
	}
	s.onClose(func() error { l.Close(); return nil }) // closed already after Run
	if addr := l.Addr(); s.opts.Dev && addr.Network() == "tcp" && !loopback(addr.String()) {
		return nil, fmt.Errorf("%w: the listener's address is %s", ErrDevExposed, addr)
	}
	return l, nil
}

func (s *Server) buildEdge(context.Context) error {
	opts := s.edgeOptions()
	if s.grpc != nil {
		opts.GRPCAddr = s.grpc.Addr().String()
	}
	edge, err := server.New(s.tasks, s.agents, s.keys, opts)
	s.edge = edge
	return err
}

// Addr is the address the server listens on.
func (s *Server) Addr() net.Addr { return s.listener.Addr() }

// GRPCAddr is the address the server serves gRPC on, nil when it does not.
func (s *Server) GRPCAddr() net.Addr {
	if s.grpc == nil {
		return nil
	}
	return s.grpc.Addr()
}

// URL is the server's address for clients: PublicURL where that is set.
func (s *Server) URL() string {
	switch {
	case s.opts.PublicURL != "":
		return s.opts.PublicURL
	case s.opts.TLSCert != "":
		return "https://" + s.Addr().String()
	}
	return "http://" + s.Addr().String()
}

// linkURL is URL as links have it that are made for nobody's request. Of a listener
// on all addresses only this machine's name is known: others need a PublicURL.
func (s *Server) linkURL() string {
	own := strings.TrimRight(s.URL(), "/")
	u, err := url.Parse(own)
	if err != nil || !net.ParseIP(u.Hostname()).IsUnspecified() {
		return own
	}
	u.Host = net.JoinHostPort("localhost", u.Port())
	return u.String()
}

// OpenAPI returns the admin API's OpenAPI document as JSON.
func (s *Server) OpenAPI() []byte { return s.edge.OpenAPI() }

// Run serves until ctx ends. Then it stops accepting, lets requests and streams
// end, takes no more tasks, gives those that do not end in time back, closes
// what New opened, and returns. It is called once.
func (s *Server) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return s.work(ctx) })
	g.Go(func() error { return s.push(ctx) })
	g.Go(func() error { return s.edge.Serve(ctx, s.listener) })
	if s.grpc != nil {
		g.Go(func() error { return s.edge.ServeGRPC(ctx, s.grpc) })
	}
	return errors.Join(g.Wait(), s.Close())
}

// Close releases what New opened, without waiting for anything that runs. It may be called twice.
func (s *Server) Close() error {
	s.closing.Do(func() { s.closeErr = s.close() })
	return s.closeErr
}
