package runtime

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/carrelhq/carrel/abi"
)

func readDescription(reply []byte) (abi.Description, error) {
	var frame abi.Reply[abi.Description]
	if err := json.Unmarshal(reply, &frame); err != nil {
		return abi.Description{}, badDescription("it is not JSON as the ABI has it: " + err.Error())
	}
	switch {
	case frame.Error != nil:
		return abi.Description{}, &abi.Refusal{Rule: "no_description", Problem: limit(frame.Error.Message), Advice: "register a handler when the module is initialized; in Go: func init() { agent.Handle(run) }"}
	case frame.OK == nil:
		return abi.Description{}, badDescription(`it has neither "ok" nor "error"`)
	}
	d := *frame.OK
	if problem := describeProblem(d); problem != "" {
		return abi.Description{}, badDescription(problem)
	}
	return d, nil
}

func badDescription(problem string) error {
	return &abi.Refusal{Rule: "bad_description", Problem: "the description that the module gives cannot be used: " + problem, Advice: "abi/ABI.md has its form"}
}

func describeProblem(d abi.Description) string {
	switch {
	case len(d.Name) > abi.MaxName || len(d.Version) > abi.MaxName:
		return fmt.Sprintf("name and version are %d bytes at most", abi.MaxName)
	case len(d.Description) > abi.MaxText:
		return fmt.Sprintf("the description is %d bytes at most", abi.MaxText)
	case len(d.Skills) > abi.MaxSkills:
		return fmt.Sprintf("%d skills are the most", abi.MaxSkills)
	case !fewWords(d.InputModes) || !fewWords(d.OutputModes):
		return fmt.Sprintf("modes are %d at most, of %d bytes each", abi.MaxWords, abi.MaxName)
	case !absolute(d.DocumentationURL) || !absolute(d.IconURL):
		return "documentationUrl and iconUrl must be absolute http or https URLs"
	}
	if err := d.CheckWords(); err != nil {
		return err.Error()
	}
	if problem := extensionsProblem(d.Extensions); problem != "" {
		return problem
	}
	seen := map[string]bool{}
	for _, s := range d.Skills {
		if seen[s.ID] {
			return fmt.Sprintf("two skills have the id %.40q", s.ID)
		}
		seen[s.ID] = true
		if problem := skillProblem(s); problem != "" {
			return problem
		}
	}
	return ""
}

// extensionsProblem holds the names of extensions to what fits into the header in
// which clients list them.
func extensionsProblem(list []abi.Extension) string {
	if len(list) > abi.MaxWords {
		return fmt.Sprintf("%d extensions are the most", abi.MaxWords)
	}
	seen := map[string]bool{}
	for _, e := range list {
		switch {
		case e.URI == "" || len(e.URI) > abi.MaxText || strings.ContainsFunc(e.URI, func(r rune) bool { return r <= ' ' || r > '~' || r == ',' }):
			return fmt.Sprintf("the extension %.40q is no URI: 1 to %d visible ASCII characters without commas", e.URI, abi.MaxText)
		case seen[e.URI]:
			return fmt.Sprintf("two extensions have the URI %.40q", e.URI)
		case len(e.Description) > abi.MaxText:
			return fmt.Sprintf("the description of the extension %.40q is %d bytes at most", e.URI, abi.MaxText)
		}
		seen[e.URI] = true
	}
	return ""
}

func skillProblem(s abi.Skill) string {
	switch {
	case s.ID == "":
		return "every skill needs an id"
	case len(s.ID) > abi.MaxName || len(s.Name) > abi.MaxName || len(s.Description) > abi.MaxText:
		return fmt.Sprintf("the skill %.40q is too long: id and name are %d bytes at most, its description %d", s.ID, abi.MaxName, abi.MaxText)
	case !fewWords(s.Tags) || !fewWords(s.InputModes) || !fewWords(s.OutputModes) || len(s.Examples) > abi.MaxWords:
		return fmt.Sprintf("the skill %.40q has too many or too long tags, modes or examples", s.ID)
	}
	return ""
}

func fewWords(words []string) bool {
	return len(words) <= abi.MaxWords && !slices.ContainsFunc(words, func(w string) bool { return len(w) > abi.MaxName })
}

func absolute(s string) bool {
	if s == "" {
		return true
	}
	u, err := url.Parse(s)
	return err == nil && len(s) <= abi.MaxText && (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
}
