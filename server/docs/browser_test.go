package docs_test

import (
	"slices"
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
	h.shoot("card")
}

func TestAnAnswerComesInPieces(t *testing.T) {
	h := newHouse(t, nil)
	h.page.Click(".skill .example")
	h.page.Click("#send")
	for _, so := range []string{"one", "onetwo", "onetwothree"} {
		h.page.Wait(last + `?.querySelector(".artifact .text")?.textContent === "` + so + `"`)
		h.see(".status", "Working")
		h.w.steps <- struct{}{}
	}
	h.over("COMPLETED")
	h.see(".status", "Completed")
	h.ask("again", "COMPLETED")
	var contexts, shown int
	h.page.Eval(`document.querySelectorAll(".turn").length`, &shown)
	if shown != 4 {
		t.Errorf("%d turns are shown, want 4", shown)
	}
	before := h.page.Text("#context")
	h.page.Click("#fresh")
	h.page.Wait(`document.querySelectorAll(".turn").length === 0 && document.querySelector("#context").textContent === ""`)
	h.ask("again", "COMPLETED")
	h.page.Eval(`document.querySelectorAll(".turn").length`, &contexts)
	if after := h.page.Text("#context"); before == "" || after == "" || after == before {
		t.Errorf("contexts: %q before, %q after", before, after)
	}
}

func TestAQuestionIsAnsweredInItsTask(t *testing.T) {
	h := newHouse(t, nil)
	h.ask("ask which", "INPUT_REQUIRED")
	h.see(".said", "Which edition?")
	h.see(".status", "Waiting for your answer")
	if got := h.page.Text("#send"); got != "Answer" {
		t.Errorf("the button says %q", got)
	}
	h.shoot("question")
	h.ask("the first", "COMPLETED")
	h.see(".artifact .text", "the first")
	h.ask("another", "COMPLETED")
	ids := h.w.tasks()
	if len(ids) != 3 || ids[0] != ids[1] || ids[1] == ids[2] {
		t.Errorf("the runs were of tasks %q", ids)
	}
}

func TestATaskIsCanceled(t *testing.T) {
	h := newHouse(t, nil)
	h.say("hold on")
	h.page.Wait(last + `?.dataset.state === "WORKING"`)
	h.page.Click("#cancel")
	h.over("CANCELED")
	h.see(".status", "Canceled")
	// One that waits for an answer has no stream that could tell.
	h.ask("ask which", "INPUT_REQUIRED")
	h.page.Click("#cancel")
	h.over("CANCELED")
	h.ask("another", "COMPLETED")
}

func TestErrorsAreShownAsTheServerSaysThem(t *testing.T) {
	h := newHouse(t, nil)
	h.ask("fail No such book.", "FAILED")
	h.see(".said", "No such book.")
	h.ask(strings.Repeat("long ", 1<<18), "BROKEN")
	h.see(".problem", "Request body is too large: at most 1048576 bytes are taken")
}

func TestWhatAnAgentMakesIsShown(t *testing.T) {
	h := newHouse(t, nil)
	h.ask("made", "COMPLETED")
	h.page.Wait(last + `.querySelector("img").naturalWidth === 240`)
	var found struct {
		Files           []string
		Address         string
		JSON, Alt, Size string
	}
	h.page.Eval(`(() => { const e = `+last+`; return {
		files: [...e.querySelectorAll("a[download]")].map((a) => a.download), alt: e.querySelector("img").alt,
		address: e.querySelector("img").src, json: e.querySelector("pre").textContent, size: e.querySelectorAll(".file")[1].innerText}; })()`, &found)
	if !slices.Equal(found.Files, []string{"cover.png", "moby dick.epub"}) || found.Alt != "cover.png" || !strings.HasPrefix(found.Address, "blob:"+h.url) {
		t.Errorf("got %+v", found)
	}
	if !strings.Contains(found.JSON, "\n  \"title\": \"Moby-Dick\"") || !strings.Contains(found.Size, "4.1 KiB") {
		t.Errorf("got %+v", found)
	}
	h.ask("markdown "+sample, "COMPLETED")
	h.page.Wait(last + `.querySelector(".markdown table")`)
	var tags []string
	h.page.Eval(`[...new Set([...`+last+`.querySelectorAll(".markdown *")].map((e) => e.tagName.toLowerCase()))].sort()`, &tags)
	if want := strings.Fields("a blockquote code div em h3 li ol p pre strong table tbody td th thead tr ul"); !slices.Equal(tags, want) {
		t.Errorf("the Markdown has elements %q, want %q", tags, want)
	}
	h.look()
}

// look keeps pictures of what the page looks like in other places.
func (h *house) look() {
	h.t.Helper()
	h.shoot("light")
	h.page.Prefer("dark")
	h.shoot("dark")
	h.page.Prefer("light")
	h.page.Resize(390, 844)
	h.shoot("narrow")
	var wide int
	h.page.Eval("document.documentElement.scrollWidth", &wide)
	if wide > 390 {
		h.t.Errorf("on a screen of 390 pixels the page is %d wide", wide)
	}
}

