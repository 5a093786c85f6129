package runtime

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/carrelhq/carrel/abi"
	"github.com/carrelhq/carrel/host"
	"github.com/carrelhq/carrel/runtime/compile"
	"github.com/carrelhq/carrel/runtime/share"
)

// Inspect tells what a module is and wants, running nothing of it but its
// initialization and carrel_describe, bounded and without any host call but log.
// An *abi.Refusal says why a module is not accepted; with abi.RuleBusy it is that
// the server has too much to do, for this tenant or for all. module is not kept.
func (e *Engine) Inspect(ctx context.Context, tenant string, module []byte) (in abi.Inspection, err error) {
	ctx, span := e.opts.Telemetry.Start(ctx, "module.inspect")
	defer func() { span.End(err) }()
	in, err = e.inspect(ctx, tenant, module)
	if ctx.Err() != nil {
		return abi.Inspection{}, context.Cause(ctx)
	}
	err = e.refuseTime(err)
	if refusal := (*abi.Refusal)(nil); errors.As(err, &refusal) {
		e.metrics().UploadsRefused.Add(1, refusal.Rule)
		return abi.Inspection{}, refusal
	}
	return in, err
}

// refuseTime makes a refusal of an upload that took too long.
func (e *Engine) refuseTime(err error) error {
	rule, problem := "", ""
	switch {
	case errors.Is(err, compile.ErrBusy), errors.Is(err, errNoMemory):
		rule, problem = abi.RuleBusy, busyProblem(err, e.opts.InspectTimeout)
	case errors.Is(err, errSlow):
		rule, problem = "compile_timeout", fmt.Sprintf("compiling takes longer than %s", e.opts.InspectTimeout)
	default:
		return err
	}
	return &abi.Refusal{Rule: rule, Problem: problem, Advice: adviceFor(rule)}
}

// busyProblem tells an uploader what there is too little of.
func busyProblem(err error, limit time.Duration) string {
	switch {
	case errors.Is(err, errNoMemory):
		return fmt.Sprintf("there has been no memory to try it in for %s", limit)
	case errors.Is(err, share.ErrBusy):
		return "too many modules wait to be compiled"
	}
	return fmt.Sprintf("there has been no room beside other modules for %s", limit)
}

func (e *Engine) inspect(ctx context.Context, tenant string, module []byte) (abi.Inspection, error) {
	sum := sha256.Sum256(module)
	in := abi.Inspection{Digest: hex.EncodeToString(sum[:]), Size: int64(len(module))}
	bytes := func(context.Context) ([]byte, error) { return module, nil }
	m, err := e.load(ctx, in.Digest, bytes, tenant, e.uploads)
	if err != nil {
		return in, err
	}
	defer m.Release()
	m.outline.fill(&in)
	in.CompileMillis = m.took.Milliseconds()
	ctx, cancel := context.WithTimeoutCause(ctx, e.opts.InspectTimeout, errSlow)
	defer cancel()
	if in.Description, err = m.describe(ctx, tenant); err == nil {
		m.report(&in)
	}
	return in, err
}

// report copies what is known once the module was tried.
func (m *Module) report(in *abi.Inspection) {
	in.RewrittenSize = m.rewritten
	state, reason := m.pool.snapshot()
	if in.NoSnapshot = reason; state != nil {
		in.SnapshotBytes = int64(state.image.Stored())
		in.ResetMicros = m.pool.lastReset.Load() / 1000
	}
}

// fill copies what the scan learned.
func (o *outline) fill(in *abi.Inspection) {
	in.Imports = []abi.Import{}
	for _, i := range o.imports {
		in.Imports = append(in.Imports, abi.Import{Module: i.Module, Name: i.Name})
	}
	in.Exports = slices.Sorted(maps.Keys(o.exports))
	in.Wants = o.wants()
	in.Meta = maps.Clone(o.meta)
	in.MemoryMin = int64(o.memory.Min) * pageSize
	if o.memory.Bounded {
		in.MemoryMax = int64(o.memory.Max) * pageSize
	}
}

// maxDescription bounds a description, in bytes of JSON.
const maxDescription = 64 << 10

// describe initializes an instance of the module and asks it what it is.
func (m *Module) describe(ctx context.Context, tenant string) (d abi.Description, err error) {
	in, err := m.admit(ctx, tenant)
	if err != nil {
		return d, m.engine.refuseRun("bad_initialization", "while it was initialized", err)
	}
	defer func() { m.give(in, err == nil) }()
	var reply []byte
	err = in.scheduled(ctx, tenant, func(ctx context.Context) error {
		reply, err = m.outline.dialect.describe(ctx, in)
		return err
	})
	if err != nil {
		return d, m.engine.refuseRun("bad_description", "when it was asked to describe itself", err)
	}
	if reply == nil {
		return d, nil
	}
	return readDescription(reply)
}

// refuseRun makes a refusal of what went wrong when a module was tried.
func (e *Engine) refuseRun(rule, where string, err error) error {
	switch {
	case errors.Is(err, errNoMemory):
		return err
	case errors.Is(err, errSlow):
		return &abi.Refusal{
			Rule: rule, Problem: fmt.Sprintf("the module took longer than %s %s", e.opts.InspectTimeout, where),
			Advice: "do less there; work belongs into runs",
		}
	case errors.Is(err, ErrTrap), errors.Is(err, host.ErrGuest):
		return &abi.Refusal{
			Rule: rule, Problem: fmt.Sprintf("the module failed %s: %v", where, err),
			Advice: "initialization and description must work without host functions other than log",
		}
	}
	return err
}
