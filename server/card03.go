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

// bindings03 are the bindings that are served in 0.3, too.
var bindings03 = []string{"JSONRPC", "HTTP+JSON"}

// variant03 returns the card as the client can read it: as it is for one that
// asks for 1.0, and for others, who may be of either version, with the members of
// 0.3 beside those of 1.0. Its interfaces stay those of 1.0 alone: who can read
// them needs no older ones.
func (s *Server) variant03(x *exchange, a agent.Agent, card []byte) ([]byte, error) {
	if !a.Speaks(v03.Version) {
		return card, nil
	}
	x.vary("A2A-Version")
	if majorMinor(x.version()) == a2aVersion {
		return card, nil
	}
	return unionCard(card)
}

// unionCard adds the members of 0.3 to a card.
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
	if err := v03.Union(object, withInterfaces03(card)); err != nil {
		return nil, err
	}
	return json.Marshal(object)
}

// withInterfaces03 returns a copy of the card that lists its interfaces in 0.3, too,
// and says that each of its security schemes is enough where it does not say more.
func withInterfaces03(card *a2apb.AgentCard) *a2apb.AgentCard {
	card = proto.CloneOf(card)
	for _, i := range card.SupportedInterfaces {
		if i.ProtocolVersion == a2aVersion && slices.Contains(bindings03, i.ProtocolBinding) {
			card.SupportedInterfaces = append(card.SupportedInterfaces, &a2apb.AgentInterface{
				Url: i.Url, ProtocolBinding: i.ProtocolBinding, ProtocolVersion: v03.Version,
			})
		}
	}
	if len(card.SecurityRequirements) == 0 {
		for _, name := range slices.Sorted(maps.Keys(card.SecuritySchemes)) {
			card.SecurityRequirements = append(card.SecurityRequirements, &a2apb.SecurityRequirement{
				Schemes: map[string]*a2apb.StringList{name: {}},
			})
		}
	}
	return card
}
