package docs_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/carrelhq/carrel/server/docs"
)

// markdown has texts and what they become. Links are shown without the
// properties that all of them have.
var markdown = []struct{ text, want string }{
	{"plain", "<p>plain</p>"},
	{"two\nlines\n\nand  \nmore\\\nhere", "<p>two\nlines</p><p>and<br>more<br>here</p>"},
	{"*a* _b_ **c** __d__ ***e*** ~~f~~ `g`", "<p><em>a</em> <em>b</em> <strong>c</strong> <strong>d</strong> <strong><em>e</em></strong> <del>f</del> <code>g</code></p>"},
	{"a **b *c* d** e", "<p>a <strong>b <em>c</em> d</strong> e</p>"},
	{"snake_case_name 2 * 3 * 4 **open *too", "<p>snake_case_name 2 * 3 * 4 **open *too</p>"},
	{`\*not\* \[this\] \<b>`, "<p>*not* [this] &lt;b&gt;</p>"},
	{"``a ` b`` and ` x ` and `open", "<p><code>a ` b</code> and <code>x</code> and `open</p>"},
	{"# One\n## Two ##\n####### no\n#no", "<h3>One</h3><h4>Two</h4><p>####### no\n#no</p>"},
	{"a\n***\nb\n\n- - -", "<p>a</p><hr><p>b</p><hr>"},
	{"- a\n- b\n  - c\n\n    d\n- e", "<ul><li>a</li><li>b<ul><li>c<p>d</p></li></ul></li><li>e</li></ul>"},
	{"3. a\n4. b\n\n5. c\n\nd", `<ol start="3"><li>a</li><li>b</li><li>c</li></ol><p>d</p>`},
	{"- [ ] a\n- [x] b\n* c\n+ d", "<ul><li>☐ a</li><li>☑ b</li><li>c</li><li>d</li></ul>"},
	{"Written in\n1986. A year.", "<p>Written in\n1986. A year.</p>"},
	{"> a\n> > b\n\nc", "<blockquote><p>a</p><blockquote><p>b</p></blockquote></blockquote><p>c</p>"},
	{"```go\nif a < b {\n\t*x*\n}\n```\nafter", "<pre tabindex=\"0\"><code>if a &lt; b {\n    *x*\n}</code></pre><p>after</p>"},
	{"~~~\nopen", `<pre tabindex="0"><code>open</code></pre>`},
	{"| a | b \\| c |\n|---|:-:|\n| *1* | 2 | 3 |\n| 4 |\nafter", `<div class="wide" tabindex="0"><table><thead><tr><th class="">a</th><th class="center">b | c</th></tr></thead><tbody><tr><td class=""><em>1</em></td><td class="center">2</td></tr><tr><td class="">4</td></tr></tbody></table></div><p>after</p>`},
	{"[a *b*](https://x.example/y_z \"t\") [c](mailto:d@x.example)", `<p><a href="https://x.example/y_z">a <em>b</em></a> <a href="mailto:d@x.example">c</a></p>`},
	{"see https://x.example/a_b_c, (https://x.example/) <https://y.example>", `<p>see <a href="https://x.example/a_b_c">https://x.example/a_b_c</a>, (<a href="https://x.example/">https://x.example/</a>) <a href="https://y.example/">https://y.example</a></p>`},
	{"![a cat](https://x.example/cat.png)", `<p><a href="https://x.example/cat.png">🖼 a cat</a></p>`},
	{"[a [b](https://x.example/) c](https://y.example/)", `<p>[a <a href="https://x.example/">b</a> c](<a href="https://y.example/">https://y.example/</a>)</p>`},
	{"[a](javascript:x) [b](/c) [d](data:text/html,e) [f](//g.example) [h]( https://i.example/ )", "<p>[a](javascript:x) [b](/c) [d](data:text/html,e) [f](//g.example) <a href=\"https://i.example/\">h</a></p>"},
	{"<b onclick=x>&lt;</b> <!-- c --> <javascript:x>", "<p>&lt;b onclick=x&gt;&amp;lt;&lt;/b&gt; &lt;!-- c --&gt; &lt;javascript:x&gt;</p>"},
	{"[unclosed ![two](", "<p>[unclosed ![two](</p>"},
	{"", ""},
}

// slow are texts at which careless readers take the square of their length, or
// go as deep.
var slow = []string{
	"*", "_", "**a ", "*a _b ", "[", "![", "]", "](", "[a](", "[a](b", "`", "` `` ", "<", "<https://", "\\", "http", "https://a.", "a\n", "a  \n",
	"> ", ">", "- ", "1. ", "- a\n  ", "|", "|-", "| a |\n|-|\n", "#", "# ", "~~a", "```\n", "~~~\na\n", "***", "-\n", " ", "\n \n", "(", "[a]((", "- - ", "* * a ",
}

func TestMarkdown(t *testing.T) {
	h := newHouse(t, nil)
	same := regexp.MustCompile(` title="[^"]*" target="_blank" rel="noopener noreferrer nofollow"`)
	for _, test := range markdown {
		if got := same.ReplaceAllString(h.render(test.text), ""); got != test.want {
			t.Errorf("%q\n got %s\nwant %s", test.text, got, test.want)
		}
	}
	for _, piece := range slow {
		n := 128 << 10 / len(piece)
		var took float64
		h.page.Eval(fmt.Sprintf(`(async () => { const { render } = await import(%q); const begin = performance.now(); render(%s.repeat(%d)); return performance.now() - begin; })()`,
			module("markdown.js"), quoted(piece), n), &took)
		t.Logf("%d times %q: %.0f ms", n, piece, took)
	}
}

// render is the HTML of what a text becomes.
func (h *house) render(text string) (html string) {
	h.t.Helper()
	h.page.Eval(fmt.Sprintf(`(async () => { const { render } = await import(%q); const e = document.createElement("div"); e.append(render(%s)); return e.innerHTML; })()`,
		module("markdown.js"), quoted(text)), &html)
	return html
}

// module is the address of a module of the page.
func module(name string) string {
	page := string(docs.New("").HTML())
	from := strings.Index(page, docs.Prefix)
	return page[from:from+len(docs.Prefix)+17] + name
}

func quoted(text string) string {
	encoded, err := json.Marshal(text)
	if err != nil {
		return `""`
	}
	return string(encoded)
}
