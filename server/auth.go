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
	Listed(ctx context.Context, tenant string, after agent.Name, limit int) ([]agent.Name, error)
}

// authenticator is what it needs of the keys.
type authenticator interface {
	Authenticate(ctx context.Context, token string) (tenant.Principal, error)
}

// challenge is the WWW-Authenticate header of a 401.
const challenge = `Bearer realm="carrel"`

// visitor is what a request shows of its sender, whatever the binding.
type visitor struct {
	// authorization is the header of that name, "" when absent.
	authorization string
	// addr is the address under which wrong keys are counted.
	addr netip.Addr
}

func (s *Server) visitor(x *exchange) visitor {
	peer, _ := netip.AddrFromSlice(x.c.Context().RemoteIP())
	return visitor{x.header("Authorization"), s.clientAddr(peer, x.headers("X-Forwarded-For"))}
}

func (s *Server) principal(x *exchange) (tenant.Principal, error) {
	return s.identify(x.ctx, s.visitor(x))
}

// identify returns who the visitor's key belongs to, errUnauthenticated when it
// shows none or a wrong one, errTooManyFailures when wrong ones keep coming from
// its address. A right key always gets through: behind a proxy that is not known
// as one all callers have one address, and anybody can show wrong keys.
func (s *Server) identify(ctx context.Context, v visitor) (tenant.Principal, error) {
	if s.opts.Dev {
		return tenant.Principal{Tenant: tenant.Default, Operator: true}, nil
	}
	token, ok := bearer(v.authorization)
	if !ok {
		return tenant.Principal{}, errUnauthenticated
	}
	p, err := s.parts.keys.Authenticate(ctx, token)
	switch {
	case !errors.Is(err, tenant.ErrUnauthenticated):
		return p, err
	case s.failures.add(v.addr) > maxFailures:
		return tenant.Principal{}, errTooManyFailures
	}
	return tenant.Principal{}, errUnauthenticated
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
	a, err := s.lookUp(x.ctx, ref)
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

func (s *Server) admitCaller(x *exchange, ref task.Ref) (caller, error) {
	by, err := s.admit(x.ctx, s.visitor(x), ref)
	x.ctx = s.reading(x.ctx, &x.held, by.party())
	by.door = func() door { return s.door(x) }
	by.onceKey = x.headers(headerOnce)
	return by, err
}

// admit returns who calls the agent. Anyone may call a public one; else it takes
// a key of its tenant, and to another tenant's key the agent is not there.
func (s *Server) admit(ctx context.Context, v visitor, ref task.Ref) (caller, error) {
	a, err := s.lookUp(ctx, ref)
	if err != nil {
		return caller{}, err
	}
	by := caller{ref: ref, addr: v.addr, extensions: a.Extensions(), protocols: a.Protocols}
	p, err := s.identify(ctx, v)
	switch {
	case err == nil && p.May(ref.Tenant):
		by.principal = p
		return by, nil
	case a.Visibility == agent.Public && (err == nil || v.authorization == ""):
		by.anonymous = true
		return by, nil
	case a.Visibility == agent.Private && (errors.Is(err, errUnauthenticated) || errors.Is(err, errTooManyFailures)):
		return caller{}, task.ErrAgentNotFound
	case err == nil:
		return caller{}, task.ErrAgentNotFound
	}
	return caller{}, err
}

func (s *Server) lookUp(ctx context.Context, ref task.Ref) (agent.Agent, error) {
	if !tenant.ValidName(ref.Tenant) || !tenant.ValidName(ref.Agent) {
		return agent.Agent{}, task.ErrAgentNotFound
	}
	return s.parts.agents.Get(ctx, ref.Tenant, ref.Agent)
}

// clientAddr is the address of the client; behind a trusted proxy the one that
// the nearest proxy saw.
func (s *Server) clientAddr(peer netip.Addr, forwarded string) netip.Addr {
	peer = peer.Unmap()
	if !s.trusts(peer) {
		return peer
	}
	hops := strings.Split(forwarded, ",")
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
