package server

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"

	"github.com/carrelhq/carrel/task"
)

const (
	// DefaultLinkTime is how long a link to a large part is good.
	DefaultLinkTime = time.Hour
	// linkStep is for how long the links of a part stay the same.
	linkStep = 5 * time.Minute
	// maxLinkText bounds the name and the media type in a link; longer ones are left out.
	maxLinkText = 255
)

// Links makes and checks the addresses of large parts. Whoever has such an address
// may read the part until it expires, without a key: so a client hands it on to
// what shows or stores files. It is safe for concurrent use.
type Links struct {
	key  []byte
	time time.Duration
}

// NewLinks returns links that are signed with key and good for at least the given
// time, DefaultLinkTime when it is 0. Servers behind one address need the same key;
// nil is one of these links' own, so that they end with the process.
func NewLinks(key []byte, good time.Duration) *Links {
	if len(key) == 0 {
		key = make([]byte, sha256.Size)
		_, _ = rand.Read(key) // never fails
	}
	return &Links{key, or(good, DefaultLinkTime)}
}

// At returns the links to parts of the tenant's tasks on the server at base, an
// address without a slash at its end.
func (l *Links) At(base, tenant string) task.Link {
	return func(ref task.BlobRef, p *a2apb.Part) string {
		return base + l.path(tenant, ref, p.GetFilename(), p.GetMediaType(), l.expiry(time.Now()))
	}
}

// expiry is rounded up: answers that are equal stay so for a while, and caches are hit.
func (l *Links) expiry(now time.Time) time.Time {
	step := min(linkStep, l.time)
	return now.Add(l.time + step - time.Nanosecond).Truncate(step)
}

// address is what an address of a part says.
type address struct {
	tenant     string
	ref        task.BlobRef
	name, kind string
	expires    int64 // in seconds since 1970
}

func (l *Links) path(tenant string, ref task.BlobRef, name, kind string, expires time.Time) string {
	at := address{tenant, ref, short(name), short(kind), expires.Unix()}
	query := "?exp=" + strconv.FormatInt(at.expires, 10)
	if at.name != "" {
		query += "&name=" + url.QueryEscape(at.name)
	}
	if at.kind != "" {
		query += "&type=" + url.QueryEscape(at.kind)
	}
	sig := base64.RawURLEncoding.EncodeToString(l.sign(at))
	return blobsPrefix + tenant + "/" + strings.TrimPrefix(ref.String(), task.BlobScheme) + query + "&sig=" + sig
}

func short(text string) string {
	if len(text) > maxLinkText {
		return ""
	}
	return text
}

// sign covers all that the address says: none of it can be changed.
func (l *Links) sign(at address) []byte {
	mac := hmac.New(sha256.New, l.key)
	fmt.Fprintf(mac, "%q %q %d %q %q", at.tenant, at.ref, at.expires, at.name, at.kind)
	return mac.Sum(nil)
}

// read returns what a path below blobsPrefix and its query say, and whether they
// are a link that is good at the time.
func (l *Links) read(path string, query url.Values, now time.Time) (at address, good bool) {
	var rest string
	at.tenant, rest, _ = strings.Cut(strings.TrimPrefix(path, blobsPrefix), "/")
	if at.ref, good = task.ParseBlobRef(task.BlobScheme + rest); !good {
		return at, false
	}
	at.name, at.kind = query.Get("name"), query.Get("type")
	var unread error
	at.expires, unread = strconv.ParseInt(query.Get("exp"), 10, 64)
	sig, garbled := base64.RawURLEncoding.DecodeString(query.Get("sig"))
	good = hmac.Equal(sig, l.sign(at)) && unread == nil && garbled == nil
	return at, good && now.Unix() < at.expires
}
