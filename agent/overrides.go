package agent

import (
	"context"
	"fmt"
	"net/url"
	"slices"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"

	"github.com/carrelhq/carrel/abi"
	"github.com/carrelhq/carrel/storage"
)

// Overrides are what an agent's owner says on its card in place of what the
// module describes. They stay when a new version is uploaded.
type Overrides struct {
	CardFields
	// Extended, when not nil, is what the extended card has beside the public
	// one: it is for callers with a key. Section 3.1.11. One that is empty says
	// that there will be an extended card, and that it is not there yet.
	Extended *CardFields `json:"extended,omitempty"`
}

// CardFields are fields of a card; empty ones leave what is there.
type CardFields struct {
	Name        string    `json:"name,omitempty"`
	Description string    `json:"description,omitempty"`
	Provider    *Provider `json:"provider,omitempty"`
	// DocumentationURL and IconURL are absolute URLs.
	DocumentationURL string `json:"documentationUrl,omitempty"`
	IconURL          string `json:"iconUrl,omitempty"`
	// Skills replace those of the module. Those of an extended card are added to
	// the public ones, in place of one with the same id.
	Skills []abi.Skill `json:"skills,omitempty"`
}

// Provider is who offers an agent.
type Provider struct {
	Organization string `json:"organization"`
	URL          string `json:"url"`
}

// Override replaces what an agent's owner says on its card; the zero value takes
// everything back. ErrInvalid tells which field cannot be.
func (r *Registry) Override(ctx context.Context, tenantName, name string, o Overrides) (Agent, error) {
	if problem := o.problem(); problem != "" {
		return Agent{}, fmt.Errorf("%w: %s", ErrInvalid, problem)
	}
	return r.change(ctx, place{tenantName, name}, func(_ storage.Tx, record *agentRecord) error {
		record.Overrides = &o
		if o.empty() && o.Extended == nil {
			record.Overrides = nil
		}
		return nil
	})
}

// Description is the agent's description with what its owner says in its place.
func (a Agent) Description() abi.Description {
	d := a.Current.Description
	if a.Overrides == nil {
		return d
	}
	if len(a.Overrides.Skills) > 0 {
		d.Skills = a.Overrides.Skills
	}
	return a.Overrides.apply(d)
}

// InputModes are the media types that the agent takes: those that its description
// names, and those of the skills on its cards, the extended one included. One whose
// description names none takes all, and has none here.
func (a Agent) InputModes() []string {
	d := a.Description()
	if len(d.InputModes) == 0 {
		return nil
	}
	skills := d.Skills
	if a.Overrides != nil && a.Overrides.Extended != nil {
		skills = slices.Concat(skills, a.Overrides.Extended.Skills)
	}
	taken := slices.Clone(d.InputModes)
	for _, s := range skills {
		for _, mode := range s.InputModes {
			if !slices.Contains(taken, mode) {
				taken = append(taken, mode)
			}
		}
	}
	return taken
}

// apply returns d with the texts that are set.
func (f CardFields) apply(d abi.Description) abi.Description {
	for _, field := range []struct {
		to  *string
		set string
	}{{&d.Name, f.Name}, {&d.Description, f.Description}, {&d.DocumentationURL, f.DocumentationURL}, {&d.IconURL, f.IconURL}} {
		if field.set != "" {
			*field.to = field.set
		}
	}
	return d
}

// extend adds what the extended card has.
func (f CardFields) extend(d abi.Description) abi.Description {
	d = f.apply(d)
	public := slices.DeleteFunc(slices.Clone(d.Skills), func(s abi.Skill) bool {
		return slices.ContainsFunc(f.Skills, func(mine abi.Skill) bool { return mine.ID == s.ID })
	})
	d.Skills = append(public, f.Skills...)
	return d
}

func (p *Provider) onCard() *a2apb.AgentProvider {
	if p == nil {
		return nil
	}
	return &a2apb.AgentProvider{Organization: p.Organization, Url: p.URL}
}

func (f CardFields) empty() bool {
	return f.Name+f.Description+f.DocumentationURL+f.IconURL == "" && f.Provider == nil && len(f.Skills) == 0
}

func (o Overrides) problem() string {
	if problem := o.CardFields.problem(""); problem != "" || o.Extended == nil {
		return problem
	}
	return o.Extended.problem("extended.")
}

// problem says what is wrong with the fields at the given place.
func (f CardFields) problem(at string) string {
	switch {
	case len(f.Name) > abi.MaxName:
		return fmt.Sprintf("%sname is %d bytes at most", at, abi.MaxName)
	case len(f.Description) > abi.MaxText:
		return fmt.Sprintf("%sdescription is %d bytes at most", at, abi.MaxText)
	case f.DocumentationURL != "" && !webAddress(f.DocumentationURL):
		return at + "documentationUrl must be an absolute http or https URL"
	case f.IconURL != "" && !webAddress(f.IconURL):
		return at + "iconUrl must be an absolute http or https URL"
	case f.Provider != nil && (f.Provider.Organization == "" || len(f.Provider.Organization) > abi.MaxName):
		return fmt.Sprintf("%sprovider.organization is 1 to %d bytes", at, abi.MaxName)
	case f.Provider != nil && !webAddress(f.Provider.URL):
		return at + "provider.url must be an absolute http or https URL"
	case len(f.Skills) > abi.MaxSkills:
		return fmt.Sprintf("%sskills are %d at most", at, abi.MaxSkills)
	}
	seen := map[string]bool{}
	for i, s := range f.Skills {
		if problem := skillProblem(s); problem != "" {
			return fmt.Sprintf("%sskills[%d].%s", at, i, problem)
		}
		if seen[s.ID] {
			return fmt.Sprintf("%sskills[%d].id is that of another", at, i)
		}
		seen[s.ID] = true
	}
	return ""
}

func skillProblem(s abi.Skill) string {
	switch {
	case s.ID == "" || len(s.ID) > abi.MaxName:
		return fmt.Sprintf("id is 1 to %d bytes", abi.MaxName)
	case len(s.Name) > abi.MaxName:
		return fmt.Sprintf("name is %d bytes at most", abi.MaxName)
	case len(s.Description) > abi.MaxText:
		return fmt.Sprintf("description is %d bytes at most", abi.MaxText)
	}
	for _, list := range []struct {
		name  string
		words []string
		max   int
	}{{"tags", s.Tags, abi.MaxName}, {"examples", s.Examples, abi.MaxText}, {"inputModes", s.InputModes, abi.MaxName}, {"outputModes", s.OutputModes, abi.MaxName}} {
		if len(list.words) > abi.MaxWords {
			return fmt.Sprintf("%s are %d at most", list.name, abi.MaxWords)
		}
		if slices.ContainsFunc(list.words, func(w string) bool { return w == "" || len(w) > list.max }) {
			return fmt.Sprintf("%s are 1 to %d bytes each", list.name, list.max)
		}
	}
	return ""
}

func webAddress(s string) bool {
	u, err := url.Parse(s)
	return err == nil && len(s) <= abi.MaxText && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && u.User == nil
}
