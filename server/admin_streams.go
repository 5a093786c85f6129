package server

import (
	"encoding/json"
	"net/http"
	"reflect"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gofiber/fiber/v2"

	"github.com/carrelhq/carrel/agent"
	"github.com/carrelhq/carrel/task"
	"github.com/carrelhq/carrel/tenant"
)

// Routes whose bodies stream, in or out: huma would hold them in memory.
const (
	routeUpload = adminPrefix + "/tenants/{tenant}/agents/{agent}"
	routeLog    = adminPrefix + "/tenants/{tenant}/agents/{agent}/tasks/{task}/log"
	routeBackup = adminPrefix + "/backup"

	typeWasm   = "application/wasm"
	typeNDJSON = "application/x-ndjson"
)

// streamRoute returns what serves a route whose body streams, nil for others.
// The segments are those of the path, and the caller may use the route.
func (s *Server) streamRoute(x *exchange, segments []string) func(*exchange) error {
	method := x.c.Method()
	switch {
	case method == fiber.MethodPut && matches(segments, routeUpload):
		x.route = routeUpload
		return func(x *exchange) error { return s.serveUpload(x, segments[3], segments[5]) }
	case method == fiber.MethodGet && matches(segments, routeLog):
		x.route = routeLog
		return func(x *exchange) error {
			return s.serveLog(x, task.Ref{Tenant: segments[3], Agent: segments[5]}, segments[7])
		}
	case method == fiber.MethodGet && s.opts.Backup != nil && matches(segments, routeBackup):
		x.route = routeBackup
		return s.serveBackup
	}
	return nil
}

func matches(segments []string, pattern string) bool {
	want := strings.Split(strings.TrimPrefix(pattern, "/"), "/")
	if len(want) != len(segments) {
		return false
	}
	for i, w := range want {
		if w != segments[i] && (w[0] != '{' || segments[i] == "") {
			return false
		}
	}
	return true
}

// serveUpload makes a new current version of the module in the body.
func (s *Server) serveUpload(x *exchange, owner, name string) error {
	if media, _, _ := strings.Cut(x.header(fiber.HeaderContentType), ";"); strings.TrimSpace(media) != typeWasm {
		return refuse(errMediaType, "the Content-Type must be application/wasm")
	}
	if err := x.checkEncoding(errMediaType); err != nil {
		return err
	}
	if !tenant.ValidName(name) {
		return badField("path.agent", "must be 1 to 63 of a-z, 0-9 and -, not starting with -")
	}
	opts := agent.PushOptions{Visibility: agent.Visibility(x.c.Query("visibility")), Digest: x.c.Query("digest")}
	switch opts.Visibility {
	case "", agent.Public, agent.CardOnly, agent.Private:
	default:
		return badField("query.visibility", "must be public, card or private")
	}
	if x.body.length > s.opts.MaxModule {
		return tooLarge(s.opts.MaxModule)
	}
	x.body.pace = s.opts.timing.read
	a, err := s.parts.agents.Push(x.ctx, owner, name, x.body, opts)
	if err != nil {
		return err
	}
	x.json(fiber.StatusOK, typeJSON, marshal(a))
	return nil
}

// serveLog answers with the task's log lines, one JSON object in a line. With
// follow the answer goes on until the task is finished, and an empty line says
// now and then that it still does.
func (s *Server) serveLog(x *exchange, ref task.Ref, id string) error {
	follow := x.c.QueryBool("follow")
	after, err := strconv.ParseUint(x.c.Query("after", "0"), 10, 64)
	if err != nil {
		return badField("query.after", "must be the number of a line")
	}
	none := int32(0)
	if _, err := s.parts.tasks.Get(x.ctx, ref, id, &none); err != nil {
		return err
	}
	p, _ := x.ctx.Value(principalKey{}).(tenant.Principal)
	place := loan{of: s.streams, who: partyOf(p)}
	if !place.grow(1) {
		return errTooManyStreams
	}
	x.c.Status(fiber.StatusOK)
	x.set(fiber.HeaderContentType, typeNDJSON)
	x.c.Response().ImmediateHeaderFlush = follow
	x.c.Response().SetBodyStream(s.newLines(x, place, ref, id, after, follow), -1)
	return nil
}

// registerStreams documents the routes that huma does not serve.
func (s *Server) registerStreams(api huma.API) {
	doc := api.OpenAPI()
	binary := &huma.Schema{Type: "string", Format: "binary"}
	agentParams := []*huma.Param{pathParam("tenant"), pathParam("agent")}
	doc.AddOperation(&huma.Operation{
		OperationID: "push-agent", Method: http.MethodPut, Path: routeUpload, Tags: []string{"agents"},
		Summary:     "Upload a module as the agent's current version",
		Parameters:  append(agentParams, queryParam("visibility", "Who may see and call the agent", "string"), queryParam("digest", "The SHA-256 that the module must have", "string")),
		RequestBody: &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{typeWasm: {Schema: binary}}},
		Responses:   responses("200", "The agent with its new version", typeJSON, schemaOf[agent.Agent](api), schemaOf[problem](api)),
	})
	doc.AddOperation(&huma.Operation{
		OperationID: "read-log", Method: http.MethodGet, Path: routeLog, Tags: []string{"tasks"},
		Summary:    "A task's log, one JSON object in a line; empty lines keep the connection alive",
		Parameters: append(agentParams, pathParam("task"), queryParam("follow", "Wait for more until the task is finished", "boolean"), queryParam("after", "The number of the last line seen", "integer")),
		Responses:  responses("200", "Log lines", typeNDJSON, schemaOf[task.LogLine](api), schemaOf[problem](api)),
	})
	if s.opts.Backup == nil {
		return
	}
	doc.AddOperation(&huma.Operation{
		OperationID: "backup", Method: http.MethodGet, Path: routeBackup, Tags: []string{"server"},
		Summary:   "A backup of the store; the operator's key is needed",
		Responses: responses("200", "The backup", fiber.MIMEOctetStream, binary, schemaOf[problem](api)),
	})
}

func schemaOf[T any](api huma.API) *huma.Schema {
	return huma.SchemaFromType(api.OpenAPI().Components.Schemas, reflect.TypeFor[T]())
}

func pathParam(name string) *huma.Param {
	return &huma.Param{Name: name, In: "path", Required: true, Schema: &huma.Schema{Type: "string"}}
}

func queryParam(name, doc, kind string) *huma.Param {
	return &huma.Param{Name: name, In: "query", Description: doc, Schema: &huma.Schema{Type: kind}}
}

func responses(status, doc, media string, ok, refused *huma.Schema) map[string]*huma.Response {
	return map[string]*huma.Response{
		status:    {Description: doc, Content: map[string]*huma.MediaType{media: {Schema: ok}}},
		"default": {Description: "A problem", Content: map[string]*huma.MediaType{typeProblem: {Schema: refused}}},
	}
}

// appendLine encodes a log line and its line end.
func appendLine(dst []byte, line task.LogLine) ([]byte, error) {
	encoded, err := json.Marshal(line)
	return append(append(dst, encoded...), '\n'), err
}
