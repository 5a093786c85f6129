package agent

import (
	"cmp"
	"slices"
	"strconv"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"
	"google.golang.org/protobuf/proto"

	"github.com/carrelhq/carrel/abi"
)

// Interface is one address under which an agent is served, for its card.
type Interface struct {
	// URL is absolute; Binding is "JSONRPC", "HTTP+JSON" or "GRPC".
	URL, Binding string
	// Tenant is the value clients must send in the tenant field; usually empty.
	Tenant string
	// Version is the A2A version it speaks, Major.Minor; empty is 1.0.
	Version string
}

// protocolVersion is the A2A version that all agents speak: Major.Minor (section 3.6).
const protocolVersion = "1.0"

// defaultModes are the media types of an agent that names none.
var defaultModes = []string{"text/plain"}

// Card builds the agent's card from its description and the server's
// addresses, in order of preference. authenticated says that calls need a
// bearer key, which the card then declares. The card shares nothing with its arguments.
func Card(a Agent, interfaces []Interface, authenticated bool) *a2apb.AgentCard {
	card := build(a, a.Description(), interfaces, authenticated)
	if a.Overrides != nil {
		card.Provider = a.Overrides.Provider.onCard()
		if a.Overrides.Extended != nil {
			card.Capabilities.ExtendedAgentCard = proto.Bool(true)
		}
	}
	return card
}

// ExtendedCard is the card for callers with a key; nil when the agent has none.
func ExtendedCard(a Agent, interfaces []Interface) *a2apb.AgentCard {
	if a.Overrides == nil || a.Overrides.Extended == nil || a.Overrides.Extended.empty() {
		return nil
	}
	extended := a.Overrides.Extended
	d := a.Description()
	d.Skills = skills(a, d)
	card := build(a, extended.extend(d), interfaces, true)
	card.Capabilities.ExtendedAgentCard = proto.Bool(true)
	card.Provider = cmp.Or(extended.Provider, a.Overrides.Provider).onCard()
	return card
}

func build(a Agent, d abi.Description, interfaces []Interface, authenticated bool) *a2apb.AgentCard {
	name := cmp.Or(d.Name, a.Name)
	card := &a2apb.AgentCard{
		Name:               name,
		Description:        cmp.Or(d.Description, name+" has no description."),
		Version:            cmp.Or(d.Version, strconv.Itoa(a.Current.Number)),
		Capabilities:       &a2apb.AgentCapabilities{Streaming: proto.Bool(true), PushNotifications: proto.Bool(false)},
		DefaultInputModes:  modes(d.InputModes, defaultModes),
		DefaultOutputModes: modes(d.OutputModes, defaultModes),
		DocumentationUrl:   optional(d.DocumentationURL),
		IconUrl:            optional(d.IconURL),
	}
	for _, i := range interfaces {
		card.SupportedInterfaces = append(card.SupportedInterfaces, &a2apb.AgentInterface{
			Url: i.URL, ProtocolBinding: i.Binding, Tenant: i.Tenant,
			ProtocolVersion: cmp.Or(i.Version, protocolVersion),
		})
	}
	for _, s := range skills(a, d) {
		card.Skills = append(card.Skills, skill(s, card))
	}
	for _, e := range extensions(d.Extensions) {
		if e.URI == "" {
			continue
		}
		card.Capabilities.Extensions = append(card.Capabilities.Extensions, &a2apb.AgentExtension{Uri: e.URI, Description: e.Description, Required: e.Required})
	}
	if authenticated {
		requireBearer(card)
	}
	return card
}

// skills returns the described skills; a card must have at least one (section 5.7).
func skills(a Agent, d abi.Description) []abi.Skill {
	if len(d.Skills) > 0 {
		return d.Skills
	}
	name := cmp.Or(d.Name, a.Name)
	return []abi.Skill{{ID: a.Name, Name: name, Description: cmp.Or(d.Description, "Talk to "+name+".")}}
}

// skill fills in what the specification or real clients require of every skill:
// a description, a tag, and both lists of modes.
func skill(s abi.Skill, card *a2apb.AgentCard) *a2apb.AgentSkill {
	return &a2apb.AgentSkill{
		Id: s.ID, Name: cmp.Or(s.Name, s.ID), Description: cmp.Or(s.Description, s.Name, s.ID),
		Tags:        modes(s.Tags, []string{"agent"}),
		Examples:    modes(s.Examples, nil),
		InputModes:  modes(s.InputModes, card.DefaultInputModes),
		OutputModes: modes(s.OutputModes, card.DefaultOutputModes),
	}
}

// modes is a copy of the list given, without what is empty: some verifiers of
// signatures leave that out.
func modes(given, otherwise []string) []string {
	list := slices.DeleteFunc(slices.Clone(given), func(s string) bool { return s == "" })
	if len(list) == 0 {
		list = slices.Clone(otherwise)
	}
	return list
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// requireBearer declares that calls need a key as a bearer token (section 4.5).
func requireBearer(card *a2apb.AgentCard) {
	card.SecuritySchemes = map[string]*a2apb.SecurityScheme{
		"bearer": {Scheme: &a2apb.SecurityScheme_HttpAuthSecurityScheme{
			HttpAuthSecurityScheme: &a2apb.HTTPAuthSecurityScheme{Scheme: "Bearer"},
		}},
	}
	card.SecurityRequirements = []*a2apb.SecurityRequirement{
		{Schemes: map[string]*a2apb.StringList{"bearer": {}}},
	}
}
