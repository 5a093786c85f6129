package agent_test

import (
	"errors"
	"strings"
	"testing"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"
	"github.com/google/go-cmp/cmp"

	"github.com/carrelhq/carrel/abi"
	"github.com/carrelhq/carrel/agent"
	"github.com/carrelhq/carrel/storage/storagetest"
)

var at = []agent.Interface{{URL: "https://x/agents/acme/bot", Binding: "JSONRPC"}}

func skillIDs(card *a2apb.AgentCard) (ids string) {
	for _, s := range card.Skills {
		ids += s.Id + ":" + s.Name + " "
	}
	return ids
}

func TestAnAgentTakesWhatItAndItsSkillsName(t *testing.T) {
	t.Parallel()
	skills := func(modes ...string) []abi.Skill { return []abi.Skill{{ID: "a", InputModes: modes}, {ID: "b"}} }
	own := abi.Description{InputModes: []string{"text/plain"}, Skills: skills("image/png", "text/plain")}
	for name, test := range map[string]struct {
		d    abi.Description
		o    *agent.Overrides
		want []string
	}{
		"none is all":                        {d: abi.Description{}},
		"none is all, whatever a skill says": {d: abi.Description{Skills: skills("image/png")}},
		"those of a skill":                   {d: own, want: []string{"text/plain", "image/png"}},
		"a skill in its place":               {own, &agent.Overrides{CardFields: agent.CardFields{Skills: skills("audio/*")}}, []string{"text/plain", "audio/*"}},
		"a skill of the extended card": {
			own, &agent.Overrides{Extended: &agent.CardFields{Skills: skills("audio/*")}}, []string{"text/plain", "image/png", "audio/*"},
		},
		"an extended card to come": {own, &agent.Overrides{Extended: &agent.CardFields{}}, []string{"text/plain", "image/png"}},
	} {
		got := agent.Agent{Current: agent.Version{Description: test.d}, Overrides: test.o}.InputModes()
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestAnOwnerOverridesTheCard(t *testing.T) {
	t.Parallel()
	r := newRegistry(t, storagetest.Memory(), agent.Options{})
	push(t, r, "acme", "bot", "one")
	o := agent.Overrides{
		CardFields: agent.CardFields{
			Name: "Bot", Provider: &agent.Provider{Organization: "Acme", URL: "https://acme.example"}, IconURL: "https://acme.example/i.png",
			Skills: []abi.Skill{{ID: "a", Name: "A"}, {ID: "b", Name: "B"}},
		},
		Extended: &agent.CardFields{Description: "More.", Skills: []abi.Skill{{ID: "b", Name: "better"}, {ID: "c", Name: "C"}}},
	}
	if _, err := r.Override(t.Context(), "acme", "bot", o); err != nil {
		t.Fatal(err)
	}
	a := push(t, r, "acme", "bot", "two") // they stay
	card := agent.Card(a, at, false)
	if card.Name != "Bot" || card.Description != "two" || card.GetIconUrl() != o.IconURL || card.Provider.GetOrganization() != "Acme" ||
		skillIDs(card) != "a:A b:B " || !card.Capabilities.GetExtendedAgentCard() {
		t.Errorf("got %v", card)
	}
	extended := agent.ExtendedCard(a, at)
	if extended.Name != "Bot" || extended.Description != "More." || extended.Provider.GetOrganization() != "Acme" ||
		skillIDs(extended) != "a:A b:better c:C " || len(extended.SecuritySchemes) != 1 {
		t.Errorf("got %v", extended)
	}
	if got, err := r.Get(t.Context(), "acme", "bot"); err != nil || cmp.Diff(&o, got.Overrides) != "" {
		t.Errorf("got %v: %s", err, cmp.Diff(&o, got.Overrides))
	}
	a, err := r.Override(t.Context(), "acme", "bot", agent.Overrides{})
	if err != nil || a.Overrides != nil || agent.Card(a, at, false).Name != "bot" || agent.ExtendedCard(a, at) != nil {
		t.Errorf("taken back: got %+v, %v", a, err)
	}
}

func TestAnExtendedCardMayBePromised(t *testing.T) {
	t.Parallel()
	a := agent.Agent{Tenant: "acme", Name: "bot", Overrides: &agent.Overrides{Extended: &agent.CardFields{}}}
	if !agent.Card(a, at, false).Capabilities.GetExtendedAgentCard() || agent.ExtendedCard(a, at) != nil {
		t.Error("it is not promised, or there")
	}
	if agent.Card(agent.Agent{Tenant: "acme", Name: "bot"}, at, false).Capabilities.ExtendedAgentCard != nil {
		t.Error("a card promises an extended one that there is not")
	}
}

func TestOverridesThatAreRefused(t *testing.T) {
	t.Parallel()
	r := newRegistry(t, storagetest.Memory(), agent.Options{})
	push(t, r, "acme", "bot", "one")
	long := strings.Repeat("x", 4001)
	skill := func(change func(*abi.Skill)) agent.CardFields {
		s := abi.Skill{ID: "a", Name: "A"}
		change(&s)
		return agent.CardFields{Skills: []abi.Skill{s}}
	}
	for want, fields := range map[string]agent.CardFields{
		"name is":                 {Name: long[:201]},
		"description is":          {Description: long},
		"documentationUrl":        {DocumentationURL: "/docs"},
		"iconUrl":                 {IconURL: "javascript:alert(1)"},
		"iconUrl must":            {IconURL: "https://user:secret@x/"},
		"provider.organization":   {Provider: &agent.Provider{URL: "https://x"}},
		"provider.url":            {Provider: &agent.Provider{Organization: "x"}},
		"skills are":              {Skills: make([]abi.Skill, 51)},
		"skills[0].id is 1":       skill(func(s *abi.Skill) { s.ID = "" }),
		"skills[0].name":          skill(func(s *abi.Skill) { s.Name = long }),
		"skills[0].description":   skill(func(s *abi.Skill) { s.Description = long }),
		"skills[0].tags are 50":   skill(func(s *abi.Skill) { s.Tags = make([]string, 51) }),
		"skills[0].tags are 1":    skill(func(s *abi.Skill) { s.Tags = []string{""} }),
		"skills[0].examples are":  skill(func(s *abi.Skill) { s.Examples = []string{long} }),
		"skills[0].inputModes":    skill(func(s *abi.Skill) { s.InputModes = []string{long} }),
		"skills[1].id is that of": {Skills: []abi.Skill{{ID: "a"}, {ID: "a"}}},
	} {
		for at, o := range map[string]agent.Overrides{"": {CardFields: fields}, "extended.": {Extended: &fields}} {
			_, err := r.Override(t.Context(), "acme", "bot", o)
			if !errors.Is(err, agent.ErrInvalid) || !strings.Contains(err.Error(), ": "+at+want) {
				t.Errorf("%s%s: got %v", at, want, err)
			}
		}
	}
	if _, err := r.Override(t.Context(), "acme", "none", agent.Overrides{}); !errors.Is(err, agent.ErrNotFound) {
		t.Errorf("no such agent: got %v", err)
	}
}

func TestListedAgentsAreAllButThePrivateOnes(t *testing.T) {
	t.Parallel()
	r := newRegistry(t, storagetest.Memory(), agent.Options{})
	for _, name := range []string{"c", "a", "b"} {
		push(t, r, "t1", name, "x")
		push(t, r, "t10", name, "x")
	}
	if _, err := r.SetVisibility(t.Context(), "t1", "b", agent.Private); err != nil {
		t.Fatal(err)
	}
	if err := r.Delete(t.Context(), "t10", "a"); err != nil {
		t.Fatal(err)
	}
	names := func(tenant string, after agent.Name, limit int) (all string) {
		t.Helper()
		list, err := r.Listed(t.Context(), tenant, after, limit)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range list {
			all += n.Tenant + "/" + n.Agent + " "
		}
		return all
	}
	for _, test := range []struct{ got, want string }{
		{names("", agent.Name{}, 10), "t1/a t1/c t10/b t10/c "},
		{names("", agent.Name{}, 2), "t1/a t1/c "},
		{names("", agent.Name{Tenant: "t1", Agent: "c"}, 10), "t10/b t10/c "},
		{names("", agent.Name{Tenant: "t1", Agent: "b"}, 1), "t1/c "},
		{names("t1", agent.Name{}, 10), "t1/a t1/c "},
		{names("t1", agent.Name{Tenant: "t1", Agent: "c"}, 10), ""},
		{names("none", agent.Name{}, 10), ""},
		{names("../", agent.Name{}, 10), ""},
	} {
		if test.got != test.want {
			t.Errorf("got %q, want %q", test.got, test.want)
		}
	}
	if _, err := r.Listed(t.Context(), "", agent.Name{Tenant: "t1"}, 1); !errors.Is(err, agent.ErrInvalid) {
		t.Errorf("after nothing: got %v", err)
	}
}
