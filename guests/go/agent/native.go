//go:build !wasip1

package agent

import "github.com/carrelhq/carrel/guests/go/internal/codec"

// entropy is the same in every test.
func entropy() uint64 { return 1 }

func invoke(name string, request []byte) []byte {
	if Host == nil {
		return []byte(`{"error":{"code":"unavailable","message":"there is no host: run handlers with agenttest"}}`)
	}
	return Host(name, request)
}

// Outside a sandbox runs may be concurrent, and each request has room of its own.
func takeWriter() *codec.Writer { return new(codec.Writer) }

func giveWriter(*codec.Writer) {}

func giveReply([]byte) {}
