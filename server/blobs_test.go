package server

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/carrelhq/carrel/storage"
	"github.com/carrelhq/carrel/task"
)

// mirror answers with the parts that came: as progress, artifact and last words.
type mirror struct{}

func (mirror) Work(ctx context.Context, run *task.Run) (task.Result, error) {
	parts := run.Message.Parts
	return task.Result{Message: &a2apb.Message{Parts: parts}, Artifacts: []*a2apb.Artifact{{Parts: parts}}},
		run.Status(ctx, &a2apb.Message{Parts: parts})
}

var fileContent = bytes.Repeat([]byte("<script>0123456789"), 20_000) // two chunks of a blob

func withFile(r *a2apb.SendMessageRequest) {
	r.Message.Parts = append(r.Message.Parts, &a2apb.Part{
		Content: &a2apb.Part_Raw{Raw: fileContent}, Filename: `C:\ünïcode "1".html`, MediaType: "text/html; charset=utf-8",
	})
}

// links are the addresses of files in a text.
func links(text string) (found []string) {
	for rest := text; ; {
		at := strings.Index(rest, "http")
		if at < 0 {
			return found
		}
		end := strings.IndexAny(rest[at:], "\" \n")
		found = append(found, strings.ReplaceAll(rest[at:at+end], `\u0026`, "&"))
		rest = rest[at+end:]
	}
}

// sendFile has a house mirror a file, and returns the task and the link to it.
func (h *house) sendFile() (id, link string) {
	h.t.Helper()
	req := ask("hi")
	req.Tenant = ""
	withFile(req)
	answer, err := h.server.ops.sendMessage(h.t.Context(), caller{ref: task.Ref{Tenant: "acme", Agent: "carded"}, door: func() door { return door{} }}, req)
	if err != nil {
		h.t.Fatal(err)
	}
	return answer.GetTask().Id, answer.GetTask().Artifacts[0].Parts[1].GetUrl()
}

// TestALargePartIsALinkOverEveryBinding: whatever a client asks, it is told where
// the file is, and finds it there without a key.
func TestALargePartIsALinkOverEveryBinding(t *testing.T) {
	t.Parallel()
	g := newGRPCHouse(t, working(t, mirror{}), func(_ *parts, o *Options) { o.URL = "http://elsewhere" })
	for _, d := range drivers {
		t.Run(d.name, func(t *testing.T) {
			do := func(a asked) outcome {
				a.agent, a.who, a.version = "acme/carded", "acme", "1.0"
				if d.name == "GRPC" {
					m := a.req.ProtoReflect()
					m.Set(m.Descriptor().Fields().ByName("tenant"), protoreflect.ValueOfString(carded))
				}
				return d.ask(g, a)
			}
			sent := do(say("hi", withFile))
			id := sent.results[0].(*a2apb.SendMessageResponse).GetTask().GetId()
			for name, c := range map[string]struct {
				of   outcome
				want int
			}{
				"SendMessage":          {sent, 4}, // message, progress, artifact, last words
				"GetTask":              {do(asked{method: "GetTask", req: &a2apb.GetTaskRequest{Id: id}}), 4},
				"ListTasks":            {do(asked{method: "ListTasks", req: &a2apb.ListTasksRequest{PageSize: proto.Int32(1)}}), 3}, // without artifacts
				"SendStreamingMessage": {do(say("hi", withFile).streaming()), 4},
			} {
				text := c.of.String()
				found := links(text)
				if len(found) != c.want || strings.Contains(text, task.BlobScheme) || strings.Contains(text, `"raw"`) {
					t.Fatalf("%s: %d links, want %d: %.3000s", name, len(found), c.want, text)
				}
				for _, at := range found {
					base := g.url
					if d.name == "GRPC" {
						base = "http://elsewhere"
					}
					path, ok := strings.CutPrefix(at, base)
					if r := g.do("GET", path, ""); !ok || r.StatusCode != 200 || r.body != string(fileContent) {
						t.Errorf("%s: %s leads to status %d", name, at, r.StatusCode)
					}
				}
			}
		})
	}
}

