package task

import (
	"crypto/sha256"
	"encoding/hex"
	"iter"
	"strings"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"
)

// MaxInline bounds a raw part that lies in the records of its task, in bytes. The
// bytes of a larger one are stored once, as a blob, and the records have a part in
// its place whose URL is a [BlobRef].
const MaxInline = 64 << 10

// BlobScheme begins the URL of a part that stands for a blob. Nobody but guests
// sees such a URL, and clients may not send one: see [Link].
const BlobScheme = "carrel-blob:"

// BlobRef names a blob: the task that it belongs to, and the SHA-256 of its content.
type BlobRef struct {
	TaskID string
	Digest [sha256.Size]byte
}

// String returns the reference as the URL of a part: carrel-blob:TASK/SHA256, in
// hexadecimal.
func (r BlobRef) String() string {
	return BlobScheme + r.TaskID + "/" + hex.EncodeToString(r.Digest[:])
}

// ParseBlobRef is the reverse of [BlobRef.String]; false for anything else.
func ParseBlobRef(url string) (r BlobRef, ok bool) {
	rest, ok := strings.CutPrefix(url, BlobScheme)
	if !ok {
		return r, false
	}
	id, digest, ok := strings.Cut(rest, "/")
	if !ok || id == "" || len(id) > MaxID || len(digest) != hex.EncodedLen(len(r.Digest)) {
		return r, false
	}
	if _, err := hex.Decode(r.Digest[:], []byte(digest)); err != nil {
		return BlobRef{}, false
	}
	if r.TaskID = id; r.String() != url { // there is one way to write it
		return BlobRef{}, false
	}
	return r, true
}

// blobOf returns the blob that a part stands for.
func blobOf(p *a2apb.Part) (BlobRef, bool) { return ParseBlobRef(p.GetUrl()) }

// withURL is the part with a URL in place of its content.
func withURL(p *a2apb.Part, url string) *a2apb.Part {
	return &a2apb.Part{Content: &a2apb.Part_Url{Url: url}, Metadata: p.Metadata, Filename: p.Filename, MediaType: p.MediaType}
}

// isLarge reports whether the part's bytes are stored as a blob.
func isLarge(p *a2apb.Part) bool { return len(p.GetRaw()) > MaxInline }

// eachParts yields the lists of parts of an event.
func eachParts(body *a2apb.StreamResponse) iter.Seq[[]*a2apb.Part] {
	return func(yield func([]*a2apb.Part) bool) {
		switch p := body.GetPayload().(type) {
		case *a2apb.StreamResponse_Task:
			for _, m := range p.Task.GetHistory() {
				if !yield(m.GetParts()) {
					return
				}
			}
		case *a2apb.StreamResponse_StatusUpdate:
			yield(p.StatusUpdate.GetStatus().GetMessage().GetParts())
		case *a2apb.StreamResponse_ArtifactUpdate:
			yield(p.ArtifactUpdate.GetArtifact().GetParts())
		case *a2apb.StreamResponse_Message:
			yield(p.Message.GetParts())
		}
	}
}
