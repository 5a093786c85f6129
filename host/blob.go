package host

import (
	"context"

	"github.com/carrelhq/carrel/abi"
)

// maxBlobRead bounds one blob_read in bytes: its reply fits as base64.
const maxBlobRead = 256 << 10

func (s *Session) blobRead(ctx context.Context, req abi.BlobReadRequest) (rep abi.BlobReadReply, err error) {
	switch {
	case req.Offset < 0:
		return rep, invalid("offset must not be negative")
	case req.Length < 0 || req.Length > maxBlobRead:
		return rep, invalid("length must be from 0 to %d", maxBlobRead)
	case req.Length == 0:
		req.Length = maxBlobRead
	}
	rep.Data, rep.Size, err = s.tasks.ReadBlob(ctx, req.URL, req.Offset, req.Length)
	return rep, err
}
