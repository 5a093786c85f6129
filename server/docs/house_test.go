package docs_test

import (
	"context"
	"flag"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/carrelhq/carrel"
	"github.com/carrelhq/carrel/abi"
	"github.com/carrelhq/carrel/agent"
	"github.com/carrelhq/carrel/internal/chromium"
)

var shots = flag.String("shots", "", "the folder that gets pictures of the page")

// house is a server with an agent that does what it is told, and a tab.
type house struct {
	t        *testing.T
	url      string
	operator string
	via      *road
	w        *scripted
	page     *chromium.Page
}

// base is where the agent is.
const base = "/agents/default/librarian"

var librarian = abi.Description{
	Name: "Librarian", Version: "2.1.0", DocumentationURL: "https://docs.example.com/librarian",
	Description: "Finds books, reads them to you in pieces, and asks when it is not sure which one you mean.",
	OutputModes: []string{"text/plain", "text/markdown", "image/png", "application/json"},
	Skills: []abi.Skill{
		{ID: "read", Name: "Read aloud", Description: "Reads a book, a piece at a time.", Tags: []string{"books", "streaming"}, Examples: []string{"pieces one two three", "it's \"quoted\" & \\ done"}},
		{ID: "find", Name: "Find a book", Description: "Finds a book by what you remember of it.", Tags: []string{"search"}, Examples: []string{"ask which edition"}},
	},
}

func newHouse(t *testing.T, change func(*carrel.Options)) *house {
	t.Helper()
	browser := chromium.Start(t)
	h := &house{t: t, w: &scripted{steps: make(chan struct{})}}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	opts := carrel.Options{
		DataDir: t.TempDir(), Listener: l, Dev: true, Worker: h.w, OnOperatorToken: func(token string) { h.operator = token },
		Agents: []carrel.AgentSpec{{Name: "librarian", Description: librarian, Visibility: agent.CardOnly}},
	}
	if change != nil {
		change(&opts)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	s, err := carrel.New(ctx, opts)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	h.via = newRoad(t, l.Addr().String())
	h.url = "http://" + h.via.Addr().String()
	h.page = browser.Open(h.url+base, 1280, 860)
	t.Cleanup(h.check)
	return h
}

// check looks at the page when the test is over: nothing came from elsewhere, and
// nothing was tried that the policy forbids.
func (h *house) check() {
	for _, loaded := range h.page.Requests() {
		u, err := url.Parse(loaded)
		if err != nil || u.Scheme != "blob" && u.Scheme+"://"+u.Host != h.url {
			h.t.Errorf("the page loaded %s", loaded)
		}
	}
	for _, fault := range h.page.Faults() {
		h.t.Errorf("the page: %s", fault)
	}
}

// ready waits until the page has loaded what it needs to send.
func (h *house) ready() {
	h.t.Helper()
	h.page.Wait(`document.querySelector("#message").checkVisibility()`)
}

// say sends a message.
func (h *house) say(text string) {
	h.t.Helper()
	h.page.Wait(`!document.querySelector("#send").hidden`)
	var said int
	h.page.Eval(`document.querySelectorAll(".mine").length`, &said)
	h.page.Click("#message")
	h.page.Type(text)
	h.page.Press("Enter")
	h.page.Wait(fmt.Sprintf(`document.querySelectorAll(".mine").length > %d`, said))
}

// ask sends a message and waits until the turn is over in a state.
func (h *house) ask(text, state string) {
	h.t.Helper()
	h.say(text)
	h.over(state)
}

func (h *house) over(state string) {
	h.t.Helper()
	h.page.Wait(last + `.getAttribute("aria-busy") === "false" && ` + last + `.dataset.state === "` + state + `"`)
}

// last is the agent's last turn; see that of it which a selector matches.
const last = `[...document.querySelectorAll(".theirs")].at(-1)`

func (h *house) see(selector, want string) {
	h.t.Helper()
	h.page.Wait(last + `.querySelector("` + selector + `")`)
	var got string
	h.page.Eval(last+`.querySelector("`+selector+`").innerText`, &got)
	if strings.TrimSpace(got) != want {
		h.t.Errorf("%s: got %q, want %q", selector, got, want)
	}
}

// shoot keeps a picture of the page for people to look at.
func (h *house) shoot(name string) {
	h.t.Helper()
	if *shots == "" {
		return
	}
	if err := os.WriteFile(filepath.Join(*shots, name+".png"), h.page.Screenshot(), 0o600); err != nil {
		h.t.Fatal(err)
	}
}
