package agent

import (
	"context"
	"fmt"
	"slices"

	"github.com/carrelhq/carrel/storage"
)

// protocols are the versions of A2A that an agent can speak, and does unless it
// is told otherwise: Major.Minor, the newest first.
var protocols = []string{protocolVersion, "0.3"}

// Speaks tells whether the agent speaks a version of A2A, which is Major.Minor.
func (a Agent) Speaks(version string) bool { return slices.Contains(a.Protocols, version) }

// SetProtocols changes which versions of A2A the agent speaks: 1.0, which no
// agent is without, and 0.3 or not. What webhooks were registered in stays as it is.
func (r *Registry) SetProtocols(ctx context.Context, tenantName, name string, versions []string) (Agent, error) {
	if err := checkProtocols(versions); err != nil {
		return Agent{}, err
	}
	return r.change(ctx, place{tenantName, name}, func(_ storage.Tx, record *agentRecord) error {
		record.Without03 = !slices.Contains(versions, "0.3")
		return nil
	})
}

func checkProtocols(versions []string) error {
	for i, v := range versions {
		if !slices.Contains(protocols, v) {
			return fmt.Errorf("%w: protocol version %q is none of 1.0 and 0.3", ErrInvalid, v)
		}
		if slices.Contains(versions[:i], v) {
			return fmt.Errorf("%w: protocol version %s is there twice", ErrInvalid, v)
		}
	}
	if !slices.Contains(versions, protocolVersion) {
		return fmt.Errorf("%w: no agent is without protocol version %s", ErrInvalid, protocolVersion)
	}
	return nil
}

// spoken are the versions that an agent speaks. The list is shared.
func (record agentRecord) spoken() []string {
	if record.Without03 {
		return protocols[:1:1]
	}
	return protocols
}
