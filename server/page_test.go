package server

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/carrelhq/carrel/agent"
	"github.com/carrelhq/carrel/server/docs"
)

// browsers is what they accept of an address that is typed.
const browsers = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8"

func TestABrowserFindsThePageAtAnAgentsBase(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	page := string(docs.New("").HTML())
	for _, test := range []struct {
		method, path, token string
		status              int
	}{
		{"GET", "/agents/acme/open", "", 200},
		{"GET", "/agents/acme/open/", "", 200},
		{"GET", "/agents/acme/carded", "", 200},
		{"HEAD", "/agents/acme/carded", "", 200},
		{"GET", "/agents/acme/hidden", "", 404},
		{"GET", "/agents/acme/hidden", "beta", 404},
		{"GET", "/agents/acme/hidden", "acme", 200},
		{"GET", "/agents/acme/nothing", "", 404},
		{"GET", "/agents/acme/nothing", "acme", 404},
		{"GET", "/agents/NOT/..%2f", "", 404},
		{"GET", "/", "", 404}, // there is more than one
	} {
		headers := []string{"Accept", browsers}
		if test.token != "" {
			headers = append(headers, "token", test.token)
		}
		r := h.do(test.method, test.path, "", headers...)
		want := page
		if test.method == "HEAD" {
			want = ""
		}
		if r.StatusCode != test.status || r.body != want || r.Header.Get("Content-Type") != "text/html; charset=utf-8" {
			t.Errorf("%s %s %s: got %d, %s, %d bytes; want %d and the page", test.method, test.path, test.token, r.StatusCode, r.Header.Get("Content-Type"), len(r.body), test.status)
		}
		for name, want := range map[string]string{
			"Content-Security-Policy": docs.Policy, "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store",
		} {
			if got := r.Header.Get(name); got != want {
				t.Errorf("%s: %s is %q, want %q", test.path, name, got, want)
			}
		}
	}
}

// TestThePageTellsNothingOfPrivateAgents: to who has no key, all is as if there were none.
func TestThePageTellsNothingOfPrivateAgents(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	hidden := h.do("GET", "/agents/acme/hidden", "", "Accept", browsers)
	nothing := h.do("GET", "/agents/acme/nothing", "", "Accept", browsers)
	for _, r := range []*http.Response{hidden.Response, nothing.Response} {
		r.Header.Del("Date")
	}
	if hidden.body != nothing.body || hidden.StatusCode != nothing.StatusCode || len(hidden.Header) != len(nothing.Header) {
		t.Errorf("private: %d %v; not there: %d %v", hidden.StatusCode, hidden.Header, nothing.StatusCode, nothing.Header)
	}
}

func TestThePageIsAtTheRootOfItsOneAgent(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(_ *parts, o *Options) { o.DefaultAgent = "acme/open" })
	if r := h.do("GET", "/", "", "Accept", browsers); r.StatusCode != 200 || !strings.HasPrefix(r.body, "<!doctype html>") {
		t.Errorf("got %d %q", r.StatusCode, r.body)
	}
	if _, err := h.agents.SetVisibility(t.Context(), "acme", "open", agent.Private); err != nil {
		t.Fatal(err)
	}
	if r := h.do("GET", "/", "", "Accept", browsers); r.StatusCode != 404 {
		t.Errorf("private: got %d", r.StatusCode)
	}
}

// TestWhatDoesNotAskForThePageGetsWhatItGotBefore has other clients, methods and places.
func TestWhatDoesNotAskForThePageGetsWhatItGotBefore(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for _, test := range []struct {
		method, path, accept string
		status               int
	}{
		{"GET", "/agents/acme/open", "*/*", 405},
		{"GET", "/agents/acme/open", "application/json", 405},
		{"GET", "/agents/acme/open", "application/json, text/html;q=0.5", 405},
		{"GET", "/agents/acme/open", "text/html;q=0", 405},
		{"GET", "/agents/acme/open", "text/html;q=much, */*;q=0", 405},
		{"GET", "/agents/acme/open", "text/html;q=2", 405},
		{"POST", "/agents/acme/open", browsers, 415},
		{"DELETE", "/agents/acme/open", browsers, 405},
		{"GET", "/agents/acme/open/.well-known/agent-card.json", browsers, 200},
		{"GET", "/agents/acme/open/nowhere", browsers, 404},
		{"GET", "/agents/acme", browsers, 404},
		{"GET", "/healthz", browsers, 200},
		{"GET", "/assets/docs/nothing", browsers, 404},
	} {
		r := h.do(test.method, test.path, "", "Accept", test.accept)
		if r.StatusCode != test.status || strings.HasPrefix(r.Header.Get("Content-Type"), "text/html") {
			t.Errorf("%s %s for %q: got %d %s, want %d", test.method, test.path, test.accept, r.StatusCode, r.Header.Get("Content-Type"), test.status)
		}
	}
}

func TestAssetsAreKeptForEver(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(_ *parts, o *Options) { o.PublicURL = "https://example.com/below" })
	page := h.do("GET", "/agents/acme/open", "", "Accept", browsers)
	loads := regexp.MustCompile(`"/below(/assets/docs/[0-9a-f]{16}/[a-z.]+)"`).FindAllStringSubmatch(page.body, -1)
	types := map[string]string{"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8", "svg": "image/svg+xml"}
	if len(loads) != len(types) {
		t.Fatalf("the page loads %v", loads)
	}
	for _, m := range loads {
		path := m[1]
		r := h.do("GET", path, "")
		if r.StatusCode != 200 || r.body == "" || r.Header.Get("Cache-Control") != "public, max-age=31536000, immutable" {
			t.Errorf("%s: got %d %v", path, r.StatusCode, r.Header)
		}
		if want := types[path[strings.LastIndexByte(path, '.')+1:]]; r.Header.Get("Content-Type") != want {
			t.Errorf("%s: got %s, want %s", path, r.Header.Get("Content-Type"), want)
		}
		if r := h.do("POST", path, ""); r.StatusCode != 405 || r.Header.Get("Allow") != "GET, HEAD, OPTIONS" {
			t.Errorf("POST %s: got %d %v", path, r.StatusCode, r.Header)
		}
	}
}

func FuzzPrefersHTML(f *testing.F) {
	for _, accept := range []string{browsers, "*/*", "text/html;q=0.5, application/json", "TEXT/HTML ; q=1e-3;q", ",;=,;q=NaN,text/html;q=-1"} {
		f.Add(accept)
	}
	f.Fuzz(func(t *testing.T, accept string) {
		if prefersHTML(accept) && !strings.Contains(strings.ToLower(accept), "text/html") {
			t.Errorf("%q does not name it", accept)
		}
		if prefersHTML("application/json, "+accept+", text/html;q=0.1") && !prefersHTML(accept) {
			t.Errorf("%q: what is liked less decides", accept)
		}
	})
}
