package runtime

import (
	"errors"
	"testing"

	"github.com/carrelhq/carrel/abi"
)

func TestDataOutsideOfMemoryIsRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		at   int64
		fits bool
	}{
		"at the end of memory": {2*pageSize - 1, true},
		"over the end":         {2 * pageSize, false},
		"below zero":           {-1, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newReplier("{}")
			g.dataAt(c.at, []byte("x"))
			_, err := newEngine(t, Options{}).Inspect(t.Context(), "tenant", g.bytes())
			var refusal *abi.Refusal
			if refused := errors.As(err, &refusal) && refusal.Rule == "data_outside"; refused == c.fits {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestAGuestDoesNotExportWhatTheHostDoes(t *testing.T) {
	t.Parallel()
	g := newReplier("{}")
	g.function("carrel:fuel", noneToNone)
	_, err := newEngine(t, Options{}).Inspect(t.Context(), "tenant", g.bytes())
	var refusal *abi.Refusal
	if !errors.As(err, &refusal) || refusal.Rule != "bad_exports" {
		t.Errorf("got %v", err)
	}
}
