package agent

// Host answers host calls where there is no carrel underneath, in tests: name is
// the function, request and reply its JSON, framed as {"ok":…} or {"error":…}.
// The package agenttest sets it; in a sandbox it is not used.
var Host func(name string, request []byte) (reply []byte)

// Respond runs the registered agent on a run request, as carrel_run does.
func Respond(request []byte) []byte { return respond(request) }
