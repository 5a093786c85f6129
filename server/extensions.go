package server

import "strings"

// headerExtensions names the extensions of a request, and those that are active
// in the answer; headerExtensions03 does so in 0.3.
const (
	headerExtensions   = "A2A-Extensions"
	headerExtensions03 = "X-A2A-Extensions"
)

// negotiate returns the extensions that are active: those that the client names
// and the agent knows, as a list with commas. What the agent does not know is
// ignored, and a version is never taken for another. It is errExtension when one
// is missing that the agent requires. Sections 3.2.6, 3.3.4, 4.6.
func (by caller) negotiate(named string) (active string, err error) {
	var uses map[string]bool // none, for most
	if named = strings.Trim(named, ", "); named != "" {
		uses = map[string]bool{}
		for uri := range strings.SplitSeq(named, ",") {
			uses[strings.TrimSpace(uri)] = true
		}
	}
	var list []string
	for _, e := range by.extensions {
		switch {
		case uses[e.URI] && e.URI != "":
			list = append(list, e.URI)
		case e.Required:
			return "", refuse(errExtension, "name "+e.URI+" in "+headerExtensions)
		}
	}
	return strings.Join(list, ", "), nil
}

// negotiate says in the answer which extensions are active.
func (x *exchange) negotiate(by caller) error {
	header, named := headerExtensions, x.headers(headerExtensions)
	if by.in03 {
		header = headerExtensions03
		named += "," + x.headers(header)
	}
	active, err := by.negotiate(named)
	if active != "" {
		x.set(header, active)
	}
	return err
}
