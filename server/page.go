package server

import (
	"net/url"
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/carrelhq/carrel/server/docs"
)

// buildPage makes the docs page for the address that browsers know the server by.
func (s *Server) buildPage() error {
	root := ""
	if u, err := url.Parse(s.opts.PublicURL); err == nil {
		root = u.EscapedPath()
	}
	s.page = docs.New(root)
	return nil
}

// asksForPage reports whether a browser was pointed at an agent's base. What it
// fetches for itself, and what other clients ask for, goes on as ever.
func asksForPage(x *exchange, path string) bool {
	if m := x.c.Method(); m != fiber.MethodGet && m != fiber.MethodHead {
		return false
	}
	if path != "/" {
		if !strings.HasPrefix(path, agentsPrefix) {
			return false
		}
		if ref, below := splitAgentPath(path); ref.Agent == "" || below != "" {
			return false
		}
	}
	return prefersHTML(x.headers(fiber.HeaderAccept))
}

// prefersHTML reports whether an Accept header names text/html and nothing that
// it likes better. "*/*" alone does not name it: that is what curl says.
func prefersHTML(accept string) bool {
	var html, best float64
	for entry := range strings.SplitSeq(accept, ",") {
		media, params, _ := strings.Cut(entry, ";")
		q := quality(params)
		best = max(best, q)
		if strings.EqualFold(strings.TrimSpace(media), "text/html") {
			html = max(html, q)
		}
	}
	return html > 0 && html >= best
}

// quality is the q of a range of an Accept header, 1 when it has none, and 0
// when it is not a number from 0 to 1.
func quality(params string) float64 {
	for p := range strings.SplitSeq(params, ";") {
		name, value, _ := strings.Cut(p, "=")
		if !strings.EqualFold(strings.TrimSpace(name), "q") {
			continue
		}
		q, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
		if err != nil || !(q >= 0 && q <= 1) {
			return 0
		}
		return q
	}
	return 1
}

// servePage serves the docs page. It says nothing of the agent, so it is also
// the body of a 404: a browser cannot send a key with an address that is typed,
// and the page asks for one, alike for an agent that is private and for none.
func (s *Server) servePage(x *exchange, path string) error {
	x.route = routePage
	err := s.admitPage(x, path)
	status := fiber.StatusOK
	if err != nil {
		w, _ := onWire(err)
		if status = w.http; status != fiber.StatusNotFound {
			return err
		}
	}
	x.c.Status(status)
	x.set(fiber.HeaderContentSecurityPolicy, docs.Policy)
	x.answer("text/html; charset=utf-8", s.page.HTML())
	return nil
}

func (s *Server) admitPage(x *exchange, path string) error {
	if path == "/" {
		ref, err := s.landingAgent(x.ctx)
		if err == nil {
			_, err = s.admitReader(x, ref)
		}
		return err
	}
	ref, _ := splitAgentPath(path)
	_, err := s.admitReader(x, ref)
	return err
}

// serveAsset serves what the page loads. It is the same for everyone and, at its
// address, for ever.
func (s *Server) serveAsset(x *exchange, path string) error {
	x.route = routeAsset
	asset, ok := s.page.Asset(path)
	if !ok {
		return errNotFound
	}
	return s.readOnly(x, func(x *exchange) error {
		x.set(fiber.HeaderCacheControl, "public, max-age=31536000, immutable")
		x.answer(asset.Type, asset.Body)
		return nil
	})
}

// answer gives the response a body, which is not changed.
func (x *exchange) answer(contentType string, body []byte) {
	x.set(fiber.HeaderContentType, contentType)
	x.c.Response().SetBodyRaw(body)
}
