//go:build !wasip1

package agent

// Host answers host calls where there is no carrel underneath, in tests: name is
// the function, request and reply its JSON, framed as {"ok":…} or {"error":…}.
// The package agenttest sets it.
var Host func(name string, request []byte) (reply []byte)

// Respond runs the registered agent on a run request, as carrel_run does.
func Respond(request []byte) []byte { return respond(request) }

func invoke(name string, request []byte) []byte {
	if Host == nil {
		return []byte(`{"error":{"code":"unavailable","message":"there is no host: run handlers with agenttest"}}`)
	}
	return Host(name, request)
}
