package runtime

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/tetratelabs/wazero/sys"

	"github.com/carrelhq/carrel/host"
)

// ErrTrap is wrapped around the reason a guest ended by its own fault: an
// unreachable instruction, memory out of bounds, a missing or malformed reply.
// The text is for the agent's author.
var ErrTrap = errors.New("the agent trapped")

// explain sorts what the engine returned: the end of ctx, the guest's fault, or ours.
func explain(ctx context.Context, err error) error {
	var exit *sys.ExitError
	if ctx.Err() != nil && errors.As(err, &exit) {
		return context.Cause(ctx)
	}
	var ours *hostFailure
	if errors.As(err, &ours) {
		return ours.error
	}
	var theirs *guestFault
	if errors.As(err, &theirs) {
		return fmt.Errorf("%w: %s", host.ErrGuest, theirs.problem)
	}
	if errors.Is(err, host.ErrGuest) || errors.Is(err, ErrTrap) {
		return err
	}
	return fmt.Errorf("%w: %s", ErrTrap, shorten(err.Error()))
}

// shorten keeps the reason and the innermost frames of the engine's report.
func shorten(report string) string {
	const frames = 5
	reason, trace, ok := strings.Cut(report, "\nwasm stack trace:\n")
	reason = strings.TrimSuffix(strings.TrimPrefix(reason, "wasm error: "), " (recovered by wazero)")
	if !ok {
		return limit(reason)
	}
	lines := strings.Split(strings.TrimSpace(trace), "\n")
	lines = lines[:min(len(lines), frames)]
	for i := range lines {
		lines[i] = strings.TrimPrefix(strings.TrimSpace(lines[i]), ".")
	}
	return limit(reason + " in " + strings.Join(lines, ", called by "))
}

func limit(text string) string {
	const most = 1000
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}
