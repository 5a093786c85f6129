package server

import (
	"context"
	"mime"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/metadata"

	"github.com/carrelhq/carrel/abi"
	"github.com/carrelhq/carrel/task"
	"github.com/carrelhq/carrel/tenant"
)

// FuzzLink: of all addresses only those that were made lead to a part, until they
// expire, and to the part they were made for.
func FuzzLink(f *testing.F) {
	links := NewLinks([]byte("key"), time.Hour)
	ref := task.BlobRef{TaskID: "t", Digest: [32]byte{0xab}}
	now := time.Unix(1_700_000_000, 0)
	made := address{"acme", ref, "a b.txt", "text/plain; charset=utf-8", now.Unix() + 60}
	good, err := url.Parse(links.path(made.tenant, made.ref, made.name, made.kind, time.Unix(made.expires, 0)))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good.Path, good.RawQuery)
	f.Add(good.Path, strings.Replace(good.RawQuery, "exp=1", "exp=2", 1))
	f.Add(good.Path+"/", good.RawQuery+"&name=x")
	f.Add(blobsPrefix, "exp=99999999999999999999&sig=%")
	f.Fuzz(func(t *testing.T, path, rawQuery string) {
		query, _ := url.ParseQuery(rawQuery) // as the edge reads it: what cannot be read is not there
		at, ok := links.read(path, query, now)
		if ok && at != made {
			t.Errorf("%q?%q leads to %+v", path, rawQuery, at)
		}
		if !ok && path == good.Path && rawQuery == good.RawQuery {
			t.Error("what was made leads nowhere")
		}
		if _, late := links.read(path, query, time.Unix(made.expires, 0)); late {
			t.Errorf("%q?%q leads on when it has expired", path, rawQuery)
		}
	})
}

