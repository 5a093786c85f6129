package agent

import (
	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"
)

// Interface is one address under which an agent is served, for its card.
type Interface struct {
	// URL is absolute; Binding is "JSONRPC", "HTTP+JSON" or "GRPC".
	URL, Binding string
	// Tenant is the value clients must send in the tenant field; usually empty.
	Tenant string
}

// Card builds the agent's card from its description and the server's
// addresses, in order of preference. authenticated says that calls need a
// bearer key, which the card then declares.
func Card(a Agent, interfaces []Interface, authenticated bool) *a2apb.AgentCard {
	panic("not built")
}
