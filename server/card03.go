package server

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/carrelhq/carrel/agent"
	"github.com/carrelhq/carrel/server/v03"
	"github.com/carrelhq/carrel/task"
)

// oldCardPath is where clients before 0.3 look for the card.
const oldCardPath = "/.well-known/agent.json"

// serveOldCard serves the card under its old name, for agents that speak 0.3.
func (s *Server) serveOldCard(x *exchange, ref task.Ref) error {
	a, err := s.admitReader(x, ref)
	if err != nil {
		return err
	}
	if !a.Speaks(v03.Version) {
		return errNotFound
	}
	return s.serveCard(x, ref)
}

// interfaces03 are the addresses at which an agent speaks 0.3, if it does.
func interfaces03(a agent.Agent, url string) []agent.Interface {
	if !a.Speaks(v03.Version) {
		return nil
	}
	return []agent.Interface{{URL: url, Binding: "JSONRPC", Version: v03.Version}, {URL: url, Binding: "HTTP+JSON", Version: v03.Version}}
}

// wantsUnion reports whether the client is to see a card with the members of 0.3
// beside those of 1.0: one that does not ask for 1.0 may be of either version.
func (s *Server) wantsUnion(x *exchange, a agent.Agent) bool {
	if !a.Speaks(v03.Version) {
		return false
	}
	x.vary("A2A-Version")
	return majorMinor(x.version()) != a2aVersion
}

// unionCard adds the members of 0.3 to a card, and takes its signatures away:
// clients that make 1.0 of 0.3 would not find what was signed.
func unionCard(encoded []byte) ([]byte, error) {
	card := &a2apb.AgentCard{}
	if err := (protojson.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(encoded, card); err != nil {
		return nil, err
	}
	var object map[string]any
	d := json.NewDecoder(bytes.NewReader(encoded))
	d.UseNumber()
	if err := d.Decode(&object); err != nil {
		return nil, err
	}
	if err := v03.Union(object, withSecurity03(card)); err != nil {
		return nil, err
	}
	return json.Marshal(object)
}

// withSecurity03 returns the card with requirements: where it has none, each of its
// security schemes is enough. Clients of 0.3 look for their keys there.
func withSecurity03(card *a2apb.AgentCard) *a2apb.AgentCard {
	if len(card.SecurityRequirements) > 0 {
		return card
	}
	card = proto.CloneOf(card)
	for _, name := range slices.Sorted(maps.Keys(card.SecuritySchemes)) {
		card.SecurityRequirements = append(card.SecurityRequirements, &a2apb.SecurityRequirement{
			Schemes: map[string]*a2apb.StringList{name: {}},
		})
	}
	return card
}
