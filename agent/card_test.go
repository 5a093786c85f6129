package agent_test

import (
	"testing"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"

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
