package server

import (
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"
)

const (
	corsMethods = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"
	corsHeaders = "Accept, A2A-Extensions, A2A-Version, Authorization, Content-Type, Idempotency-Key, If-None-Match, If-Range, Last-Event-ID, Range, Traceparent, X-A2A-Extensions"
	corsExposed = "A2A-Extensions, Content-Disposition, Content-Range, ETag, Last-Modified, Retry-After, WWW-Authenticate, X-A2A-Extensions"
	corsMaxAge  = "86400"
)

// origins are the browser origins that may call.
type origins struct {
	any   bool
	named []string
}

func newOrigins(list []string) *origins {
	return &origins{any: slices.Contains(list, "*"), named: list}
}

// cors adds what a browser needs to hear, and reports whether that is all the
// answer: the request asked for permission only. Pages of any origin may call
// agents where "*" allows it; the admin API obeys named origins only, or any
// page a developer looks at could rule a server that asks for no key.
func (s *Server) cors(x *exchange, path string) (answered bool) {
	origin := x.header(fiber.HeaderOrigin)
	named := slices.Contains(s.origins.named, origin)
	anyone := s.origins.any && !strings.HasPrefix(path, apiPrefix)
	if !anyone {
		x.vary(fiber.HeaderOrigin)
	}
	if origin == "" || !anyone && !named {
		return false
	}
	if anyone {
		origin = "*"
	}
	x.set(fiber.HeaderAccessControlAllowOrigin, origin)
	x.set(fiber.HeaderAccessControlExposeHeaders, corsExposed)
	if x.c.Method() != fiber.MethodOptions || x.header(fiber.HeaderAccessControlRequestMethod) == "" {
		return false
	}
	x.set(fiber.HeaderAccessControlAllowMethods, corsMethods)
	x.set(fiber.HeaderAccessControlAllowHeaders, corsHeaders)
	x.set(fiber.HeaderAccessControlMaxAge, corsMaxAge)
	x.c.Status(fiber.StatusNoContent)
	return true
}

// checkOrigin refuses what a page of a strange origin sends to the admin API. A
// browser sends some requests without asking first, and a development server
// would take them at their word; what is no browser sends no origin.
func (s *Server) checkOrigin(x *exchange) error {
	origin := x.header(fiber.HeaderOrigin)
	if origin == "" || origin == s.baseURL(x) || slices.Contains(s.origins.named, origin) {
		return nil
	}
	return errOrigin
}
