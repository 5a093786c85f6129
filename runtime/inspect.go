package runtime

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"time"

	"github.com/tetratelabs/wazero"

	"github.com/carrelhq/carrel/abi"
	"github.com/carrelhq/carrel/host"
)

// Inspect tells what a module is and wants, running nothing of it but its
// initialization and carrel_describe, bounded and without any host call but log.
// An *abi.Refusal says why a module is not accepted.
func (e *Engine) Inspect(ctx context.Context, module []byte) (in abi.Inspection, err error) {
	ctx, span := e.opts.Telemetry.Start(ctx, "module.inspect")
	defer func() {
		span.End(err)
		e.countRefusal(err)
	}()
	limited, cancel := context.WithTimeout(ctx, e.opts.InspectTimeout)
	defer cancel()
	begin := time.Now()
	compiled, o, err := e.compile(limited, module)
	if err != nil {
		return abi.Inspection{}, err
	}
	defer compiled.Close(context.WithoutCancel(ctx))
	in = o.inspection(module)
	in.CompileMillis = time.Since(begin).Milliseconds()
	if in.Description, err = e.describe(limited, compiled); err != nil {
		if ctx.Err() != nil {
			return abi.Inspection{}, context.Cause(ctx)
		}
		return abi.Inspection{}, err
	}
	return in, nil
}

func (e *Engine) countRefusal(err error) {
	var refusal *abi.Refusal
	if errors.As(err, &refusal) && e.opts.Telemetry != nil && e.opts.Telemetry.Metrics != nil {
		e.opts.Telemetry.Metrics.UploadsRefused.Add(1, refusal.Rule)
	}
}

func (o *outline) inspection(module []byte) abi.Inspection {
	sum := sha256.Sum256(module)
	in := abi.Inspection{
		Digest: hex.EncodeToString(sum[:]), Size: int64(len(module)),
		Imports: []abi.Import{}, Exports: slices.Sorted(maps.Keys(o.exports)), Wants: o.wants(), Meta: o.meta,
	}
	for _, i := range o.imports {
		in.Imports = append(in.Imports, abi.Import{Module: i.module, Name: i.name})
	}
	for _, m := range o.memories {
		in.MemoryMin = int64(m.min) * pageSize
		if m.bounded {
			in.MemoryMax = int64(m.max) * pageSize
		}
	}
	return in
}

// describe initializes the module and asks it what it is.
func (e *Engine) describe(ctx context.Context, compiled wazero.CompiledModule) (d abi.Description, err error) {
	in, err := e.instantiate(ctx, compiled)
	if err != nil {
		return d, e.refuseRun("bad_initialization", "while it was initialized", err)
	}
	defer in.module.Close(context.WithoutCancel(ctx))
	if in.module.ExportedFunction(abi.ExportDescribe) == nil {
		return d, nil
	}
	var packed uint64
	if err := in.call(ctx, abi.ExportDescribe, &packed); err != nil {
		return d, e.refuseRun("bad_description", "in "+abi.ExportDescribe, err)
	}
	reply, err := in.take(packed, maxDescription)
	if err != nil {
		return d, e.refuseRun("bad_description", "in "+abi.ExportDescribe, err)
	}
	return readDescription(reply)
}

// refuseRun makes a refusal of what went wrong when a module was tried.
func (e *Engine) refuseRun(rule, where string, err error) error {
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return &abi.Refusal{Rule: rule, Problem: fmt.Sprintf("the module took longer than %s %s", e.opts.InspectTimeout, where), Advice: "do less there; work belongs into runs"}
	case errors.Is(err, ErrTrap), errors.Is(err, host.ErrGuest):
		return &abi.Refusal{Rule: rule, Problem: fmt.Sprintf("the module failed %s: %v", where, err), Advice: "try it with carrel run"}
	}
	return err
}

// Bounds of a description.
const (
	maxName   = 200
	maxText   = 4000
	maxSkills = 50
	maxWords  = 50
)

func readDescription(reply []byte) (abi.Description, error) {
	var frame abi.Reply[abi.Description]
	if err := json.Unmarshal(reply, &frame); err != nil {
		return abi.Description{}, badDescription("it is not JSON as the ABI has it: " + err.Error())
	}
	switch {
	case frame.Error != nil:
		return abi.Description{}, &abi.Refusal{Rule: "no_description", Problem: limit(frame.Error.Message), Advice: "register a handler when the module is initialized; in Go: func init() { agent.Handle(run) }"}
	case frame.OK == nil:
		return abi.Description{}, badDescription(`it has neither "ok" nor "error"`)
	}
	d := *frame.OK
	if problem := describeProblem(d); problem != "" {
		return abi.Description{}, badDescription(problem)
	}
	return d, nil
}

func badDescription(problem string) error {
	return &abi.Refusal{Rule: "bad_description", Problem: "what " + abi.ExportDescribe + " answers cannot be used: " + problem, Advice: "abi/ABI.md has its form"}
}

func describeProblem(d abi.Description) string {
	switch {
	case len(d.Name) > maxName || len(d.Version) > maxName:
		return fmt.Sprintf("name and version are %d bytes at most", maxName)
	case len(d.Description) > maxText:
		return fmt.Sprintf("the description is %d bytes at most", maxText)
	case len(d.Skills) > maxSkills:
		return fmt.Sprintf("%d skills are the most", maxSkills)
	case !fewWords(d.InputModes) || !fewWords(d.OutputModes):
		return fmt.Sprintf("modes are %d at most, of %d bytes each", maxWords, maxName)
	case !absolute(d.DocumentationURL) || !absolute(d.IconURL):
		return "documentationUrl and iconUrl must be absolute http or https URLs"
	case d.Replies != "" && d.Replies != "message":
		return `replies must be empty or "message"`
	}
	for _, s := range d.Skills {
		if problem := skillProblem(s); problem != "" {
			return problem
		}
	}
	return ""
}

func skillProblem(s abi.Skill) string {
	switch {
	case s.ID == "":
		return "every skill needs an id"
	case len(s.ID) > maxName || len(s.Name) > maxName || len(s.Description) > maxText:
		return fmt.Sprintf("the skill %.40q is too long: id and name are %d bytes at most, its description %d", s.ID, maxName, maxText)
	case !fewWords(s.Tags) || !fewWords(s.InputModes) || !fewWords(s.OutputModes) || len(s.Examples) > maxWords:
		return fmt.Sprintf("the skill %.40q has too many or too long tags, modes or examples", s.ID)
	}
	return ""
}

func fewWords(words []string) bool {
	return len(words) <= maxWords && !slices.ContainsFunc(words, func(w string) bool { return len(w) > maxName })
}

func absolute(s string) bool {
	if s == "" {
		return true
	}
	u, err := url.Parse(s)
	return err == nil && len(s) <= maxText && (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
}
