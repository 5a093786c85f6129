// Package docs is the page that an agent shows to people at its base: its card,
// its skills, how to call it, and a conversation with it.
//
// The page is the same for all agents; what it shows it fetches from the base it
// was opened at, with the key that its user gives it. It needs no build step, no
// network beyond its own server, and runs nothing but its own files: what agents
// say is shown as text and elements that the page makes itself, never as HTML.
// The package knows files and addresses, and nothing of HTTP frameworks.
package docs

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"html"
	"io/fs"
	"path"
	"strings"
)

// Prefix is the path below which the page's assets are, beside all agents: one
// copy in a browser's cache serves them all.
const Prefix = "/assets/docs/"

// Policy is the page's Content-Security-Policy. It is the second lock: were
// something an agent said ever to become markup, it could load and run nothing,
// and no string becomes markup where Trusted Types are enforced.
const Policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

//go:embed page
var embedded embed.FS

// types are the media types of the assets by extension.
var types = map[string]string{
	".css": "text/css; charset=utf-8",
	".js":  "text/javascript; charset=utf-8",
	".svg": "image/svg+xml",
}

// Asset is a file that the page loads.
type Asset struct {
	// Type is the media type.
	Type string
	// Body is shared and must not be changed.
	Body []byte
}

// Page is the page and what it loads. It does not change and may be used from
// any goroutine.
type Page struct {
	html   []byte
	assets map[string]Asset
}

// New returns the page of a server whose clients find its root at the path root,
// which is empty unless a proxy serves it below a path of its own.
func New(root string) *Page {
	p := &Page{assets: make(map[string]Asset)}
	version := digest()
	dir := Prefix + version + "/"
	for _, name := range names() {
		body, err := embedded.ReadFile("page/" + name)
		if err != nil {
			continue // names are those of files that are there
		}
		if name == "index.html" {
			p.html = []byte(strings.ReplaceAll(string(body), "{{assets}}", html.EscapeString(strings.TrimSuffix(root, "/")+dir)))
			continue
		}
		p.assets[dir+name] = Asset{types[path.Ext(name)], body}
	}
	return p
}

// HTML is the page itself. It is shared and must not be changed.
func (p *Page) HTML() []byte { return p.html }

// Asset returns what the page loads from a path of the server, false when that
// is nothing. An address of an asset names its content and never changes it.
func (p *Page) Asset(path string) (Asset, bool) {
	a, ok := p.assets[path]
	return a, ok
}

func names() (list []string) {
	entries, err := fs.ReadDir(embedded, "page")
	if err != nil {
		return nil // it is embedded
	}
	for _, e := range entries {
		list = append(list, e.Name())
	}
	return list
}

// digest names this version of all files together, because they load each other
// by relative addresses.
func digest() string {
	h := sha256.New()
	for _, name := range names() {
		body, _ := embedded.ReadFile("page/" + name)
		sum := sha256.Sum256(body)
		h.Write(sum[:])
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}
