package agent

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
)

// blobScheme begins the URL of a part whose bytes the host keeps.
const blobScheme = "carrel-blob:"

// Open returns the bytes of a part: its text, or its raw bytes. Of a large part the
// host keeps the bytes, and they are read from there in pieces, as they are wanted;
// the part itself can be given back as it is. Of a part that is elsewhere, or is
// data, there is nothing to read, and reading says so.
func (m Part) Open() io.Reader {
	switch {
	case strings.HasPrefix(m.URL, blobScheme):
		return &blobReader{url: m.URL, more: true}
	case m.URL != "":
		return failing{fmt.Errorf("agent: the part is at %.200s, not here", m.URL)}
	case m.Data != nil:
		return failing{errors.New("agent: the part is data")}
	case m.Raw != nil:
		return bytes.NewReader(m.Raw)
	}
	return strings.NewReader(m.Text)
}

// blobReader reads what the host keeps.
type blobReader struct {
	url    string
	offset int64
	have   []byte
	more   bool
}

func (b *blobReader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if len(b.have) == 0 && b.more {
		reply, err := callBlobRead(&blobReadRequest{URL: b.url, Offset: b.offset})
		if err != nil {
			return 0, err
		}
		b.have = reply.Data
		b.offset += int64(len(reply.Data))
		b.more = b.offset < reply.Size && len(reply.Data) > 0
	}
	if len(b.have) == 0 {
		return 0, io.EOF
	}
	n := copy(p, b.have)
	b.have = b.have[n:]
	return n, nil
}

// failing is a reader of nothing.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }
