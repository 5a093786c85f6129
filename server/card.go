package server

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"google.golang.org/protobuf/proto"

	"github.com/carrelhq/carrel/agent"
	"github.com/carrelhq/carrel/task"
)

// serveCard serves an agent's card, with what clients need to keep it. Section 8.
func (s *Server) serveCard(x *exchange, ref task.Ref) error {
	a, err := s.admitReader(x, ref)
	if err != nil {
		return err
	}
	if m := x.c.Method(); m != fiber.MethodGet && m != fiber.MethodHead {
		return s.allow(x, "GET, HEAD, OPTIONS")
	}
	body, err := s.card(a, s.interfaces(x, a))
	if err != nil {
		return err
	}
	if body, err = s.variant03(x, a, body); err != nil {
		return err
	}
	sum := sha256.Sum256(body)
	tag := `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`
	s.cardHeaders(x, a, tag)
	if notModified(x, tag, a.Updated) {
		x.c.Status(fiber.StatusNotModified)
		return nil
	}
	x.json(fiber.StatusOK, typeJSON, body)
	return nil
}

func (s *Server) cardHeaders(x *exchange, a agent.Agent, tag string) {
	x.set(fiber.HeaderETag, tag)
	x.set(fiber.HeaderLastModified, a.Updated.UTC().Format(http.TimeFormat))
	caching := "public, max-age=60"
	switch {
	case s.opts.Dev:
		caching = "no-cache" // agents change by the minute
	case a.Visibility == agent.Private:
		caching = "private, max-age=60"
	}
	x.set(fiber.HeaderCacheControl, caching)
	if a.Visibility == agent.Private {
		x.vary("Authorization")
	}
	if s.opts.PublicURL == "" && len(s.proxies) > 0 {
		x.vary("X-Forwarded-Host, X-Forwarded-Proto")
	}
}

func (x *exchange) vary(fields string) {
	if before := x.c.Response().Header.Peek(fiber.HeaderVary); len(before) > 0 {
		fields = string(before) + ", " + fields
	}
	x.set(fiber.HeaderVary, fields)
}

// notModified reports whether the client has this card already.
func notModified(x *exchange, tag string, updated time.Time) bool {
	if have := x.header(fiber.HeaderIfNoneMatch); have != "" {
		for entry := range strings.SplitSeq(have, ",") {
			entry = strings.TrimPrefix(strings.TrimSpace(entry), "W/")
			if entry == tag || entry == "*" {
				return true
			}
		}
		return false
	}
	since, err := http.ParseTime(x.header(fiber.HeaderIfModifiedSince))
	return err == nil && !updated.Truncate(time.Second).After(since)
}

// card is the card's JSON, the same bytes for the same card.
func (s *Server) card(a agent.Agent, interfaces []agent.Interface) ([]byte, error) {
	authenticated := a.Visibility != agent.Public && !s.opts.Dev
	card := agent.Card(a, interfaces, authenticated)
	card.Capabilities.PushNotifications = proto.Bool(s.parts.tasks.PushSupported())
	// The official Go client (v2.4.0) cannot read a card with requirements in the
	// form of the specification: it wants a list where {"list": […]} belongs. The
	// scheme alone tells what a call needs, and every client reads it.
	card.SecurityRequirements = nil
	encoded, err := appendProto(nil, card)
	if err != nil {
		return nil, err
	}
	return withRequired(encoded)
}

// withRequired adds the members that a card must have and that ProtoJSON leaves
// out when they are empty, and orders all of them. Section 5.7.
func withRequired(encoded []byte) ([]byte, error) {
	var card map[string]any
	d := json.NewDecoder(bytes.NewReader(encoded))
	d.UseNumber()
	if err := d.Decode(&card); err != nil {
		return nil, err
	}
	addMissing(card, map[string]any{
		"name": "", "description": "", "version": "", "supportedInterfaces": []any{}, "capabilities": map[string]any{},
		"defaultInputModes": []any{}, "defaultOutputModes": []any{}, "skills": []any{},
	})
	skills, _ := card["skills"].([]any)
	for _, skill := range skills {
		if skill, ok := skill.(map[string]any); ok {
			addMissing(skill, map[string]any{"id": "", "name": "", "description": "", "tags": []any{}})
		}
	}
	return json.Marshal(card)
}

func addMissing(object, required map[string]any) {
	for name, empty := range required {
		if _, ok := object[name]; !ok {
			object[name] = empty
		}
	}
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

// plainHost reports whether a Host header is a host and port, and nothing else.
func plainHost(host string) bool {
	u, err := url.Parse("http://" + host)
	return err == nil && host != "" && u.Host == host && u.User == nil && u.Path == "" && u.RawQuery == "" && u.Fragment == ""
}

func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Host
}
