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
	for _, step := range []func(context.Context) error{s.listen, s.openTelemetry, s.openEgress, s.build, s.buildPusher, s.declare, s.ensureOperator, s.buildEdge} {
		if err := step(ctx); err != nil {
			return nil, errors.Join(err, s.Close())
		}
	}
	return s, nil
}

func (s *Server) listen(ctx context.Context) error {
	if s.listener = s.opts.Listener; s.listener == nil {
		var config net.ListenConfig
		l, err := config.Listen(ctx, "tcp", s.opts.Addr)
		if err != nil {
			return fmt.Errorf("carrel: %w", err)
		}
		s.listener = l
	}
	s.onClose(func() error { s.listener.Close(); return nil }) // closed already after Run
	if addr := s.Addr().String(); s.opts.Dev && s.Addr().Network() == "tcp" && !loopback(addr) {
		return fmt.Errorf("%w: the listener's address is %s", ErrDevExposed, addr)
	}
	return nil
}

func (s *Server) buildEdge(context.Context) error {
	edge, err := server.New(s.tasks, s.agents, s.keys, s.edgeOptions())
	s.edge = edge
	return err
}

// Addr is the address the server listens on.
func (s *Server) Addr() net.Addr { return s.listener.Addr() }

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
	return errors.Join(g.Wait(), s.Close())
}

// Close releases what New opened, without waiting for anything that runs. It may be called twice.
func (s *Server) Close() error {
	s.closing.Do(func() { s.closeErr = s.close() })
	return s.closeErr
}
