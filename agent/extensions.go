package agent

import (
	"slices"

	"github.com/carrelhq/carrel/abi"
)

// OnceExtension names what every agent here can do: a message that comes with an
// idempotency key is taken once. To send a message again is safe only with agents
// whose card has it.
const OnceExtension = "https://github.com/carrelhq/carrel/extensions/idempotency-key/v1"

// OnceMetadata is the name of the key in the metadata of a request or a message.
const OnceMetadata = "github.com/carrelhq/carrel/idempotency-key"

// builtIn are the extensions of every agent.
var builtIn = []abi.Extension{{
	URI: OnceExtension,
	Description: "A message with a key, in the header Idempotency-Key, in metadata of a gRPC call, or as " + OnceMetadata + " " +
		"in the metadata of the request or the message, is taken once: sent again with it, it is answered with the task that there is.",
}}

// Extensions are those that the agent describes, and those of every agent. The
// result is not to be changed.
func (a Agent) Extensions() []abi.Extension { return extensions(a.Current.Description.Extensions) }

// extensions adds those of every agent, unless the author describes them.
func extensions(described []abi.Extension) []abi.Extension {
	switch {
	case len(described) == 0:
		return builtIn // of most agents, and asked for by every request
	case slices.ContainsFunc(described, func(e abi.Extension) bool { return e.URI == OnceExtension }):
		return described
	}
	return slices.Concat(described, builtIn)
}
