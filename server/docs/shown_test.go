package docs_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/carrelhq/carrel"
	"github.com/carrelhq/carrel/abi"
)

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

// TestLargeFilesAreShownFromWhereTheyAreKept has files that answers carry a link to.
func TestLargeFilesAreShownFromWhereTheyAreKept(t *testing.T) {
	h := newHouse(t, nil)
	h.ask("large", "COMPLETED")
	h.page.Wait(last + `.querySelector("img").naturalWidth === 240`)
	var found struct{ Files, Addresses []string }
	h.page.Eval(`(() => { const a = [...`+last+`.querySelectorAll("a[download]")]; return {files: a.map((a) => a.download), addresses: a.map((a) => a.href)}; })()`, &found)
	if !slices.Equal(found.Files, []string{"poster.png", "moby.txt"}) {
		t.Fatalf("got %+v", found)
	}
	for _, address := range found.Addresses {
		if !strings.HasPrefix(address, h.url+"/blobs/default/") {
			t.Errorf("got %s", address)
		}
	}
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
	h.page.Eval(`{ const make = URL.createObjectURL; window.made = []; URL.createObjectURL = (blob) => { made.push(blob.type); return make(blob); }; }`, nil)
	h.ask("hostile", "FAILED")
	h.page.Wait(last + `.querySelector("img").naturalWidth === 240 && document.images.length === 1`)
	var found struct {
		Hacked       bool
		Elements     []string
		Links, Files []string
		Types        []string
		Nested       int
	}
	h.page.Eval(`(async () => {
		for (const a of document.querySelectorAll(".theirs a:not([download]), .theirs bdi")) a.dispatchEvent(new MouseEvent("mouseover"));
		await new Promise((done) => setTimeout(done, 100)); // for what would load
		const all = [...document.querySelectorAll("body *")];
		return {
			hacked: "hacked" in window,
			elements: [...new Set(all.filter((e) => ["SCRIPT", "SVG", "IFRAME", "OBJECT", "EMBED", "STYLE", "LINK"].includes(e.tagName.toUpperCase()) || [...e.attributes].some((a) => a.name.startsWith("on") || a.name === "style")).map((e) => e.outerHTML))],
			links: all.filter((e) => e.href && !e.download).map((e) => e.href), files: all.filter((e) => e.download).map((e) => e.download),
			types: [...new Set(made)].sort(), nested: document.querySelectorAll("a a").length};
	})()`, &found)
	if found.Hacked || len(found.Elements) > 0 || found.Nested > 0 {
		t.Errorf("got %+v", found)
	}
	for _, href := range found.Links {
		if !strings.HasPrefix(href, "https://") && !strings.HasPrefix(href, h.url) {
			t.Errorf("a link leads to %s", href)
		}
	}
	// What is opened in a tab instead of saved must be of a type that no tab runs.
	if len(found.Files) < 4 || !slices.Equal(found.Types, []string{"application/octet-stream", "image/png"}) {
		t.Errorf("got files %q of types %q", found.Files, found.Types)
	}
	for _, name := range found.Files {
		if strings.ContainsAny(name, "/\\<>:\x00\u202e") || strings.HasPrefix(name, ".") {
			t.Errorf("a file would be saved as %q", name)
		}
	}
	h.shoot("hostile")
}
