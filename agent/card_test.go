package agent_test

import (
	"testing"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/carrelhq/carrel/abi"
	"github.com/carrelhq/carrel/agent"
)

func TestACardHasWhatTheSpecificationRequires(t *testing.T) {
	t.Parallel()
	interfaces := []agent.Interface{{URL: "http://x/agents/acme/bot", Binding: "JSONRPC"}}
	for name, d := range map[string]abi.Description{
		"a silent agent":           {},
		"a skill with only its id": {Skills: []abi.Skill{{ID: "s"}}},
		"a full description": {Name: "Bot", Description: "Does.", Version: "1.2.0", InputModes: []string{"text/markdown"},
			Skills: []abi.Skill{{ID: "s", Name: "S", Description: "d", Tags: []string{"t"}}}},
	} {
		card := agent.Card(agent.Agent{Tenant: "acme", Name: "bot", Current: agent.Version{Number: 3, Description: d}}, interfaces, true)
		for field, empty := range map[string]bool{
			"name": card.Name == "", "description": card.Description == "", "version": card.Version == "",
			"interfaces": len(card.SupportedInterfaces) != 1, "capabilities": card.Capabilities == nil,
			"input modes": len(card.DefaultInputModes) == 0, "output modes": len(card.DefaultOutputModes) == 0,
			"skills": len(card.Skills) == 0, "security": len(card.SecuritySchemes) != 1 || len(card.SecurityRequirements) != 1,
		} {
			if empty {
				t.Errorf("%s: %s is missing", name, field)
			}
		}
		for _, s := range card.Skills {
			checkSkill(t, name, s)
		}
		if i := card.SupportedInterfaces[0]; i.ProtocolVersion != "1.0" || i.Url != interfaces[0].URL {
			t.Errorf("%s: interface %v", name, i)
		}
	}
}

// TestACardHasEveryFieldThatIsRequired asks the schema itself, which marks the
// fields that the specification requires in section 4.4.
func TestACardHasEveryFieldThatIsRequired(t *testing.T) {
	t.Parallel()
	behaviour, err := protoregistry.GlobalTypes.FindExtensionByName("google.api.field_behavior")
	if err != nil {
		t.Fatal(err)
	}
	card := agent.Card(agent.Agent{Tenant: "acme", Name: "bot"}, []agent.Interface{{URL: "http://x", Binding: "JSONRPC"}}, true)
	c := requirements{t, behaviour.TypeDescriptor(), map[protoreflect.FullName]bool{}}
	c.check("card", card.ProtoReflect())
	for _, name := range []protoreflect.FullName{"AgentCard.skills", "AgentSkill.tags", "AgentInterface.protocol_version", "HTTPAuthSecurityScheme.scheme"} {
		if !c.required["lf.a2a.v1."+name] {
			t.Errorf("the schema does not say that %s is required, so nothing was checked", name)
		}
	}
}

type requirements struct {
	t         *testing.T
	behaviour protoreflect.ExtensionTypeDescriptor
	required  map[protoreflect.FullName]bool
}

// check reports the required fields that are missing in m and in what it holds.
func (c requirements) check(path string, m protoreflect.Message) {
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		f := fields.Get(i)
		at := path + "." + string(f.Name())
		if c.isRequired(f) {
			c.required[f.FullName()] = true
			if !m.Has(f) {
				c.t.Errorf("%s is required and missing", at)
			}
		}
		for _, held := range messages(f, m.Get(f)) {
			c.check(at, held)
		}
	}
}

func (c requirements) isRequired(f protoreflect.FieldDescriptor) bool {
	const required = 2 // google.api.FieldBehavior
	list := f.Options().ProtoReflect().Get(c.behaviour).List()
	for i := range list.Len() {
		if list.Get(i).Enum() == required {
			return true
		}
	}
	return false
}

// messages are the messages that a field holds, alone, in a list or in a map.
func messages(f protoreflect.FieldDescriptor, v protoreflect.Value) (held []protoreflect.Message) {
	switch {
	case f.IsMap() && f.MapValue().Message() != nil:
		v.Map().Range(func(_ protoreflect.MapKey, v protoreflect.Value) bool {
			held = append(held, v.Message())
			return true
		})
	case f.IsList() && f.Message() != nil:
		for i := range v.List().Len() {
			held = append(held, v.List().Get(i).Message())
		}
	case !f.IsMap() && !f.IsList() && f.Message() != nil && v.Message().IsValid():
		held = append(held, v.Message())
	}
	return held
}

func checkSkill(t *testing.T, name string, s *a2apb.AgentSkill) {
	t.Helper()
	if s.Id == "" || s.Name == "" || s.Description == "" || len(s.Tags) == 0 || len(s.InputModes) == 0 || len(s.OutputModes) == 0 {
		t.Errorf("%s: skill %v lacks what clients require", name, s)
	}
}

func TestACardOfAnOpenAgentAsksForNoKey(t *testing.T) {
	t.Parallel()
	card := agent.Card(agent.Agent{Name: "bot"}, nil, false)
	if len(card.SecuritySchemes) != 0 || len(card.SecurityRequirements) != 0 {
		t.Errorf("got %v", card)
	}
}
