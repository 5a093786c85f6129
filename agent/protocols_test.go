package agent_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/carrelhq/carrel/agent"
	"github.com/carrelhq/carrel/storage/storagetest"
)

func TestAnAgentSpeaks03UntilThatIsSwitchedOff(t *testing.T) {
	t.Parallel()
	r := newRegistry(t, storagetest.Memory(), agent.Options{})
	if a := push(t, r, "acme", "bot", "one"); !a.Speaks("1.0") || !a.Speaks("0.3") {
		t.Errorf("a new agent: got %v", a.Protocols)
	}
	off, err := r.SetProtocols(t.Context(), "acme", "bot", []string{"1.0"})
	if err != nil || !off.Speaks("1.0") || off.Speaks("0.3") {
		t.Fatalf("off: got %v, %v", off.Protocols, err)
	}
	if a := push(t, r, "acme", "bot", "two"); !slices.Equal(a.Protocols, []string{"1.0"}) {
		t.Errorf("a new version of it: got %v", a.Protocols)
	}
	on, err := r.SetProtocols(t.Context(), "acme", "bot", []string{"0.3", "1.0"})
	if err != nil || !slices.Equal(on.Protocols, []string{"1.0", "0.3"}) {
		t.Errorf("on again: got %v, %v", on.Protocols, err)
	}
}

func TestProtocolsThatCannotBeAreRefused(t *testing.T) {
	t.Parallel()
	r := newRegistry(t, storagetest.Memory(), agent.Options{})
	push(t, r, "acme", "bot", "one")
	for _, tt := range []struct {
		name     string
		versions []string
		want     string
	}{
		{"none", nil, "no agent is without protocol version 1.0"},
		{"the old alone", []string{"0.3"}, "no agent is without protocol version 1.0"},
		{"one that is not there", []string{"1.0", "0.2"}, `protocol version "0.2" is none of 1.0 and 0.3`},
		{"one twice", []string{"1.0", "1.0"}, "protocol version 1.0 is there twice"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := r.SetProtocols(t.Context(), "acme", "bot", tt.versions)
			if !errors.Is(err, agent.ErrInvalid) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}
