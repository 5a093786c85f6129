package server

import (
	"bufio"
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/carrelhq/carrel/task"
)

var update = flag.Bool("update", false, "rewrite the responses in testdata/*.txtar")

// TestExchanges sends the requests in testdata/*.txtar, one after another, and
// compares the responses. Ids, times, ETags, page tokens and addresses are replaced by names
// that later requests may use; blanks in JSON do not count. A file that begins
// with the word "dev" is for a development server, one with "push" for one that
// sends push notifications, one with "signed" for one that signs cards.
func TestExchanges(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("got files %v, %v", files, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			settings := []setting{working(t, newScripted())}
			if bytes.HasPrefix(archive.Comment, []byte("push")) {
				settings = []setting{workingWith(t, newScripted(), task.Options{Push: pushing})}
			}
			if bytes.HasPrefix(archive.Comment, []byte("dev")) {
				settings = append(settings, dev)
			}
			if bytes.HasPrefix(archive.Comment, []byte("signed")) {
				settings = append(settings, signs(t))
			}
			got := converse(t, newHouse(t, settings...), archive)
			if *update {
				if err := os.WriteFile(file, txtar.Format(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(string(txtar.Format(archive)), string(txtar.Format(got))); diff != "" {
				t.Errorf("exchange differs (-want +got):\n%s", diff)
			}
		})
	}
}

// converse sends every request and returns the archive with the responses as they were.
func converse(t *testing.T, h *house, archive *txtar.Archive) *txtar.Archive {
	t.Helper()
	names := &names{t: t, h: h, values: map[string]string{}}
	got := &txtar.Archive{Comment: archive.Comment}
	for _, f := range archive.Files {
		if strings.HasPrefix(f.Name, "response") {
			continue
		}
		response := names.send(f.Data)
		nextMillisecond()
		got.Files = append(got.Files, f, txtar.File{Name: strings.Replace(f.Name, "request", "response", 1), Data: response})
	}
	return got
}

// nextMillisecond returns when the clock shows another one: tasks whose status is
// of the same are listed in no order.
func nextMillisecond() {
	for now := time.Now().UnixMilli(); time.Now().UnixMilli() == now; {
		runtime.Gosched()
	}
}

// names replaces what differs from run to run.
type names struct {
	t *testing.T
	h *house
	// values by name, and the names in the order they were given.
	values map[string]string
	order  []string
}

var (
	uuids = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}`)
	times = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z`)
	// keyMembers are members whose value has to do with a key.
	keyMembers = regexp.MustCompile(`"(protected|signature|kid|id|x|y)": "[A-Za-z0-9_-]{40,}"`)
	pages      = regexp.MustCompile(`"nextPageToken": "([^"]+)"`)
	// unremarkable are header fields that every response has, or that change.
	unremarkable = []string{"Content-Length", "Content-Security-Policy", "Date", "Referrer-Policy", "X-Content-Type-Options"}
)

func (n *names) send(request []byte) []byte {
	n.t.Helper()
	for name, value := range n.values {
		request = bytes.ReplaceAll(request, []byte(name), []byte(value))
	}
	for who, token := range n.h.tokens {
		request = bytes.ReplaceAll(request, []byte("$key-of-"+who), []byte(token))
	}
	head, body, _ := bytes.Cut(request, []byte("\n\n"))
	head = bytes.TrimSpace(head)
	body = bytes.TrimSuffix(body, []byte("\n"))
	raw := fmt.Sprintf("%s\r\nHost: %s\r\nContent-Length: %d\r\n\r\n%s",
		bytes.ReplaceAll(head, []byte("\n"), []byte("\r\n")), strings.TrimPrefix(n.h.url, "http://"), len(body), body)
	req, err := http.ReadRequest(bufio.NewReader(strings.NewReader(raw)))
	if err != nil {
		n.t.Fatalf("%v in %q", err, raw)
	}
	req.URL.Scheme, req.URL.Host, req.RequestURI = "http", req.Host, ""
	resp, err := n.h.client.Transport.RoundTrip(req.WithContext(n.t.Context()))
	if err != nil {
		n.t.Fatal(err)
	}
	defer resp.Body.Close()
	return n.format(resp)
}

func (n *names) format(resp *http.Response) []byte {
	n.t.Helper()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		n.t.Fatal(err)
	}
	var out bytes.Buffer
	fmt.Fprintf(&out, "%d %s\n", resp.StatusCode, http.StatusText(resp.StatusCode))
	for _, name := range slices.Sorted(headerNames(resp.Header)) {
		if !slices.Contains(unremarkable, name) {
			fmt.Fprintf(&out, "%s: %s\n", name, strings.Join(resp.Header[name], ", "))
		}
	}
	out.WriteString("\n")
	out.Write(pretty(body))
	text := bytes.ReplaceAll(out.Bytes(), []byte(n.h.url), []byte("$url"))
	if tag := resp.Header.Get("Etag"); tag != "" {
		text = n.replace(text, "$etag", tag)
	}
	if modified := resp.Header.Get("Last-Modified"); modified != "" {
		text = n.replace(text, "$modified", modified)
	}
	if page := pages.FindSubmatch(text); page != nil {
		text = n.replace(text, "$page", string(page[1]))
	}
	text = keyMembers.ReplaceAll(text, []byte(`"$1": "$$$1"`))
	text = times.ReplaceAll(text, []byte("$$time"))
	for _, id := range uuids.FindAllString(string(text), -1) {
		text = n.replace(text, fmt.Sprintf("$id-%02d", n.number(id)), id)
	}
	return text
}

func headerNames(h http.Header) func(func(string) bool) {
	return func(yield func(string) bool) {
		for name := range h {
			if !yield(name) {
				return
			}
		}
	}
}

func (n *names) number(id string) int {
	if i := slices.Index(n.order, id); i >= 0 {
		return i + 1
	}
	n.order = append(n.order, id)
	return len(n.order)
}

func (n *names) replace(text []byte, name, value string) []byte {
	n.values[name] = value
	return bytes.ReplaceAll(text, []byte(value), []byte(name))
}

// pretty indents JSON and takes the blanks out of the JSON of events.
func pretty(body []byte) []byte {
	var out bytes.Buffer
	if json.Valid(body) {
		json.Indent(&out, body, "", "  ")
		return append(out.Bytes(), '\n')
	}
	for _, line := range bytes.SplitAfter(body, []byte("\n")) {
		data, ok := bytes.CutPrefix(line, []byte("data: "))
		if !ok {
			out.Write(line)
			continue
		}
		out.WriteString("data: ")
		if err := json.Compact(&out, data); err != nil {
			out.Write(data)
		}
		out.WriteString("\n")
	}
	return out.Bytes()
}
