package server

import "github.com/carrelhq/carrel/agent"

// interfaces are the addresses at which an agent is served, JSON-RPC first: some
// clients take the first there is. base is the server's address. Section 4.4.6.
func (s *Server) interfaces(a agent.Agent, base string) []agent.Interface {
	url := base + agentsPrefix + a.Tenant + "/" + a.Name
	return []agent.Interface{{URL: url, Binding: "JSONRPC"}, {URL: url, Binding: "HTTP+JSON"}}
}
