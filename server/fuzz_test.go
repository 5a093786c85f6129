package server

import (
	"net/url"
	"strings"
	"testing"
	"time"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"

	"github.com/carrelhq/carrel/agent"
)

// FuzzHeaders has what clients say of versions and extensions.
func FuzzHeaders(f *testing.F) {
	f.Add("1.0", agent.OnceExtension+", https://example.com/geo/v1")
	f.Add("0.3.7", ",, ,")
	f.Add("1.0.0.0", "\x00,\xff")
	f.Fuzz(func(t *testing.T, version, extensions string) {
		if got := majorMinor(version); strings.Count(got, ".") > 1 || !strings.HasPrefix(strings.TrimSpace(version), strings.TrimSuffix(got, ".")) {
			t.Errorf("version %q is %q", version, got)
		}
		active, err := (caller{extensions: extended.Extensions}).negotiate(extensions)
		if err == nil && !strings.Contains(extensions, "https://example.com/geo/v1") {
			t.Errorf("%q names what is required", extensions)
		}
		known := agent.OnceExtension + ", https://example.com/cite/v1, https://example.com/geo/v1"
		for uri := range strings.SplitSeq(active, ", ") {
			if !strings.Contains(known, uri) {
				t.Errorf("%q makes %q active", extensions, uri)
			}
		}
	})
}

// FuzzLinks has addresses that nobody has signed.
func FuzzLinks(f *testing.F) {
	l := NewLinks([]byte("key"), time.Hour)
	f.Add(blobsPrefix+"acme/"+strings.Repeat("0", 64), "exp=1&sig=AAAA&name=a&type=b")
	f.Add(blobsPrefix, "exp=99999999999999999999&sig=%")
	f.Fuzz(func(t *testing.T, path, query string) {
		values, err := url.ParseQuery(query)
		if err != nil {
			return
		}
		if at, good := l.read(path, values, time.Unix(0, 0)); good {
			t.Errorf("%s?%s is a good link to %+v", path, query, at)
		}
	})
}

// FuzzDecodeQuery03 has the queries of 0.3.
func FuzzDecodeQuery03(f *testing.F) {
	for _, query := range []string{"historyLength=1", "history_length=-1", "pageSize=x&pageToken=", "status=TASK_STATE_WORKING", "a=%zz"} {
		f.Add(query)
	}
	f.Fuzz(func(t *testing.T, query string) {
		req := &a2apb.ListTasksRequest{}
		if err := decodeQuery03(query, req); err == nil && len(req.GetPageToken())+len(req.GetContextId()) > len(query) {
			t.Errorf("%q became %v", query, req)
		}
	})
}
