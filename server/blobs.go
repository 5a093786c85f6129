package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/carrelhq/carrel/task"
)

const (
	blobsPrefix = "/blobs/"
	routeBlob   = blobsPrefix + "{tenant}/{task}/{digest}"

	// downloadShare is how many streams a download counts as, as it holds a chunk;
	// fewer where there are few.
	downloadShare = 8
)

// blobs is where large parts are.
type blobs interface {
	Blob(ctx context.Context, tenant string, ref task.BlobRef) (*task.Blob, error)
}

// serveBlob serves a large part to whoever has a link to it. What is wrong with a
// link is not told: there is nothing then.
func (s *Server) serveBlob(x *exchange, path string) error {
	query, err := url.ParseQuery(string(x.c.Request().URI().QueryString()))
	at, good := s.opts.Links.read(path, query, time.Now())
	if err != nil || !good {
		return errNotFound
	}
	blob, err := s.parts.tasks.Blob(x.ctx, at.tenant, at.ref)
	if errors.Is(err, task.ErrTaskNotFound) {
		return errNotFound
	}
	if err != nil {
		return err
	}
	x.describeBlob(at)
	tag := fmt.Sprintf(`"%x"`, at.ref.Digest)
	x.set(fiber.HeaderETag, tag)
	if notModified(x, tag, time.Time{}) {
		x.c.Status(fiber.StatusNotModified)
		return nil
	}
	return s.sendBlob(x, at, blob, tag)
}

// describeBlob says what the part is. Nothing of it is ever run or shown by a
// browser on its own: what it is was said by a client or an agent. Its content
// never changes.
func (x *exchange) describeBlob(at address) {
	x.set(fiber.HeaderContentType, contentType(at.kind))
	x.set(fiber.HeaderContentDisposition, attachment(at.name))
	x.set(fiber.HeaderContentSecurityPolicy, "sandbox; default-src 'none'; frame-ancestors 'none'")
	x.set(fiber.HeaderCacheControl, "private, immutable, max-age="+strconv.FormatInt(at.expires-time.Now().Unix(), 10))
	x.set(fiber.HeaderAcceptRanges, "bytes")
}

// contentType is the media type that was said, as a header has it.
func contentType(said string) string {
	media, params, err := mime.ParseMediaType(said)
	if err != nil {
		return fiber.MIMEOctetStream
	}
	return or(mime.FormatMediaType(media, params), fiber.MIMEOctetStream)
}

// attachment is a Content-Disposition that gives a file the last element of the name.
func attachment(name string) string {
	const kind = "attachment"
	last := path.Base(strings.ReplaceAll(name, `\`, "/"))
	if name == "" || last == "." || last == "/" {
		return kind
	}
	return or(mime.FormatMediaType(kind, map[string]string{"filename": last}), kind)
}

// sendBlob answers with the content, or the range of it that was asked for.
func (s *Server) sendBlob(x *exchange, at address, blob *task.Blob, tag string) error {
	first, length := int64(0), blob.Size
	if asked := x.header(fiber.HeaderIfRange); asked == "" || asked == tag {
		r, kind := parseRange(x.header(fiber.HeaderRange), blob.Size)
		switch kind {
		case rangeUnsatisfiable:
			x.c.Status(fiber.StatusRequestedRangeNotSatisfiable)
			x.set(fiber.HeaderContentRange, "bytes */"+strconv.FormatInt(blob.Size, 10))
			return nil
		case rangeGiven:
			first, length = r.first, r.length
			x.c.Status(fiber.StatusPartialContent)
			x.set(fiber.HeaderContentRange, r.of(blob.Size))
		}
	}
	if x.c.Method() == fiber.MethodHead {
		x.c.Response().Header.SetContentLength(int(length))
		x.c.Response().SkipBody = true
		return nil
	}
	return s.download(x, at.tenant, blob, first, length)
}

// download streams length bytes of the blob.
func (s *Server) download(x *exchange, tenant string, blob *task.Blob, first, length int64) error {
	place := loan{of: s.streams, who: party{tenant, true, network(s.visitor(x).addr)}}
	if !place.grow(s.downloadShare()) {
		return errTooManyStreams
	}
	content, err := blob.Open(s.base, first)
	if err != nil {
		place.end()
		return err
	}
	x.c.Response().SetBodyStream(&download{
		server: s, Reader: io.LimitReader(content, length), content: content, conn: x.c.Context().Conn(), place: place,
	}, int(length))
	return nil
}

func (s *Server) downloadShare() int64 {
	return min(downloadShare, max(int64(s.opts.MaxStreams)/(addressPart*downloadShare), 1))
}

// download is a blob as the body of a response. What goes wrong in its middle cuts
// the connection: the client has less than it was promised.
type download struct {
	io.Reader
	server  *Server
	content io.Closer
	conn    net.Conn
	place   loan
}

// Read reads the next piece, and gives the write that follows its time.
func (d *download) Read(p []byte) (n int, err error) {
	defer d.server.contain(&err)
	n, err = d.Reader.Read(p)
	if late := d.conn.SetWriteDeadline(time.Now().Add(d.server.opts.timing.write)); late != nil {
		return 0, late
	}
	return n, err
}

// Close ends the download; fasthttp calls it once, however it ends.
func (d *download) Close() error {
	d.place.end()
	return d.content.Close()
}
