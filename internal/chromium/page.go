package chromium

import (
	"encoding/json"
	"fmt"
	"strconv"
	"sync"
	"testing"
)

// Page is a tab, with storage of its own.
type Page struct {
	t       testing.TB
	browser *Browser
	session string

	mu       sync.Mutex
	requests []string
	faults   []string
}

// Open opens a tab of the given size, in CSS pixels, at an address, and returns
// when it has loaded.
func (b *Browser) Open(address string, width, height int) *Page {
	b.t.Helper()
	var made struct{ BrowserContextID, TargetID, SessionID string }
	p := &Page{t: b.t, browser: b}
	p.call("Target.createBrowserContext", nil, &made)
	p.call("Target.createTarget", map[string]any{"url": "about:blank", "browserContextId": made.BrowserContextID, "width": width, "height": height}, &made)
	p.call("Target.attachToTarget", map[string]any{"targetId": made.TargetID, "flatten": true}, &made)
	p.session = made.SessionID
	b.pipe.listen(p.session, p.event)
	for _, domain := range []string{"Page", "Network", "Runtime", "Log"} {
		p.call(domain+".enable", nil, nil)
	}
	p.Go(address)
	return p
}

// Go leads the tab to an address and returns when it has loaded.
func (p *Page) Go(address string) {
	p.t.Helper()
	var moved struct{ ErrorText string }
	p.call("Page.navigate", map[string]any{"url": address}, &moved)
	if moved.ErrorText != "" {
		p.t.Fatalf("open %s: %s", address, moved.ErrorText)
	}
	p.Wait(`document.readyState === "complete" && location.href !== "about:blank"`)
}

func (p *Page) call(method string, params map[string]any, result any) {
	p.t.Helper()
	if params == nil {
		params = map[string]any{}
	}
	if err := p.browser.pipe.call(p.session, method, params, result); err != nil {
		p.t.Fatal(err)
	}
}

// event notes what the page loads, and what must not happen.
func (p *Page) event(method string, params json.RawMessage) {
	var e struct {
		Request struct{ URL string }
		Entry   struct{ Level, Source, Text, URL string }
		Message string
		Details struct {
			Exception struct{ Description string }
		} `json:"exceptionDetails"`
	}
	if json.Unmarshal(params, &e) != nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	switch method {
	case "Network.requestWillBeSent":
		p.requests = append(p.requests, e.Request.URL)
	case "Page.javascriptDialogOpening":
		p.faults = append(p.faults, "a dialog: "+e.Message)
	case "Runtime.exceptionThrown":
		p.faults = append(p.faults, "an exception: "+e.Details.Exception.Description)
	case "Log.entryAdded":
		// What answers with an error is the test's business, and the page's.
		if e.Entry.Source != "network" && e.Entry.Level == "error" {
			p.faults = append(p.faults, e.Entry.Source+": "+e.Entry.Text)
		}
	}
}

// Requests returns the addresses of all that the page has loaded.
func (p *Page) Requests() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.requests...)
}

// Faults returns what no page should do: exceptions that nobody caught, dialogs,
// and what its own policy forbade.
func (p *Page) Faults() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.faults...)
}

// Eval evaluates an expression, waits where it is a promise, and decodes its
// value, unless that is nil.
func (p *Page) Eval(expression string, value any) {
	p.t.Helper()
	var got struct {
		Result  struct{ Value json.RawMessage }
		Details *struct {
			Text      string
			Exception struct{ Description string }
		} `json:"exceptionDetails"`
	}
	p.call("Runtime.evaluate", map[string]any{"expression": expression, "awaitPromise": true, "returnByValue": true, "userGesture": true}, &got)
	if d := got.Details; d != nil {
		p.t.Fatalf("%s: %s %s", expression, d.Text, d.Exception.Description)
	}
	if value == nil {
		return
	}
	if err := json.Unmarshal(got.Result.Value, value); err != nil {
		p.t.Fatalf("%s: %v in %s", expression, err, got.Result.Value)
	}
}

// Wait waits until an expression is true. While it throws it is not.
func (p *Page) Wait(expression string) {
	p.t.Helper()
	var came bool
	p.Eval(fmt.Sprintf(`new Promise((done) => {
		const end = Date.now() + %d;
		const is = () => { try { return Boolean(%s); } catch { return false; } };
		const look = () => { const so = is(); if (so || Date.now() > end) done(so); else setTimeout(look, 20); };
		look();
	})`, (patience/2).Milliseconds(), expression), &came)
	if !came {
		var text string
		p.Eval("document.body.innerText", &text)
		p.t.Fatalf("did not come about: %s\nthe page:\n%s\nfaults: %q", expression, text, p.Faults())
	}
}

// Click clicks in the middle of the first element that a selector matches, as a
// mouse does: where something else covers it, that is clicked.
func (p *Page) Click(selector string) {
	p.t.Helper()
	p.Wait(query(selector) + ".checkVisibility()")
	var at struct{ X, Y float64 }
	p.Eval(fmt.Sprintf(`(() => { const e = %s; e.scrollIntoView({block: "center", behavior: "instant"}); const r = e.getBoundingClientRect(); return {x: r.x + r.width / 2, y: r.y + r.height / 2}; })()`, query(selector)), &at)
	for _, kind := range []string{"mousePressed", "mouseReleased"} {
		p.call("Input.dispatchMouseEvent", map[string]any{"type": kind, "x": at.X, "y": at.Y, "button": "left", "clickCount": 1}, nil)
	}
}

// Type types into what has the focus.
func (p *Page) Type(text string) {
	p.t.Helper()
	p.call("Input.insertText", map[string]any{"text": text}, nil)
}

// Press presses a key: Enter or Tab.
func (p *Page) Press(key string) {
	p.t.Helper()
	code, text := map[string]int{"Enter": 13, "Tab": 9}[key], map[string]string{"Enter": "\r"}[key]
	p.call("Input.dispatchKeyEvent", map[string]any{"type": "keyDown", "key": key, "code": key, "windowsVirtualKeyCode": code, "text": text}, nil)
	p.call("Input.dispatchKeyEvent", map[string]any{"type": "keyUp", "key": key, "code": key, "windowsVirtualKeyCode": code}, nil)
}

// Text returns the text of the first element that a selector matches, as it is seen.
func (p *Page) Text(selector string) (text string) {
	p.t.Helper()
	p.Wait(query(selector))
	p.Eval(query(selector)+".innerText", &text)
	return text
}

// Prefer sets the color scheme, "light" or "dark".
func (p *Page) Prefer(scheme string) {
	p.t.Helper()
	p.call("Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{{"name": "prefers-color-scheme", "value": scheme}}}, nil)
}

// Resize changes the size of the page, in CSS pixels.
func (p *Page) Resize(width, height int) {
	p.t.Helper()
	p.call("Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false}, nil)
}

// Screenshot returns what is seen, as a PNG.
func (p *Page) Screenshot() []byte {
	p.t.Helper()
	var shot struct{ Data []byte }
	p.call("Page.captureScreenshot", map[string]any{"format": "png"}, &shot)
	return shot.Data
}

func query(selector string) string { return "document.querySelector(" + strconv.Quote(selector) + ")" }
