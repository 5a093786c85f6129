package server

import (
	"context"
	"errors"
	"net/netip"
	"strings"

	"github.com/carrelhq/carrel/agent"
	"github.com/carrelhq/carrel/task"
	"github.com/carrelhq/carrel/tenant"
)

// directory is what the edge needs of the register of agents.
type directory interface {
	Get(ctx context.Context, tenant, name string) (agent.Agent, error)
	Sole(ctx context.Context) (agent.Agent, error)
}

// authenticator is what it needs of the keys.
type authenticator interface {
	Authenticate(ctx context.Context, token string) (tenant.Principal, error)
}

// challenge is the WWW-Authenticate header of a 401.
const challenge = `Bearer realm="carrel"`

// principal returns who the request's key belongs to, errUnauthenticated when
// it shows none or a wrong one.
func (s *Server) principal(x *exchange) (tenant.Principal, error) {
	if s.opts.Dev {
		return tenant.Principal{Tenant: tenant.Default, Operator: true}, nil
	}
	token, ok := bearer(x.header("Authorization"))
	if !ok {
		return tenant.Principal{}, errUnauthenticated
	}
	from := s.clientAddr(x)
	if s.failures.exceeded(from) {
		return tenant.Principal{}, errTooManyFailures
	}
	p, err := s.parts.keys.Authenticate(x.ctx, token)
	if errors.Is(err, tenant.ErrUnauthenticated) {
		s.failures.add(from)
		return tenant.Principal{}, errUnauthenticated
	}
	return p, err
}

func bearer(header string) (token string, ok bool) {
	scheme, token, ok := strings.Cut(header, " ")
	token = strings.TrimSpace(token)
	return token, ok && token != "" && strings.EqualFold(scheme, "Bearer")
}

// admitReader returns the agent when the caller may read its card: anyone,
// unless it is private. Who may not see an agent cannot tell it from one that
// is not there.
func (s *Server) admitReader(x *exchange, ref task.Ref) (agent.Agent, error) {
	a, err := s.lookUp(x, ref)
	if err != nil || a.Visibility != agent.Private {
		return a, err
	}
	switch p, err := s.principal(x); {
	case err == nil && p.May(ref.Tenant):
		return a, nil
	case err == nil, errors.Is(err, errUnauthenticated), errors.Is(err, errTooManyFailures):
		return agent.Agent{}, task.ErrAgentNotFound
	default:
		return agent.Agent{}, err
	}
}

// admitCaller returns who calls the agent. Anyone may call a public one; else
// it takes a key of its tenant, and to another tenant's key the agent is not there.
func (s *Server) admitCaller(x *exchange, ref task.Ref) (caller, error) {
	a, err := s.lookUp(x, ref)
	if err != nil {
		return caller{}, err
	}
	p, err := s.principal(x)
	switch {
	case err == nil && p.May(ref.Tenant):
		return caller{ref: ref}, nil
	case a.Visibility == agent.Public && (err == nil || x.header("Authorization") == ""):
		return caller{ref: ref, anonymous: true}, nil
	case a.Visibility == agent.Private && (errors.Is(err, errUnauthenticated) || errors.Is(err, errTooManyFailures)):
		return caller{}, task.ErrAgentNotFound
	case err == nil:
		return caller{}, task.ErrAgentNotFound
	}
	return caller{}, err
}

func (s *Server) lookUp(x *exchange, ref task.Ref) (agent.Agent, error) {
	if !tenant.ValidName(ref.Tenant) || !tenant.ValidName(ref.Agent) {
		return agent.Agent{}, task.ErrAgentNotFound
	}
	return s.parts.agents.Get(x.ctx, ref.Tenant, ref.Agent)
}

// clientAddr is the address of the client; behind a trusted proxy the one that
// the nearest proxy saw.
func (s *Server) clientAddr(x *exchange) netip.Addr {
	peer, _ := netip.AddrFromSlice(x.c.Context().RemoteIP())
	peer = peer.Unmap()
	if !s.trusts(peer) {
		return peer
	}
	hops := strings.Split(x.headers("X-Forwarded-For"), ",")
	for i := len(hops) - 1; i >= 0; i-- {
		addr, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			break
		}
		if peer = addr.Unmap(); !s.trusts(peer) {
			break
		}
	}
	return peer
}

func (s *Server) trusts(addr netip.Addr) bool {
	for _, p := range s.proxies {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}
