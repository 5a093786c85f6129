package server

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/carrelhq/carrel/agent"
	"github.com/carrelhq/carrel/task"
)

// serveCard serves an agent's card, with what clients need to keep it. Section 8.
func (s *Server) serveCard(x *exchange, ref task.Ref) error {
	a, err := s.admitReader(x, ref)
	if err != nil {
		return err
	}
	return s.readOnly(x, func(x *exchange) error { return s.sendCard(x, a) })
}

func (s *Server) sendCard(x *exchange, a agent.Agent) error {
	kind := publicCard
	if s.wantsUnion(x, a) {
		kind = unitedCard
	}
	c, err := s.cardFor(x.ctx, a, s.door(x), kind)
	if err != nil {
		return err
	}
	s.keepable(x, a.Visibility == agent.Private)
	x.ifModified(typeJSON, c.body, c.tag, c.modified)
	return nil
}

// keepable says how long an answer may be kept, by whom, and what it depends on
// beside the address.
func (s *Server) keepable(x *exchange, private bool) {
	caching := "public, max-age=60"
	switch {
	case s.opts.Dev:
		caching = "no-cache, max-age=0" // agents change by the minute
	case private:
		caching = "private, max-age=60"
	}
	x.set(fiber.HeaderCacheControl, caching)
	if private {
		x.vary("Authorization")
	}
	if s.opts.PublicURL == "" && len(s.proxies) > 0 {
		x.vary("X-Forwarded-Host, X-Forwarded-Proto")
	}
}

// ifModified answers with a body, or that the client has it already. A zero time
// is not told.
func (x *exchange) ifModified(contentType string, body []byte, tag string, modified time.Time) {
	x.set(fiber.HeaderETag, tag)
	if !modified.IsZero() {
		x.set(fiber.HeaderLastModified, modified.UTC().Format(http.TimeFormat))
	}
	if notModified(x, tag, modified) {
		x.c.Status(fiber.StatusNotModified)
		return
	}
	x.json(fiber.StatusOK, contentType, body)
}

// etag is the ETag of a body.
func etag(body []byte) string {
	sum := sha256.Sum256(body)
	return `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`
}

func (x *exchange) vary(fields string) {
	if before := x.c.Response().Header.Peek(fiber.HeaderVary); len(before) > 0 {
		fields = string(before) + ", " + fields
	}
	x.set(fiber.HeaderVary, fields)
}

// notModified reports whether the client has this already.
func notModified(x *exchange, tag string, updated time.Time) bool {
	if have := x.header(fiber.HeaderIfNoneMatch); have != "" {
		return hasTag(have, tag)
	}
	return notSince(x.header(fiber.HeaderIfModifiedSince), updated)
}

// hasTag reports whether an If-None-Match header names the tag.
func hasTag(header, tag string) bool {
	for entry := range strings.SplitSeq(header, ",") {
		entry = strings.TrimPrefix(strings.TrimSpace(entry), "W/")
		if entry == tag || entry == "*" {
			return true
		}
	}
	return false
}

// notSince reports whether the time of an If-Modified-Since header is that of the
// last change, or later.
func notSince(header string, updated time.Time) bool {
	since, err := http.ParseTime(header)
	return err == nil && !updated.IsZero() && !updated.Truncate(time.Second).After(since)
}

// baseURL is the server's address as the client may use it: the public one, or
// the one the request came to, as trusted proxies tell it.
func (s *Server) baseURL(x *exchange) string {
	if s.opts.PublicURL != "" {
		return s.opts.PublicURL
	}
	scheme, host := "http", string(x.c.Request().Host())
	if s.certs != nil {
		scheme = "https"
	}
	if peer, ok := netip.AddrFromSlice(x.c.Context().RemoteIP()); ok && s.trusts(peer.Unmap()) {
		if h := firstOf(x.header("X-Forwarded-Host")); h != "" {
			host = h
		}
		if p := firstOf(x.header("X-Forwarded-Proto")); p == "http" || p == "https" {
			scheme = p
		}
	}
	if !plainHost(host) {
		host = "localhost"
	}
	return scheme + "://" + host
}

func firstOf(list string) string {
	first, _, _ := strings.Cut(list, ",")
	return strings.TrimSpace(first)
}

// plainHost reports whether a Host header is a host and port, and nothing else: a
// name of letters, digits, dots, hyphens and underscores, or an address. It is safe
// in a URL, a header, and JSON. RFC 3986 has more in names, quotation marks for one.
func plainHost(host string) bool {
	u, err := url.Parse("http://" + host)
	if err != nil || u.Host != host || u.User != nil || u.Path != "" || u.RawQuery != "" || u.Fragment != "" {
		return false
	}
	name := u.Hostname()
	if addr, err := netip.ParseAddr(name); err == nil {
		return addr.Zone() == ""
	}
	return name != "" && host[0] != '[' && !strings.ContainsFunc(name, notInName)
}

func notInName(c rune) bool {
	return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && !strings.ContainsRune(".-_", c)
}

func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Host
}