const sample = "# Moby-Dick\n\nA *long* book about a **whale**, see [the text](https://www.gutenberg.org/ebooks/2701).\n\n" +
	"1. Loomings\n2. The Carpet-Bag\n   - and `more`\n\n> Call me Ishmael.\n\n```\nfor chapter in book:\n    read(chapter)\n```\n\n" +
	"| Chapter | Pages |\n|---|--:|\n| Loomings | 7 |\n| The Spouter-Inn | 21 |\n"

func TestNothingThatAnAgentSaysRuns(t *testing.T) {
	h := newHouse(t, func(o *carrel.Options) {
		d := librarian
		d.Name, d.Description, d.Version, d.DocumentationURL = attack, attack, attack, "https://docs.example.com/"
		d.Skills = []abi.Skill{{ID: "x", Name: attack, Description: attack, Tags: []string{attack}, Examples: []string{attack, "'; touch /tmp/x; '"}}}
		o.Agents[0].Description = d
	})
	h.ask("hostile", "FAILED")
	h.page.Wait(last + `.querySelector("img")?.naturalWidth === 240`)
	var found struct {
		Hacked         bool
		Elements       []string
		Links, Files   []string
		Images, Nested int
	}
	h.page.Eval(`(async () => {
		for (const a of document.querySelectorAll(".theirs a:not([download]), .theirs bdi")) a.dispatchEvent(new MouseEvent("mouseover"));
		await new Promise((done) => setTimeout(done, 100)); // for what would load
		const all = [...document.querySelectorAll("body *")];
		return {
			hacked: "hacked" in window,
			elements: [...new Set(all.filter((e) => ["SCRIPT", "SVG", "IFRAME", "OBJECT", "EMBED", "STYLE", "LINK"].includes(e.tagName.toUpperCase()) || [...e.attributes].some((a) => a.name.startsWith("on") || a.name === "style")).map((e) => e.outerHTML))],
			links: all.filter((e) => e.href && !e.download).map((e) => e.href), files: all.filter((e) => e.download).map((e) => e.download),
			images: document.images.length, nested: document.querySelectorAll("a a").length};
	})()`, &found)
	if found.Hacked || len(found.Elements) > 0 || found.Nested > 0 {
		t.Errorf("got %+v", found)
	}
	for _, href := range found.Links {
		if !strings.HasPrefix(href, "https://") && !strings.HasPrefix(href, h.url) {
			t.Errorf("a link leads to %s", href)
		}
	}
	if len(found.Files) < 4 || found.Images != 1 {
		t.Errorf("got files %q and %d images", found.Files, found.Images)
	}
	for _, name := range found.Files {
		if strings.ContainsAny(name, "/\\<>:\x00\u202e") || strings.HasPrefix(name, ".") {
			t.Errorf("a file would be saved as %q", name)
		}
	}
	h.shoot("hostile")
}

func TestAStreamGoesOnWhereItBroke(t *testing.T) {
	h := newHouse(t, nil)
	h.say("pieces one two three")
	h.page.Wait(last + `?.querySelector(".artifact .text")?.textContent === "one"`)
	h.via.cut()
	h.page.Wait(last + `.querySelector(".status").textContent.startsWith("The connection broke")`)
	h.w.steps <- struct{}{}
	h.w.steps <- struct{}{}
	h.w.steps <- struct{}{}
	h.via.mend()
	h.over("COMPLETED")
	h.see(".artifact .text", "onetwothree")
}

func TestAStreamThatWasGivenUpIsFollowedAgain(t *testing.T) {
	h := newHouse(t, nil)
	h.say("pieces one two")
	h.page.Wait(last + `.querySelector(".artifact .text").textContent === "one"`)
	h.page.Eval(`{ const real = setTimeout; window.setTimeout = (f, ms) => real(f, Math.min(ms, 20)); }`, nil) // nobody has a minute
	h.via.cut()
	h.over("BROKEN")
	h.see(".problem", "The connection is lost. The task goes on without it. Follow again")
	h.w.steps <- struct{}{}
	h.w.steps <- struct{}{}
	h.via.mend()
	h.page.Click(".problem button")
	h.over("COMPLETED")
	h.see(".artifact .text", "onetwo")
	h.page.Wait(`!document.querySelector(".problem:not(#problem)")`)
}

func TestAKeyOpensAPrivateAgent(t *testing.T) {
	h := newHouse(t, func(o *carrel.Options) { o.Dev, o.Agents[0].Visibility = false, agent.Private })
	h.page.Wait(`!document.querySelector("#key-form").hidden`)
	if got := h.page.Text("#name"); got != "No agent to be seen here" {
		t.Errorf("got %q", got)
	}
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
