package server

import (
	"context"
	"net"
	"net/netip"
	"strings"

	"github.com/carrelhq/carrel/agent"
)

// door is how whoever asks came in, and so by which addresses it reaches things.
type door struct {
	// base is the server's HTTP address, grpc the target of its gRPC binding;
	// "" where it is not reached, or nobody but the operator knows.
	base, grpc string
	// own says that the addresses are none that a stranger may have made up: they
	// may be signed.
	own bool
}

func (s *Server) door(x *exchange) door {
	base := s.baseURL(x)
	asked := hostOf(base)
	return door{
		base: base,
		grpc: s.grpcTarget(asked, asked == string(x.c.Request().Host())),
		own:  s.opts.PublicURL != "" || local(hostname(asked)),
	}
}

// grpcDoor is the door of a call over gRPC, which tells nothing of HTTP.
func (g *grpcBinding) grpcDoor(ctx context.Context) door {
	if g.opts.PublicURL != "" {
		return door{base: g.opts.PublicURL, grpc: g.grpcTarget(hostOf(g.opts.PublicURL), false), own: true}
	}
	if g.opts.GRPCPublicURL != "" {
		return door{grpc: g.opts.GRPCPublicURL}
	}
	if asked := incoming(ctx, ":authority"); plainHost(asked) {
		return door{grpc: asked}
	}
	return door{}
}

// interfaces are the addresses of an agent, JSON-RPC first: some clients take
// the first there is. Section 4.4.6. Those of 0.3 are last.
func (d door) interfaces(a agent.Agent) (list []agent.Interface) {
	url := d.agent(a.Tenant, a.Name)
	if d.base != "" {
		list = append(list, agent.Interface{URL: url, Binding: "JSONRPC"}, agent.Interface{URL: url, Binding: "HTTP+JSON"})
	}
	if d.grpc != "" {
		list = append(list, agent.Interface{URL: d.grpc, Binding: "GRPC", Tenant: a.Tenant + "/" + a.Name})
	}
	if d.base != "" {
		list = append(list, interfaces03(a, url)...)
	}
	return list
}

// agent is the base of an agent.
func (d door) agent(owner, name string) string { return d.base + agentsPrefix + owner + "/" + name }

// grpcTarget is where who came to the HTTP host asked reaches the gRPC binding,
// "" where it is not reached or nobody knows: behind a public address that is not
// this machine, only its operator does. direct says that no proxy told the host.
// It is a host and port, as the official clients dial it.
func (s *Server) grpcTarget(asked string, direct bool) string {
	switch {
	case s.opts.GRPCAddr == "":
		return ""
	case s.opts.GRPCPublicURL != "":
		return s.opts.GRPCPublicURL
	}
	listens, port, err := net.SplitHostPort(s.opts.GRPCAddr)
	if err != nil {
		return ""
	}
	name := hostname(asked)
	ip, err := netip.ParseAddr(listens)
	everywhere := listens == "" || err == nil && ip.IsUnspecified()
	switch {
	case local(name):
		if everywhere || local(listens) {
			return net.JoinHostPort(name, port)
		}
	case s.opts.PublicURL != "" || !direct || local(listens):
	case everywhere:
		return net.JoinHostPort(name, port)
	default:
		return s.opts.GRPCAddr
	}
	return ""
}

// local reports whether only this machine calls itself by that name.
func local(name string) bool {
	addr, err := netip.ParseAddr(name)
	return name == "localhost" || strings.HasSuffix(name, ".localhost") || err == nil && addr.IsLoopback()
}
