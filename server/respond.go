package server

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/carrelhq/carrel/task"
)

const (
	typeJSON    = "application/json"
	typeA2A     = "application/a2a+json"
	typeProblem = "application/problem+json"
	typeEvents  = "text/event-stream"
	typeKeys    = "application/jwk-set+json"
	typeLinkset = "application/linkset+json"
	// typeCatalog is the profile of RFC 9727.
	typeCatalog = typeLinkset + `; profile="https://www.rfc-editor.org/info/rfc9727"`

	// retryAfter is when a request that came at a bad time may do better.
	retryAfter = 5 * time.Second
)

// fail answers with an error, in the form of the route it happened on.
func (s *Server) fail(x *exchange, err error) error {
	w, known := onWire(err)
	if !known {
		s.opts.Logger.Error("request failed", "route", x.route, "method", x.c.Method(), "error", err)
	}
	status := w.http
	switch {
	case x.route == routeRPC:
		if !w.transport {
			status = fiber.StatusOK
		}
		x.json(status, typeJSON, x.rpcError(w, err))
	case strings.HasPrefix(x.c.Path(), apiPrefix):
		x.json(status, typeProblem, marshal(newProblem(w, err)))
	default:
		x.json(status, x.media, x.restError(w, err))
	}
	x.advise(status)
	return nil
}

func (x *exchange) rpcError(w wire, err error) []byte {
	if x.in03 {
		return appendRPCError03(nil, x.rpcID, w, err)
	}
	return appendRPCError(nil, x.rpcID, w, err)
}

func (x *exchange) restError(w wire, err error) []byte {
	if x.in03 {
		return marshal(newStatus03(w, err))
	}
	return marshal(newStatus(w, err))
}

// advise adds the header fields that tell what to do about a status.
func (x *exchange) advise(status int) {
	switch status {
	case fiber.StatusUnauthorized:
		x.set(fiber.HeaderWWWAuthenticate, challenge)
	case fiber.StatusTooManyRequests, fiber.StatusServiceUnavailable:
		x.retryLater()
	}
}

func (x *exchange) retryLater() {
	x.set(fiber.HeaderRetryAfter, strconv.Itoa(int(retryAfter.Seconds())))
}

// json answers with a JSON body, which it keeps.
func (x *exchange) json(status int, contentType string, body []byte) {
	x.c.Status(status)
	x.set(fiber.HeaderContentType, contentType)
	x.send(body)
}

// handleError answers what Fiber and fasthttp refuse before a handler runs.
func (s *Server) handleError(c *fiber.Ctx, err error) error {
	x := &exchange{c: c, ctx: s.base, media: typeJSON, route: routeUnknown}
	var f *fiber.Error
	switch {
	case !errors.As(err, &f):
	case f.Code == fiber.StatusNotFound:
		err = errNotFound
	case f.Code == fiber.StatusMethodNotAllowed:
		err = errMethodNotAllowed
	case f.Code == fiber.StatusRequestHeaderFieldsTooLarge:
		err = errHeadersTooLarge
		lingering(c.Context().Conn()) // the sender may not be done yet
	case f.Code == fiber.StatusRequestTimeout:
		err = errSlow
	default:
		err = errMalformed
	}
	s.secure(x)
	return s.fail(x, err)
}

// secure sets the header fields every answer has. What says nothing else of its
// own is no page.
func (s *Server) secure(x *exchange) {
	h := &x.c.Response().Header
	h.Set("X-Content-Type-Options", "nosniff")
	if len(h.Peek(fiber.HeaderContentSecurityPolicy)) == 0 {
		h.Set(fiber.HeaderContentSecurityPolicy, "default-src 'none'; frame-ancestors 'none'")
	}
	h.Set("Referrer-Policy", "no-referrer")
	if len(h.Peek(fiber.HeaderCacheControl)) == 0 {
		h.Set(fiber.HeaderCacheControl, "no-store")
	}
	if s.certs != nil {
		h.Set("Strict-Transport-Security", "max-age=31536000")
	}
}

// detail is one element of an error's details, as google.rpc defines them.
type detail struct {
	Type       string            `json:"@type"`
	Reason     string            `json:"reason,omitempty"`
	Domain     string            `json:"domain,omitempty"`
	Metadata   map[string]string `json:"metadata,omitempty"`
	Violations []violation       `json:"fieldViolations,omitempty"`
}

type violation struct {
	Field       string `json:"field"`
	Description string `json:"description"`
}

func details(w wire, err error) []detail {
	list := []detail{{Type: "type.googleapis.com/google.rpc.ErrorInfo", Reason: w.reason, Domain: "a2a-protocol.org"}}
	var bad []violation
	for _, f := range task.Fields(err) {
		bad = append(bad, violation{f.Field, f.Problem})
	}
	if len(bad) > 0 {
		list = append(list, detail{Type: "type.googleapis.com/google.rpc.BadRequest", Violations: bad})
	}
	return list
}

// statusBody is the error body of the HTTP binding (AIP-193).
type statusBody struct {
	Error struct {
		Code    int      `json:"code"`
		Status  string   `json:"status"`
		Message string   `json:"message"`
		Details []detail `json:"details"`
	} `json:"error"`
}

func newStatus(w wire, err error) statusBody {
	var b statusBody
	b.Error.Code, b.Error.Status = w.http, w.status
	b.Error.Message, b.Error.Details = w.text(err), details(w, err)
	return b
}

// marshal encodes what cannot fail to encode.
func marshal(v any) []byte {
	data, err := json.Marshal(v)
	if err != nil {
		return []byte("{}")
	}
	return data
}
