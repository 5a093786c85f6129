package task

import (
	"context"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"
	"google.golang.org/protobuf/proto"

	"github.com/carrelhq/carrel/storage"
)

// restore makes the artifacts of earlier runs what they were before this run was
// first tried: followers have them with what the lost attempts added. It emits
// those again that were touched, whole, so that the attempt may append to them.
// On the first attempt, and in the first run, there is nothing to restore.
func (r *Run) restore(ctx context.Context) error {
	if r.Attempt == 1 || r.Number == 1 {
		return nil
	}
	var events []Event
	err := r.view(ctx, func(tx storage.Tx) (err error) {
		events, err = readLog(tx, r.TaskID, false)
		return err
	})
	if err != nil {
		return err
	}
	artifacts, touched := artifactsBefore(events, r.Number)
	var ids []string
	for _, a := range artifacts {
		ids = append(ids, a.ArtifactId)
		if !touched[a.ArtifactId] {
			continue
		}
		if err := r.emitAgain(ctx, a); err != nil {
			return err
		}
	}
	r.noteBegun(ids)
	return nil
}

// artifactsBefore returns the artifacts as the runs before the given one left
// them, and the ids of those that its attempts emitted chunks of.
func artifactsBefore(events []Event, run int) (artifacts []*a2apb.Artifact, touched map[string]bool) {
	touched = map[string]bool{}
	var before []Event
	for _, e := range events {
		if e.run < run {
			before = append(before, e)
		} else if u := e.Body.GetArtifactUpdate(); u != nil {
			touched[u.Artifact.ArtifactId] = true
		}
	}
	t := &a2apb.Task{}
	foldInto(t, before, all)
	return t.Artifacts, touched
}

// emitAgain emits a whole artifact, in as many chunks as its size takes.
func (r *Run) emitAgain(ctx context.Context, a *a2apb.Artifact) error {
	for first, rest := true, a.Parts; len(rest) > 0; first = false {
		piece := &a2apb.Artifact{ArtifactId: a.ArtifactId}
		if first {
			piece.Name, piece.Description, piece.Metadata, piece.Extensions = a.Name, a.Description, a.Metadata, a.Extensions
		}
		n := partsWithin(MaxChunk-proto.Size(piece), rest)
		piece.Parts, rest = rest[:n], rest[n:]
		if err := r.Artifact(ctx, &a2apb.TaskArtifactUpdateEvent{Artifact: piece, Append: !first, LastChunk: len(rest) == 0}); err != nil {
			return err
		}
	}
	return nil
}

// partsWithin is how many of the parts, one at least, have no more than size bytes together.
func partsWithin(size int, parts []*a2apb.Part) (n int) {
	for n < len(parts) {
		// A part takes its tag and its length beside itself.
		if size -= proto.Size(parts[n]) + 5; size < 0 && n > 0 {
			break
		}
		n++
	}
	return n
}
