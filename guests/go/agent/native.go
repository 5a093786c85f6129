//go:build !wasip1

package agent

func invoke(name string, request []byte) []byte {
	if Host == nil {
		return []byte(`{"error":{"code":"unavailable","message":"there is no host: run handlers with agenttest"}}`)
	}
	return Host(name, request)
}