func TestALargePartIsAFileWithAURIIn03(t *testing.T) {
	t.Parallel()
	h := newHouse(t, working(t, mirror{}))
	id, _ := h.sendFile()
	r := h.do("POST", "/agents/acme/carded", rpcBody("tasks/get", `{"id":"`+id+`"}`), "token", "acme", "Content-Type", "application/json")
	var body struct {
		Result struct {
			Artifacts []struct {
				Parts []struct {
					File struct{ URI, MimeType, Name string }
				}
			}
		}
	}
	r.decode(t, &body)
	file := body.Result.Artifacts[0].Parts[1].File
	if got := h.do("GET", strings.TrimPrefix(file.URI, h.url), ""); got.body != string(fileContent) || file.MimeType == "" || file.Name == "" {
		t.Errorf("got %+v with status %d", file, got.StatusCode)
	}
}

func TestTheAdminAPIHasLinks(t *testing.T) {
	t.Parallel()
	h := newHouse(t, working(t, mirror{}))
	id, _ := h.sendFile()
	r := h.do("GET", "/api/v1/tenants/acme/agents/carded/tasks/"+id, "", "token", "acme")
	if r.StatusCode != 200 || strings.Contains(r.body, task.BlobScheme) || !strings.Contains(r.body, "/blobs/acme/"+id+"/") {
		t.Errorf("got %d %.500s", r.StatusCode, r.body)
	}
}

func TestWhatComesWithAFile(t *testing.T) {
	t.Parallel()
	h := newHouse(t, working(t, mirror{}))
	_, link := h.sendFile()
	tag := fmt.Sprintf(`"%x"`, sha256.Sum256(fileContent))
	for _, verb := range []string{"GET", "HEAD"} {
		r := h.do(verb, link, "")
		for name, want := range map[string]string{
			"Content-Type": "text/html; charset=utf-8", "Content-Length": fmt.Sprint(len(fileContent)), "ETag": tag, "Accept-Ranges": "bytes",
			"Content-Disposition":     `attachment; filename*=utf-8''%C3%BCn%C3%AFcode%20%221%22.html`,
			"Content-Security-Policy": "sandbox; default-src 'none'; frame-ancestors 'none'", "X-Content-Type-Options": "nosniff",
		} {
			if got := r.Header.Get(name); got != want {
				t.Errorf("%s: %s is %q, want %q", verb, name, got, want)
			}
		}
		if got := r.Header.Get("Cache-Control"); !strings.HasPrefix(got, "private, immutable, max-age=3") {
			t.Errorf("Cache-Control is %q", got)
		}
		if want := map[string]int{"GET": len(fileContent)}[verb]; len(r.body) != want {
			t.Errorf("%s: %d bytes", verb, len(r.body))
		}
	}
	if r := h.do("GET", link, "", "If-None-Match", tag); r.StatusCode != 304 || r.body != "" {
		t.Errorf("what the client has: got %d and %d bytes", r.StatusCode, len(r.body))
	}
	if r := h.do("POST", link, ""); r.StatusCode != 405 || r.Header.Get("Allow") == "" {
		t.Errorf("POST: got %d", r.StatusCode)
	}
}

// TestRangesAreThoseOfTheStandardLibrary compares with http.ServeContent.
func TestRangesAreThoseOfTheStandardLibrary(t *testing.T) {
	t.Parallel()
	h := newHouse(t, working(t, mirror{}))
	_, link := h.sendFile()
	tag := fmt.Sprintf(`"%x"`, sha256.Sum256(fileContent))
	for _, headers := range [][]string{
		{"Range", "bytes=0-0"}, {"Range", "bytes=10-19"}, {"Range", "bytes=262140-262150"}, {"Range", "bytes=359990-"},
		{"Range", "bytes=-5"}, {"Range", "bytes=-9999999"}, {"Range", "bytes=0-99999999"}, {"Range", "bytes=360000-"},
		{"Range", "bytes=359999-359999"}, {"Range", "bytes=10-19", "If-Range", tag}, {"Range", "bytes=10-19", "If-Range", `"other"`},
	} {
		want := httptest.NewRecorder()
		req := httptest.NewRequest("GET", "/", nil)
		for i := 0; i < len(headers); i += 2 {
			req.Header.Set(headers[i], headers[i+1])
		}
		want.Header().Set("ETag", tag)
		http.ServeContent(want, req, "", time.Time{}, bytes.NewReader(fileContent))
		got := h.do("GET", link, "", headers...)
		if got.StatusCode != want.Code || got.Header.Get("Content-Range") != want.Header().Get("Content-Range") {
			t.Errorf("%q: got %d %q, want %d %q", headers, got.StatusCode, got.Header.Get("Content-Range"), want.Code, want.Header().Get("Content-Range"))
		}
		if want.Code < 300 && got.body != want.Body.String() {
			t.Errorf("%q: got %d bytes, want %d", headers, len(got.body), want.Body.Len())
		}
		if head := h.do("HEAD", link, "", headers...); head.StatusCode != got.StatusCode || head.ContentLength != got.ContentLength && want.Code < 300 {
			t.Errorf("%q: HEAD says %d with %d bytes, GET %d with %d", headers, head.StatusCode, head.ContentLength, got.StatusCode, got.ContentLength)
		}
	}
	for _, header := range []string{"bytes=5-1", "bytes=a-b", "bytes=", "bytes=-", "lines=1-2", "bytes=0-1,5-6", "bytes=+1-2"} {
		if r := h.do("GET", link, "", "Range", header); r.StatusCode != 200 || len(r.body) != len(fileContent) {
			t.Errorf("%q: got %d with %d bytes, want all", header, r.StatusCode, len(r.body))
		}
	}
}

