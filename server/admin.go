package server

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humafiber"
	"github.com/gofiber/fiber/v2"

	"github.com/carrelhq/carrel/tenant"
)

// managedTasks, agents and keys are what A2A and the admin API need together.
type (
	managedTasks interface {
		tasks
		taskAdmin
		blobs
	}
	agents interface {
		directory
		agentAdmin
	}
	keys interface {
		authenticator
		keyAdmin
	}
)

const (
	openAPIPath = "/api/openapi"
	adminPrefix = "/api/v1"
)

// newAPI declares the admin API. The operations are huma's: it decodes, checks
// and documents them. Bodies that stream are routes of their own.
func (s *Server) newAPI() huma.API {
	config := huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info:    &huma.Info{Title: "carrel admin API", Version: s.opts.Version, Description: apiDescription},
			Components: &huma.Components{
				Schemas:         huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer),
				SecuritySchemes: map[string]*huma.SecurityScheme{"key": {Type: "http", Scheme: "bearer"}},
			},
			Security: []map[string][]string{{"key": {}}},
		},
		OpenAPIPath:   openAPIPath,
		Formats:       map[string]huma.Format{"application/json": huma.DefaultJSONFormat, "json": huma.DefaultJSONFormat},
		DefaultFormat: "application/json",
	}
	api := humafiber.New(s.app, config)
	s.registerServer(api)
	s.registerAgents(api)
	s.registerTasks(api)
	s.registerKeys(api)
	s.registerCardKeys(api)
	s.registerStreams(api)
	return api
}

const apiDescription = `Manages agents, tasks and keys. Every call wants a bearer key: a tenant's for what lies
under /tenants/{tenant}, the operator's for everything. What another tenant owns is answered like what is not there.
Errors are RFC 9457 problems.`

// OpenAPI returns the admin API's OpenAPI document as JSON.
func (s *Server) OpenAPI() []byte { return marshal(s.api.OpenAPI()) }

// principalKey is the context key of the authenticated caller.
type principalKey struct{}

// serveAPI decides who may come in, once for all routes, and hands the request
// on: to a stream, or with its body read to the route that Fiber finds.
func (s *Server) serveAPI(x *exchange) error {
	if err := s.checkOrigin(x); err != nil {
		return err
	}
	segments := strings.Split(strings.TrimPrefix(x.c.Path(), "/"), "/")
	if !strings.HasPrefix(x.c.Path(), openAPIPath) {
		if err := s.admitAdmin(x, segments); err != nil {
			return err
		}
	}
	if serve := s.streamRoute(x, segments); serve != nil {
		return serve(x)
	}
	data, err := x.body.all(min(s.opts.MaxBody, maxAdminBody))
	if err != nil {
		return err
	}
	if len(data) > 0 {
		x.c.Request().SetBodyStream(bytes.NewReader(data), len(data))
	}
	x.c.SetUserContext(x.ctx)
	if err := x.c.Next(); err != nil {
		return routingError(err)
	}
	x.route = braced(x.c.Route().Path)
	if x.held.held > 0 {
		x.send(bytes.Clone(x.c.Response().Body())) // the buffer is fasthttp's
	}
	return nil
}

// braced writes a pattern of Fiber's as the routes here are written.
func braced(pattern string) string {
	segments := strings.Split(pattern, "/")
	for i, s := range segments {
		if name, ok := strings.CutPrefix(s, ":"); ok {
			segments[i] = "{" + name + "}"
		}
	}
	return strings.Join(segments, "/")
}

// admitAdmin lets a tenant's key in to what lies under its tenant, and the
// operator's everywhere. Another tenant is not there.
func (s *Server) admitAdmin(x *exchange, segments []string) error {
	p, err := s.principal(x)
	if err != nil {
		return err
	}
	x.ctx = s.reading(context.WithValue(x.ctx, principalKey{}, p), &x.held, partyOf(p))
	switch {
	case len(segments) > 3 && segments[2] == "tenants":
		if !tenant.ValidName(segments[3]) || !p.May(segments[3]) {
			return errNotFound
		}
	case x.c.Path() == adminPrefix+"/server":
	case !p.Operator:
		return errForbidden
	}
	return nil
}

// routingError maps what Fiber's router answers.
func routingError(err error) error {
	var f *fiber.Error
	switch {
	case errors.As(err, &f) && f.Code == fiber.StatusNotFound:
		return errNotFound
	case errors.As(err, &f) && f.Code == fiber.StatusMethodNotAllowed:
		return errMethodNotAllowed
	}
	return err
}

// problem makes a handler's error one that huma writes, and logs the internal ones.
func (s *Server) problem(err error) error {
	w, known := onWire(err)
	if !known {
		s.opts.Logger.Error("admin request failed", "error", err)
	}
	return newProblem(w, err)
}

// page is a list: next is what to ask for after it, empty on the last page.
type page[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next,omitempty"`
}

// listed is the reply of a list.
type listed[T any] struct{ Body page[T] }

func newListed[T any](items []T, next string) *listed[T] {
	if items == nil {
		items = []T{}
	}
	return &listed[T]{page[T]{items, next}}
}

// one is the reply that holds one thing.
type one[T any] struct{ Body T }

// route declares an operation of the admin API.
func route[I, O any](s *Server, api huma.API, op huma.Operation, handle func(context.Context, *I) (*O, error)) {
	op.Path = adminPrefix + op.Path
	op.Errors = []int{400, 401, 403, 404, 413, 429, 500}
	op.Security = []map[string][]string{{"key": {}}}
	huma.Register(api, op, func(ctx context.Context, in *I) (*O, error) {
		out, err := handle(ctx, in)
		if err != nil {
			return nil, s.problem(err)
		}
		return out, nil
	})
}

// serverInfo is what a server says of itself, and of the key it was asked with.
type serverInfo struct {
	Version  string `json:"version" doc:"What the server says it is"`
	Dev      bool   `json:"dev" doc:"Whether it asks for no key"`
	Ready    bool   `json:"ready" doc:"Whether it takes work"`
	Tenant   string `json:"tenant,omitempty" doc:"The tenant of the key"`
	Operator bool   `json:"operator" doc:"Whether the key is the operator's"`
}

func (s *Server) registerServer(api huma.API) {
	route(s, api, huma.Operation{
		OperationID: "server-info", Method: http.MethodGet, Path: "/server", Summary: "The server, and whose key asks", Tags: []string{"server"},
	}, func(ctx context.Context, _ *struct{}) (*one[serverInfo], error) {
		p, _ := ctx.Value(principalKey{}).(tenant.Principal)
		return &one[serverInfo]{serverInfo{s.opts.Version, s.opts.Dev, s.ready(ctx) == nil, p.Tenant, p.Operator}}, nil
	})
}
