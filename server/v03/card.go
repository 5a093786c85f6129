package v03

import (
	"errors"
	"strings"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"
)

// ErrNoInterface is the error for a card that lists no interface of 0.3.
var ErrNoInterface = errors.New("v03: the card lists no interface of version 0.3")

// cardVersion is the protocolVersion of a 0.3 card: there it has three numbers.
const cardVersion = "0.3.0"

// Card returns the 0.3 form of a 1.0 card as a JSON object, for encoding/json.
// The interfaces whose protocolVersion is 0.3 become the card's url and
// additionalInterfaces, the first of them preferred. OAuth flows that 0.3 does
// not know and signatures are left out: those sign the 1.0 form. The card is
// not changed; the object shares nothing with it.
//
// It returns [ErrNoInterface] when the card lists no interface of 0.3.
func Card(c *a2apb.AgentCard) (map[string]any, error) {
	object := map[string]any{
		"protocolVersion":    cardVersion,
		"name":               c.GetName(),
		"description":        c.GetDescription(),
		"version":            c.GetVersion(),
		"capabilities":       capabilities(c.GetCapabilities()),
		"defaultInputModes":  texts(c.GetDefaultInputModes()),
		"defaultOutputModes": texts(c.GetDefaultOutputModes()),
		"skills":             skills(c.GetSkills()),
	}
	if err := addInterfaces(object, c.GetSupportedInterfaces()); err != nil {
		return nil, err
	}
	setText(object, "documentationUrl", c.GetDocumentationUrl())
	setText(object, "iconUrl", c.GetIconUrl())
	if p := c.GetProvider(); p != nil {
		object["provider"] = map[string]any{"organization": p.GetOrganization(), "url": p.GetUrl()}
	}
	if c.GetCapabilities().GetExtendedAgentCard() {
		object["supportsAuthenticatedExtendedCard"] = true
	}
	if schemes := c.GetSecuritySchemes(); len(schemes) > 0 {
		named := map[string]any{}
		for name, s := range schemes {
			named[name] = securityScheme(s)
		}
		object["securitySchemes"] = named
	}
	addSecurity(object, c.GetSecurityRequirements())
	return object, nil
}

// Union adds the 0.3 form of a card to v1, the JSON object of its 1.0 form as
// encoding/json decodes it, so that clients of either version can read it: those
// that ignore members they do not know. The members of both are those of 1.0;
// objects are united member by member, and so are the skills, in their order.
// signatures is removed: it signs the 1.0 form alone.
//
// It returns [ErrNoInterface], and leaves v1 as it is, when the card lists no
// interface of 0.3. A second time changes nothing.
func Union(v1 map[string]any, c *a2apb.AgentCard) error {
	object, err := Card(c)
	if err != nil {
		return err
	}
	unite(v1, object)
	delete(v1, "signatures")
	return nil
}

// unite adds to object what other has more.
func unite(object, other map[string]any) {
	for name, theirs := range other {
		ours, both := object[name]
		if !both {
			object[name] = theirs
			continue
		}
		uniteValues(ours, theirs)
	}
}

func uniteValues(ours, theirs any) {
	switch ours := ours.(type) {
	case map[string]any:
		if theirs, ok := theirs.(map[string]any); ok {
			unite(ours, theirs)
		}
	case []any:
		theirs, ok := theirs.([]any)
		if !ok || len(theirs) != len(ours) {
			return
		}
		for i := range ours {
			uniteValues(ours[i], theirs[i])
		}
	}
}

func addInterfaces(object map[string]any, all []*a2apb.AgentInterface) error {
	var more []any
	for _, i := range all {
		if i.GetProtocolVersion() != Version && !strings.HasPrefix(i.GetProtocolVersion(), Version+".") {
			continue
		}
		if object["url"] == nil {
			object["url"], object["preferredTransport"] = i.GetUrl(), i.GetProtocolBinding()
		}
		more = append(more, map[string]any{"url": i.GetUrl(), "transport": i.GetProtocolBinding()})
	}
	if more == nil {
		return ErrNoInterface
	}
	object["additionalInterfaces"] = more
	return nil
}

func capabilities(c *a2apb.AgentCapabilities) map[string]any {
	object := map[string]any{}
	if c != nil && c.Streaming != nil {
		object["streaming"] = c.GetStreaming()
	}
	if c != nil && c.PushNotifications != nil {
		object["pushNotifications"] = c.GetPushNotifications()
	}
	var extensions []any
	for _, e := range c.GetExtensions() {
		one := map[string]any{"uri": e.GetUri()}
		setText(one, "description", e.GetDescription())
		if e.GetRequired() {
			one["required"] = true
		}
		if e.GetParams() != nil {
			one["params"] = e.GetParams().AsMap()
		}
		extensions = append(extensions, one)
	}
	if extensions != nil {
		object["extensions"] = extensions
	}
	return object
}

func skills(all []*a2apb.AgentSkill) []any {
	list := make([]any, 0, len(all))
	for _, s := range all {
		one := map[string]any{"id": s.GetId(), "name": s.GetName(), "description": s.GetDescription(), "tags": texts(s.GetTags())}
		setTexts(one, "examples", s.GetExamples())
		setTexts(one, "inputModes", s.GetInputModes())
		setTexts(one, "outputModes", s.GetOutputModes())
		addSecurity(one, s.GetSecurityRequirements())
		list = append(list, one)
	}
	return list
}

func texts(values []string) []any {
	list := make([]any, len(values))
	for i, v := range values {
		list[i] = v
	}
	return list
}

func setText(object map[string]any, name, value string) {
	if value != "" {
		object[name] = value
	}
}

func setTexts(object map[string]any, name string, values []string) {
	if len(values) > 0 {
		object[name] = texts(values)
	}
}