// TestALinkThatWasChangedLeadsNowhere changes one thing of a link at a time.
func TestALinkThatWasChangedLeadsNowhere(t *testing.T) {
	t.Parallel()
	h := newHouse(t, working(t, mirror{}))
	id, link := h.sendFile()
	otherID, other := h.sendFile() // the same file, in another task
	digest := fmt.Sprintf("%x", sha256.Sum256(fileContent))
	missing := h.do("GET", "/blobs/acme/x/y", "")
	set := func(name, value string) string {
		path, query, _ := strings.Cut(link, "?")
		values, _ := url.ParseQuery(query)
		if values.Set(name, value); value == "" {
			values.Del(name)
		}
		return path + "?" + values.Encode()
	}
	sig := func(of string) string { _, s, _ := strings.Cut(of, "sig="); return s }
	for name, changed := range map[string]string{
		"another tenant":     strings.Replace(link, "/acme/", "/beta/", 1),
		"another task":       strings.Replace(link, id, otherID, 1),
		"another's sig":      set("sig", sig(other)),
		"another file":       strings.Replace(link, digest, strings.Repeat("0", 64), 1),
		"a longer time":      set("exp", "9999999999"),
		"another type":       set("type", "text/javascript"),
		"no type":            set("type", ""),
		"another name":       set("name", "run.exe"),
		"no signature":       set("sig", ""),
		"a short signature":  set("sig", sig(link)[:10]),
		"no query":           strings.Split(link, "?")[0],
		"a query of rubbish": strings.Split(link, "?")[0] + "?%zz;&&",
		"an upper digest":    strings.Replace(link, digest, strings.ToUpper(digest), 1),
		"below":              strings.Replace(link, "?", "/x?", 1),
		"nothing":            "/blobs/",
	} {
		r := h.do("GET", changed, "")
		if r.StatusCode != 404 || r.body != missing.body {
			t.Errorf("%s: got %d %.200s", name, r.StatusCode, r.body)
		}
	}
	if err := h.server.parts.tasks.Delete(t.Context(), task.Ref{Tenant: "acme", Agent: "carded"}, id); err != nil {
		t.Fatal(err)
	}
	if r := h.do("GET", link, ""); r.StatusCode != 404 || r.body != missing.body {
		t.Errorf("the file of a deleted task: got %d %.200s", r.StatusCode, r.body)
	}
}

func TestLinksExpireAndStayTheSameForAWhile(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := NewLinks([]byte("key"), time.Hour)
		ref := task.BlobRef{TaskID: "task"}
		made := l.At("", "acme")(ref, &a2apb.Part{})
		leads := func(l *Links, link string) bool {
			path, query, _ := strings.Cut(link, "?")
			values, err := url.ParseQuery(query)
			at, good := l.read(path, values, time.Now())
			return good && err == nil && at.ref == ref
		}
		good := func(l *Links) bool { return leads(l, made) && !leads(l, strings.Replace(made, "acme", "beta", 1)) }
		if !good(l) || !good(NewLinks([]byte("key"), 0)) || good(NewLinks([]byte("another"), 0)) || good(NewLinks(nil, 0)) {
			t.Error("a link is not good for those who have its key, and for nobody else")
		}
		time.Sleep(time.Second) // the clock of a bubble begins at a full hour
		next := l.At("", "acme")(ref, &a2apb.Part{})
		time.Sleep(4 * time.Minute)
		if again := l.At("", "acme")(ref, &a2apb.Part{}); again != next {
			t.Errorf("%s is %s four minutes later", next, again)
		}
		if time.Sleep(time.Hour - 4*time.Minute - 2*time.Second); !good(l) {
			t.Error("the link expired before its time")
		}
		if time.Sleep(6 * time.Minute); good(l) {
			t.Error("the link does not expire")
		}
	})
}

