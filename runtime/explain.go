package runtime

import (
	"context"
	"errors"
	"fmt"
	goruntime "runtime"
	"strings"

	"github.com/tetratelabs/wazero/sys"

	"github.com/carrelhq/carrel/host"
)

// ErrTrap is wrapped around the reason a guest ended by its own fault: an
// unreachable instruction, memory out of bounds, a missing or malformed reply.
// The text is for the agent's author.
var ErrTrap = errors.New("the agent trapped")

// endedRun is panicked by host functions to end a run.
type endedRun struct{ cause error }

// Error returns the cause's text.
func (f *endedRun) Error() string { return f.cause.Error() }

// Unwrap returns the cause.
func (f *endedRun) Unwrap() error { return f.cause }

// endRun ends the run with an error, from within a host function.
func endRun(cause error) { panic(&endedRun{cause}) }

// breakRule ends the run by the guest's fault, from within a host function.
func breakRule(format string, args ...any) {
	endRun(fmt.Errorf("%w: %s", host.ErrGuest, fmt.Sprintf(format, args...)))
}

// explain sorts what the engine returned: the end of ctx, the guest's fault, or ours.
func (in *instance) explain(ctx context.Context, err error) error {
	var exit *sys.ExitError
	var ended *endedRun
	var bug goruntime.Error
	switch {
	case ctx.Err() != nil && (errors.As(err, &exit) || errors.As(err, &ended)):
		return context.Cause(ctx)
	case errors.As(err, &ended):
		return ended.cause
	case errors.As(err, &bug):
		in.engine.opts.Logger.Error("host function panicked", "error", err)
		return fmt.Errorf("%w: %w", errPanicked, bug)
	}
	in.output.flush()
	return fmt.Errorf("%w: %s%s", ErrTrap, shorten(err.Error()), in.lastWords())
}

// lastWords is what the guest said on its way out, for the end of an error.
func (in *instance) lastWords() string {
	if words := in.output.words.String(); words != "" {
		return ": " + limit(words)
	}
	return ""
}

// shorten keeps the reason and the innermost frames of the engine's report.
func shorten(report string) string {
	const frames = 5
	reason, trace, ok := strings.Cut(report, "\nwasm stack trace:\n")
	reason = limit(strings.TrimSuffix(strings.TrimPrefix(reason, "wasm error: "), " (recovered by wazero)"))
	if !ok {
		return reason
	}
	lines := strings.Split(strings.TrimSpace(trace), "\n")
	lines = lines[:min(len(lines), frames)]
	for i := range lines {
		lines[i] = limitTo(strings.TrimPrefix(strings.TrimSpace(lines[i]), "."), 100)
	}
	return reason + " in " + strings.Join(lines, ", called by ")
}

// limit bounds what is passed on of a text that a guest or the engine made.
func limit(text string) string { return limitTo(text, 1000) }

func limitTo(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}