// FuzzBlobHeaders: what a client or an agent says of a file is put into headers
// that say no more than that, and that others read alike.
func FuzzBlobHeaders(f *testing.F) {
	f.Add("a b.txt", "text/plain; charset=utf-8")
	f.Add(`..\..\a"b\`, "text/html; x=\"a\r\nb\"")
	f.Add("é/..", "a/b; filename*=utf-8''x")
	f.Fuzz(func(t *testing.T, name, kind string) {
		for _, header := range []string{attachment(name), contentType(kind)} {
			if i := strings.IndexFunc(header, func(r rune) bool { return (r < ' ' || r > '~') && r != '\t' }); i >= 0 {
				t.Fatalf("%q and %q became %q", name, kind, header)
			}
		}
		disposition, params, err := mime.ParseMediaType(attachment(name))
		if err != nil || disposition != "attachment" || strings.Contains(params["filename"], "/") || len(params) > 1 {
			t.Errorf("%q is read as %s %v, %v", name, disposition, params, err)
		}
		if _, _, err := mime.ParseMediaType(contentType(kind)); err != nil {
			t.Errorf("%q became %q: %v", kind, contentType(kind), err)
		}
	})
}

// FuzzConditions: a client has what there is when it names its tag, or a time that
// is not before the last change.
func FuzzConditions(f *testing.F) {
	f.Add(`W/"x", "tag"`, "Tue, 14 Nov 2023 22:13:20 GMT")
	f.Add("*", "Tuesday, 14-Nov-23 22:13:20 GMT")
	f.Add(`"ta,g"`, "1700000000")
	updated := time.Unix(1_700_000_000, 5)
	f.Fuzz(func(t *testing.T, match, since string) {
		if hasTag(match, `"tag"`) && !strings.Contains(match, `"tag"`) && !strings.Contains(match, "*") {
			t.Errorf("%q does not name the tag", match)
		}
		if !hasTag(match+`, "tag"`, `"tag"`) {
			t.Errorf("%q hides a tag behind it", match)
		}
		if notSince(since, time.Time{}) || notSince(since, updated) && notSince(since, time.Date(10001, 1, 1, 0, 0, 0, 0, time.UTC)) {
			t.Errorf("%q is later than all", since)
		}
	})
}

// FuzzLastEventID: a stream goes on after an event that there is, or not at all.
func FuzzLastEventID(f *testing.F) {
	for _, id := range []string{"", "0", "7", "8", "+7", "007", "-1", "18446744073709551616", "7 "} {
		f.Add(id, uint64(7))
	}
	f.Fuzz(func(t *testing.T, id string, last uint64) {
		seen, ok := seenOf(id, last)
		if !ok {
			return
		}
		if digits := strings.TrimLeft(id, "0"); seen > last || digits != strings.TrimLeft(strconv.FormatUint(seen, 10), "0") {
			t.Errorf("%q of %d: got %d", id, last, seen)
		}
	})
}

// FuzzVersion: a version of 1.0 begins with its two numbers.
func FuzzVersion(f *testing.F) {
	for _, v := range []string{"", "1.0", " 1.0.3", "1", "0.3", "1.0-rc.1", "01.0"} {
		f.Add(v)
	}
	s := &Server{}
	f.Fuzz(func(t *testing.T, version string) {
		taken := s.acceptVersion(caller{}, version, true) == nil
		rest, begins := strings.CutPrefix(strings.TrimSpace(version), "1.0")
		if taken != (begins && (strings.TrimSpace(rest) == "" && rest == "" || strings.HasPrefix(rest, "."))) {
			t.Errorf("%q: taken is %t", version, taken)
		}
	})
}

// FuzzExtensions: active are extensions of the agent that the client named.
func FuzzExtensions(f *testing.F) {
	by := caller{extensions: []abi.Extension{{URI: "https://a.example/v1"}, {URI: "https://b.example/v1", Required: true}}}
	f.Add("https://a.example/v1,https://b.example/v1")
	f.Add(" https://b.example/v1 ,, https://a.example/v10")
	f.Fuzz(func(t *testing.T, named string) {
		active, err := by.negotiate(named)
		if err != nil {
			if w, _ := onWire(err); w.http != 400 {
				t.Errorf("%q: got %v", named, err)
			}
			return
		}
		for uri := range strings.SplitSeq(active, ", ") {
			if !strings.Contains(named, uri) || !slices.ContainsFunc(by.extensions, func(e abi.Extension) bool { return e.URI == uri }) {
				t.Errorf("%q: %q is active", named, uri)
			}
		}
	})
}

// FuzzClient: a token and an address are taken from what a request says of its
// sender; only a trusted proxy is believed.
func FuzzClient(f *testing.F) {
	f.Add("Bearer ck_x", "203.0.113.7, 10.0.0.2", "10.0.0.1")
	f.Add("bearer  a b ", "::ffff:10.0.0.3,fe80::1%eth0", "::ffff:10.0.0.1")
	f.Add("Basic x", "unknown", "192.0.2.1")
	s := &Server{proxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}
	f.Fuzz(func(t *testing.T, authorization, forwarded, peer string) {
		if token, ok := bearer(authorization); ok && (token == "" || strings.TrimSpace(token) != token || !strings.HasSuffix(strings.TrimSpace(authorization), token)) {
			t.Errorf("%q has the token %q", authorization, token)
		}
		from, err := netip.ParseAddr(peer)
		if err != nil {
			return
		}
		addr := s.clientAddr(from, forwarded)
		if !s.trusts(from.Unmap()) && addr != from.Unmap() {
			t.Errorf("%s said %q and is believed to be %s", from, forwarded, addr)
		}
		if !addr.IsValid() || addr.Is4In6() {
			t.Errorf("%s with %q is %s", from, forwarded, addr)
		}
		network(addr)
	})
}

// FuzzHost: a host that goes into cards is a host and port and leads nowhere else.
func FuzzHost(f *testing.F) {
	for _, host := range []string{"example.com", "example.com:80", "[::1]:80", "localhost", "a.localhost", "user@example.com", "example.com/x?y#z", "127.0.0.1%2f@x", `a"b`, "[", "::1"} {
		f.Add(host)
	}
	f.Fuzz(func(t *testing.T, host string) {
		if local(hostname(host)) {
			addr, err := netip.ParseAddr(hostname(host))
			if err == nil && !addr.IsLoopback() {
				t.Errorf("%q is local", host)
			}
		}
		if !plainHost(host) {
			return
		}
		u, err := url.Parse("https://" + host + "/agents/acme/bot")
		if err != nil || u.Host != host || u.Path != "/agents/acme/bot" || u.User != nil || u.RawQuery != "" {
			t.Errorf("%q in an address is read as %+v, %v", host, u, err)
		}
		if strings.ContainsAny(host, "\"<>\\ \r\n") {
			t.Errorf("%q is taken for a host", host)
		}
	})
}

// FuzzRestMedia: an answer is of one of the two types there are.
func FuzzRestMedia(f *testing.F) {
	f.Add("application/json;q=0.5, application/a2a+json")
	f.Add("*/*")
	f.Fuzz(func(t *testing.T, accept string) {
		if got := restMedia(accept); got != typeA2A && got != typeJSON {
			t.Errorf("%q: got %q", accept, got)
		}
	})
}

// FuzzAgentPath: the path of an agent, and of what is below it, is put together
// from what it was split into.
func FuzzAgentPath(f *testing.F) {
	for _, path := range []string{"acme/bot", "acme/bot/", "acme/bot/tasks/1:cancel", "acme", "", "/", "acme//x"} {
		f.Add(path)
	}
	f.Fuzz(func(t *testing.T, rest string) {
		ref, below := splitAgentPath(agentsPrefix + rest)
		if got := strings.TrimRight(ref.Tenant+"/"+ref.Agent+below, "/"); got != strings.TrimRight(rest, "/") {
			t.Errorf("%q is read as %+v and %q", rest, ref, below)
		}
		if strings.Contains(ref.Tenant+ref.Agent, "/") {
			t.Errorf("%q is of the agent %+v", rest, ref)
		}
	})
}

// FuzzMetadata: what a gRPC call says of its sender, and of the agent it is for.
func FuzzMetadata(f *testing.F) {
	f.Add("authorization", "Bearer ck_x", "acme/bot")
	f.Add("x-forwarded-for", "203.0.113.7", "acme")
	f.Add("a2a-version", "1.0", "acme/bot/x")
	g := &grpcBinding{Server: &Server{landing: &task.Ref{Tenant: "acme", Agent: "bot"}}}
	f.Fuzz(func(t *testing.T, key, value, named string) {
		ctx := metadata.NewIncomingContext(context.Background(), metadata.Pairs(key, value))
		if v := g.visitorOf(ctx); v.authorization != "" && (v.authorization != value || v.addr.IsValid()) {
			t.Errorf("%s: %s is of %+v", key, value, v)
		}
		ref, err := g.agentOf(ctx, named)
		switch {
		case err != nil:
		case named == "" || named == "acme":
			if ref != *g.landing {
				t.Errorf("%q is %+v", named, ref)
			}
		case ref.Tenant+"/"+ref.Agent != named:
			t.Errorf("%q is %+v", named, ref)
		case tenant.ValidName(ref.Agent) && strings.Contains(ref.Agent, "/"):
			t.Errorf("%q is a valid name", ref.Agent)
		}
	})
}
