package server

import (
	"net"
	"net/netip"
	"strings"

	"github.com/carrelhq/carrel/agent"
)

// interfaces are the addresses at which whoever asks reaches an agent, JSON-RPC
// first: some clients take the first there is. Section 4.4.6. Those of 0.3 are last.
func (s *Server) interfaces(x *exchange, a agent.Agent) []agent.Interface {
	url := s.baseURL(x) + agentsPrefix + a.Tenant + "/" + a.Name
	list := []agent.Interface{{URL: url, Binding: "JSONRPC"}, {URL: url, Binding: "HTTP+JSON"}}
	if target := s.grpcTarget(x); target != "" {
		list = append(list, agent.Interface{URL: target, Binding: "GRPC", Tenant: a.Tenant + "/" + a.Name})
	}
	return append(list, interfaces03(a, url)...)
}

// grpcTarget is where whoever asks reaches the gRPC binding, "" where it is not
// reached or nobody knows: behind a public address that is not this machine, only
// its operator does. It is a host and port, as the official clients dial it.
func (s *Server) grpcTarget(x *exchange) string {
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
	asked := hostOf(s.baseURL(x))
	name := hostname(asked)
	ip, err := netip.ParseAddr(listens)
	everywhere := listens == "" || err == nil && ip.IsUnspecified()
	switch {
	case local(name):
		if everywhere || local(listens) {
			return net.JoinHostPort(name, port)
		}
	case s.opts.PublicURL != "" || asked != string(x.c.Request().Host()) || local(listens):
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