func TestNamesAndTypesOfFilesAreNotBelieved(t *testing.T) {
	t.Parallel()
	h := newHouse(t, working(t, mirror{}))
	for name, c := range map[string]struct{ name, kind, wantName, wantType string }{
		"a path":          {"../../etc/passwd", "text/plain", "attachment; filename=passwd", "text/plain"},
		"nothing":         {"", "", "attachment", "application/octet-stream"},
		"a type of lines": {"a", "text/html\r\nX-Evil: 1", "attachment; filename=a", "application/octet-stream"},
		"a name of lines": {"a\r\nX-Evil: 1", "image/png", "attachment; filename*=utf-8''a%0D%0AX-Evil%3A%201", "image/png"},
		"long ones":       {strings.Repeat("n", 256), strings.Repeat("t", 300), "attachment", "application/octet-stream"},
		"dots":            {"..", "a/b", "attachment; filename=..", "a/b"},
	} {
		req := ask("hi")
		req.Tenant = ""
		req.Message.Parts = append(req.Message.Parts, &a2apb.Part{Content: &a2apb.Part_Raw{Raw: fileContent}, Filename: c.name, MediaType: c.kind})
		r := h.rpc("/agents/acme/carded", "SendMessage", string(toJSON(t, req)), "token", "acme")
		found := links(r.body)
		if len(found) == 0 {
			t.Fatalf("%s: %.300s", name, r.body)
		}
		got := h.do("HEAD", strings.TrimPrefix(found[0], h.url), "")
		if got.StatusCode != 200 || got.Header.Get("Content-Disposition") != c.wantName || got.Header.Get("Content-Type") != c.wantType || got.Header.Get("X-Evil") != "" {
			t.Errorf("%s: got %d %v", name, got.StatusCode, got.Header)
		}
	}
}

func TestADamagedFileIsNotDeliveredWhole(t *testing.T) {
	t.Parallel()
	h := newHouse(t, working(t, mirror{}))
	_, link := h.sendFile()
	h.damage()
	resp := h.open("GET", link, nil)
	defer resp.Body.Close()
	if got, err := io.ReadAll(resp.Body); err == nil || len(got) == len(fileContent) {
		t.Errorf("got %d bytes, %v", len(got), err)
	}
}

// damage changes a byte of every chunk.
func (h *house) damage() {
	h.t.Helper()
	scope := storage.Scope(h.db, storage.NewKey("tenant").Str("acme"))
	if err := scope.Update(h.t.Context(), func(tx storage.Tx) error {
		for item, err := range tx.Scan(storage.NewKey("blob"), nil) {
			if err != nil {
				return err
			}
			changed := bytes.Clone(item.Value)
			changed[0]++
			if err := tx.Set(item.Key, changed); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		h.t.Fatal(err)
	}
}

func TestDownloadsAreLimitedInNumber(t *testing.T) {
	t.Parallel()
	h := newHouse(t, working(t, mirror{}), func(_ *parts, o *Options) { o.MaxStreams = 2 })
	_, link := h.sendFile()
	for range 3 { // a place is given back
		if r := h.do("GET", link, ""); r.StatusCode != 200 {
			t.Errorf("got %d %s", r.StatusCode, r.body)
		}
	}
	h.server.streams.take(party{tenant: "beta"}, 1)
	h.server.streams.take(party{tenant: "acme"}, 1)
	if r := h.do("GET", link, ""); r.StatusCode != 429 || r.Header.Get("Retry-After") == "" {
		t.Errorf("got %d %s", r.StatusCode, r.body)
	}
	if r := h.do("HEAD", link, ""); r.StatusCode != 200 {
		t.Errorf("HEAD: got %d", r.StatusCode)
	}
}

func FuzzRange(f *testing.F) {
	for _, s := range []string{"bytes=0-", "bytes=-1", "bytes=5-9", "bytes=99999999999999999999-"} {
		f.Add(s, int64(10))
	}
	f.Fuzz(func(t *testing.T, header string, size int64) {
		if size < 0 {
			return
		}
		r, kind := parseRange(header, size)
		if kind == rangeGiven && (r.first < 0 || r.length < 1 || r.first > size-r.length) {
			t.Errorf("%q of %d: got %+v", header, size, r)
		}
	})
}
