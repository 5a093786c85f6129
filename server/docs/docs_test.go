package docs

import (
	"regexp"
	"strings"
	"testing"
)

func TestThePageLoadsItsAssetsAtAddressesThatNameTheirContent(t *testing.T) {
	t.Parallel()
	load := regexp.MustCompile(`(?:src|href)="([^"#][^"]*)"`)
	for root, want := range map[string]string{"": Prefix, "/": Prefix, "/below/here": "/below/here" + Prefix, `/a"b`: "/a&#34;b" + Prefix} {
		p := New(root)
		loads := load.FindAllStringSubmatch(string(p.HTML()), -1)
		if len(loads) != 3 {
			t.Fatalf("root %q: the page loads %q, want three files", root, loads)
		}
		for _, m := range loads {
			below, ok := strings.CutPrefix(m[1], strings.TrimSuffix(want, Prefix))
			if a, there := p.Asset(below); !ok || !there || a.Type == "" || len(a.Body) == 0 {
				t.Errorf("root %q: there is no asset for %s", root, m[1])
			}
		}
		if strings.Contains(string(p.HTML()), "{{") {
			t.Errorf("root %q: the page has a place that nothing was put into", root)
		}
	}
}

func TestModulesImportEachOtherOnly(t *testing.T) {
	t.Parallel()
	from := regexp.MustCompile(`(?m)^import .* from "\./([^"]+)";$`)
	p := New("")
	for name, a := range p.assets {
		dir := name[:strings.LastIndexByte(name, '/')+1]
		for _, m := range from.FindAllSubmatch(a.Body, -1) {
			if _, ok := p.Asset(dir + string(m[1])); !ok {
				t.Errorf("%s imports %s, which is not there", name, m[1])
			}
		}
		if n := strings.Count(string(a.Body), "import "); n != len(from.FindAll(a.Body, -1)) && strings.HasSuffix(name, ".js") {
			t.Errorf("%s: imports of another form than the test knows", name)
		}
	}
}

// TestNothingIsLoadedFromElsewhere: the page works without a network, and tells
// nobody that it is read.
func TestNothingIsLoadedFromElsewhere(t *testing.T) {
	t.Parallel()
	p := New("")
	absolute := regexp.MustCompile(`(?i:(?:https?:)?//[a-z0-9-]+\.[a-z]|@import)|\burl\(`)
	check := func(name string, body []byte) {
		// A namespace is a name, and is not loaded.
		text := strings.ReplaceAll(string(body), `xmlns="http://www.w3.org/2000/svg"`, "")
		if found := absolute.FindString(text); found != "" {
			t.Errorf("%s has %q", name, found)
		}
	}
	check("the page", p.HTML())
	for name, a := range p.assets {
		check(name, a.Body)
	}
}

// TestNoStringBecomesMarkup: what an agent says reaches the page as text nodes
// and properties only. The policy enforces it where a browser knows Trusted Types.
func TestNoStringBecomesMarkup(t *testing.T) {
	t.Parallel()
	markup := regexp.MustCompile(`innerHTML|outerHTML|insertAdjacentHTML|document\.write|setHTML|parseFromString|createContextualFragment|\beval\b|new Function|srcdoc|\.on[a-z]+ *=|javascript:`)
	p := New("")
	for name, a := range p.assets {
		if found := markup.Find(a.Body); found != nil {
			t.Errorf("%s uses %s", name, found)
		}
	}
	inline := regexp.MustCompile(`(?i)<style|<script(?:>| [^>]*>[^<])|\son[a-z]+=|\sstyle=`)
	if found := inline.Find(p.HTML()); found != nil {
		t.Errorf("the page has %q inline", found)
	}
	for _, want := range []string{"default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'none'", "require-trusted-types-for 'script'"} {
		if !strings.Contains(Policy, want) {
			t.Errorf("the policy lacks %s", want)
		}
	}
	if strings.Contains(Policy, "unsafe") || strings.Contains(Policy, "data:") || strings.Contains(Policy, "*") {
		t.Errorf("the policy allows too much: %s", Policy)
	}
}
