package docs_test

import (
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/carrelhq/carrel"
	"github.com/carrelhq/carrel/abi"
	"github.com/carrelhq/carrel/agent"
)

func TestThePageShowsTheCard(t *testing.T) {
	h := newHouse(t, nil)
	h.page.Wait(`document.title === "Librarian"`)
	for selector, want := range map[string]string{
		"#name": "Librarian", "#byline": "version 2.1.0", ".skill h3": "Read aloud", ".skill .example": "pieces one two three",
	} {
		if got := h.page.Text(selector); got != want {
			t.Errorf("%s: got %q, want %q", selector, got, want)
		}
	}
	about := h.page.Text("#about")
	for _, want := range []string{"Finds books, reads them", "streams", "no key needed", "text/markdown", "JSONRPC", "HTTP+JSON", h.url + base, "curl -s '" + h.url + base + "'"} {
		if !strings.Contains(about, want) {
			t.Errorf("the page lacks %q:\n%s", want, about)
		}
	}
	var nameless []string
	h.page.Eval(`[...document.querySelectorAll("button, input, textarea, a, summary")].filter((e) => !(e.labels?.length || e.textContent.trim() || e.getAttribute("aria-label"))).map((e) => e.outerHTML)`, &nameless)
	if len(nameless) > 0 {
		t.Errorf("controls without a name: %q", nameless)
	}
	h.shoot("card")
}

// TestTheLineForCurlWorksAsPasted has a shell read it, with an example in it that
// would like to be more than a message.
func TestTheLineForCurlWorksAsPasted(t *testing.T) {
	const example = "it's; touch hacked; $(touch hacked) `touch hacked` \\' \"\n\x1b[31m\u202e\u2028 é 🐋"
	h := newHouse(t, func(o *carrel.Options) {
		o.Dev, o.Agents[0].Description.Skills = false, []abi.Skill{{ID: "x", Examples: []string{example}}}
	})
	line := h.page.Text("#curl")
	shell := exec.Command("sh", "-c", `curl() { for a; do printf '%s\0' "$a"; done; }; `+line)
	shell.Dir, shell.Env = t.TempDir(), append(os.Environ(), "CARREL_TOKEN="+h.operator)
	out, err := shell.CombinedOutput()
	if err != nil {
		t.Fatalf("%s\n%v: %s", line, err, out)
	}
	args := strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00")
	req, err := http.NewRequest("POST", args[1], strings.NewReader(args[len(args)-1]))
	if err != nil {
		t.Fatal(err)
	}
	for i, arg := range args {
		if name, value, ok := strings.Cut(arg, ": "); ok && args[max(i-1, 0)] == "-H" {
			req.Header.Set(name, value)
		}
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil || !strings.Contains(string(answer), "TASK_STATE_COMPLETED") {
		t.Errorf("%s\n%s, %v", line, answer, err)
	}
	if said := h.w.heard(); len(said) != 1 || said[0] != example {
		t.Errorf("the agent was told %q, want %q", said, example)
	}
	if left, err := os.ReadDir(shell.Dir); err != nil || len(left) > 0 {
		t.Errorf("the shell made %v, %v", left, err)
	}
}

func TestAnAgentThatNeedsAKeySaysSo(t *testing.T) {
	h := newHouse(t, func(o *carrel.Options) { o.Dev = false })
	h.page.Wait(`document.querySelector("#access").textContent === "Calls to this agent need a key."`)
	h.ask("hello", "BROKEN")
	h.see(".problem", "A valid key is needed")
	h.shoot("key")
	h.page.Click("#key")
	h.page.Type(h.operator)
	h.page.Press("Enter")
	h.page.Wait(`!document.querySelector("#forget").hidden && document.querySelector("#message").value === "hello"`)
	h.page.Click("#send") // what was not heard is there to be sent again
	h.over("COMPLETED")
}

func TestAKeyOpensAPrivateAgent(t *testing.T) {
	h := newHouse(t, func(o *carrel.Options) { o.Dev, o.Agents[0].Visibility = false, agent.Private })
	h.page.Wait(`document.querySelector("#name").textContent === "No agent to be seen here" && document.querySelector("#key-form").checkVisibility()`)
	h.shoot("private")
	h.page.Click("#key")
	h.page.Type("wrong")
	h.page.Press("Enter")
	h.page.Wait(`document.querySelector("#access").textContent.endsWith("A key is in use.")`)
	h.page.Click("#forget")
	h.page.Wait(`!document.querySelector("#access").textContent.includes("in use")`)
	h.page.Click("#key")
	h.page.Type(h.operator)
	h.page.Press("Enter")
	h.page.Wait(`document.querySelector("#name").textContent === "Librarian"`)
	h.ask("hello", "COMPLETED")
	if got := h.page.Text("#curl"); !strings.Contains(got, `-H "Authorization: Bearer $CARREL_TOKEN"`) || strings.Contains(got, h.operator) {
		t.Errorf("got %s", got)
	}
	var kept string
	h.page.Eval(`JSON.stringify([Object.keys(localStorage), document.cookie, Object.keys(sessionStorage)])`, &kept)
	if kept != `[[],"",["carrel.key:/agents/default/"]]` {
		t.Errorf("the page keeps %s", kept)
	}
	h.page.Click("#forget")
	h.page.Wait(`document.querySelector("#name").textContent === "No agent to be seen here"`)
}
