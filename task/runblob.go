package task

import (
	"context"
	"io"
	"slices"
	"strings"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"

	"github.com/carrelhq/carrel/storage"
	"github.com/carrelhq/carrel/tenant"
)

// Stage stores the bytes of parts that are large, each once, and returns the parts
// with references in their place, for the Append methods. It refuses references to
// what is no blob of the task with a [FieldError]. What it stores is gone later
// unless it is appended. The parts given are not changed.
func (r *Run) Stage(ctx context.Context, parts []*a2apb.Part) ([]*a2apb.Part, error) {
	if !toStage(parts) {
		return parts, nil
	}
	if err := r.settle(ctx); err != nil {
		return nil, err
	}
	for _, p := range parts {
		if err := r.checkRef(ctx, p); err != nil {
			return nil, err
		}
	}
	return r.m.stage(ctx, taskPlace{r.key.tenant, r.key.id}, parts, &r.loose)
}

func toStage(parts []*a2apb.Part) bool {
	return slices.ContainsFunc(parts, func(p *a2apb.Part) bool { return isLarge(p) || strings.HasPrefix(p.GetUrl(), BlobScheme) })
}

func (r *Run) checkRef(ctx context.Context, p *a2apb.Part) error {
	if !strings.HasPrefix(p.GetUrl(), BlobScheme) {
		return nil
	}
	ref, ok := blobOf(p)
	if !ok || ref.TaskID != r.TaskID {
		return errNoBlob
	}
	there, err := hasBlob(ctx, tenant.Scope(r.m.db, r.key.tenant), ref, &r.loose)
	if err == nil && !there {
		return errNoBlob
	}
	return err
}

func (r *Run) stageMessage(ctx context.Context, msg *a2apb.Message) (*a2apb.Message, error) {
	parts, err := r.Stage(ctx, msg.GetParts())
	if err != nil || same(parts, msg.GetParts()) {
		return msg, err
	}
	out := shallow(msg)
	out.Parts = parts
	return out, nil
}

func (r *Run) stageArtifact(ctx context.Context, a *a2apb.Artifact) (*a2apb.Artifact, error) {
	parts, err := r.Stage(ctx, a.GetParts())
	if err != nil || same(parts, a.GetParts()) {
		return a, err
	}
	return withParts(a, parts), nil
}

// stageResult stores what is large in a result that is valid.
func (r *Run) stageResult(ctx context.Context, result Result) (_ Result, err error) {
	if result.Message, err = r.stageMessage(ctx, result.Message); err != nil {
		return result, err
	}
	artifacts := result.Artifacts
	result.Artifacts = nil
	for _, a := range artifacts {
		if a, err = r.stageArtifact(ctx, a); err != nil {
			return result, err
		}
		result.Artifacts = append(result.Artifacts, a)
	}
	return result, nil
}

// ReadBlob returns at most length bytes of a blob from offset on, none from its end
// on, and its size. url is that of a part of this task, or of another one of its
// context, as they are in messages and artifacts; anything else is ErrTaskNotFound.
func (r *Run) ReadBlob(ctx context.Context, url string, offset int64, length int) (data []byte, size int64, err error) {
	ref, ok := ParseBlobRef(url)
	if !ok {
		return nil, 0, ErrTaskNotFound
	}
	if err := r.mayRead(ctx, ref); err != nil {
		return nil, 0, err
	}
	blob, err := r.m.Blob(ctx, r.key.tenant, ref)
	if err != nil {
		return nil, 0, err
	}
	content, err := blob.Open(ctx, offset)
	if err != nil {
		return nil, 0, err
	}
	defer content.Close()
	data, err = io.ReadAll(io.LimitReader(content, int64(length)))
	return data, blob.Size, err
}

// mayRead tells whether the run sees the parts of the task.
func (r *Run) mayRead(ctx context.Context, ref BlobRef) error {
	if ref.TaskID == r.TaskID {
		return r.settle(ctx)
	}
	return r.view(ctx, func(tx storage.Tx) error {
		h, err := getAnyHead(tx, r.Ref.Agent, ref.TaskID)
		if err == nil && h.contextID != r.ContextID {
			err = ErrTaskNotFound
		}
		return err
	})
}
