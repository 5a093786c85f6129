package server

import (
	"cmp"
	"slices"
	"strings"
	"sync"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"
	"github.com/danielgtaylor/huma/v2"
	"github.com/gofiber/fiber/v2"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/carrelhq/carrel/agent"
	"github.com/carrelhq/carrel/task"
)

// a2aVersion is the version of the protocol that the document describes.
const a2aVersion = "1.0"

// serveOpenAPI describes an agent's HTTP+JSON binding in OpenAPI 3.1, to whom may
// read its card.
func (s *Server) serveOpenAPI(x *exchange, ref task.Ref) error {
	a, err := s.admitReader(x, ref)
	if err != nil {
		return err
	}
	return s.readOnly(x, func(x *exchange) error { return s.sendOpenAPI(x, a) })
}

func (s *Server) sendOpenAPI(x *exchange, a agent.Agent) error {
	description := a.Description()
	own := marshal(map[string]any{
		"info": huma.Info{
			Title: cmp.Or(description.Name, a.Name) + " over A2A", Version: a2aVersion, Description: description.Description,
		},
		"servers": []huma.Server{{URL: s.door(x).agent(a.Tenant, a.Name)}},
	})
	body := slices.Concat(own[:len(own)-1], []byte(","), restMembers()[1:])
	x.set(fiber.HeaderCacheControl, "no-cache")
	x.json(fiber.StatusOK, typeJSON, body)
	return nil
}

// restMembers is restDocument in JSON, encoded once: it takes milliseconds, and
// anyone may ask for it.
var restMembers = sync.OnceValue(func() []byte {
	doc := restDocument()
	return marshal(map[string]any{
		"openapi": doc.OpenAPI, "paths": doc.Paths, "components": doc.Components, "security": doc.Security,
	})
})

// restDocument is what is the same for all agents. It follows from the table of
// resources and the protocol's own types, and is not to be changed.
var restDocument = sync.OnceValue(func() *huma.OpenAPI {
	schemas := schemasOf{}
	service := a2apb.File_a2av1_proto.Services().ByName("A2AService").Methods()
	paths := map[string]*huma.PathItem{}
	for _, r := range resources {
		item := &huma.PathItem{}
		for verb, name := range r.verbs {
			operation := schemas.operation(r, verb, service.ByName(protoreflect.Name(name)))
			switch verb {
			case fiber.MethodGet:
				item.Get = operation
			case fiber.MethodPost:
				item.Post = operation
			case fiber.MethodDelete:
				item.Delete = operation
			}
		}
		paths[r.pattern] = item
	}
	registry := huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer)
	for name, schema := range schemas {
		registry.Map()[name] = schema
	}
	return &huma.OpenAPI{
		OpenAPI: "3.1.0",
		Paths:   paths,
		Components: &huma.Components{
			Schemas:         registry,
			SecuritySchemes: map[string]*huma.SecurityScheme{"bearer": {Type: "http", Scheme: "bearer"}},
		},
		Security: []map[string][]string{{}, {"bearer": {}}}, // public agents need no key
	}
})

// operation describes what a verb does at a resource.
func (s schemasOf) operation(r resource, verb string, m protoreflect.MethodDescriptor) *huma.Operation {
	o := &huma.Operation{
		OperationID: string(m.Name()),
		Parameters: []*huma.Param{
			{Name: "A2A-Version", In: "header", Required: true, Schema: &huma.Schema{Type: "string", Enum: []any{a2aVersion}}},
			{Name: "A2A-Extensions", In: "header", Description: "URIs of extensions, separated by commas", Schema: textSchema()},
		},
		Responses: map[string]*huma.Response{"default": {
			Description: "an error", Content: contents(s.failure(), typeA2A, typeJSON),
		}},
	}
	if m.Input().Fields().ByName("message") != nil {
		o.Parameters = append(o.Parameters, onceParam())
	}
	if r.streams && verb == fiber.MethodGet {
		o.OperationID += "ByGet" // an id names one operation
	}
	inPath := map[string]bool{}
	for segment := range strings.SplitSeq(r.pattern, "/") {
		if name, _, ok := cutField(segment); ok {
			inPath[name] = true
			o.Parameters = append(o.Parameters, &huma.Param{Name: name, In: "path", Required: true, Schema: textSchema()})
		}
	}
	o.Responses["200"] = s.answer(m)
	if verb == fiber.MethodPost {
		o.RequestBody = s.requestBody(m.Input(), inPath)
	} else {
		o.Parameters = append(o.Parameters, s.query(m.Input(), inPath)...)
	}
	if r.streams {
		o.Parameters = append(o.Parameters, &huma.Param{Name: "Last-Event-ID", In: "header", Description: "the last event that was seen, to go on after it", Schema: textSchema()})
	}
	return o
}

func onceParam() *huma.Param {
	most := task.MaxOnceKey
	return &huma.Param{
		Name: headerOnce, In: "header", Description: "a message that is sent again under the same key gets what came of it first",
		Schema: &huma.Schema{Type: "string", Pattern: "^[!#-~][!-~]*$", MaxLength: &most},
	}
}

func (s schemasOf) answer(m protoreflect.MethodDescriptor) *huma.Response {
	output := s.message(m.Output())
	if m.IsStreamingServer() {
		return &huma.Response{Description: "events, each a " + string(m.Output().Name()) + " as JSON", Content: contents(s.event(output), typeEvents)}
	}
	r := &huma.Response{Description: string(m.Output().Name()), Content: contents(output, typeA2A, typeJSON)}
	if m.Name() == "SendMessage" {
		r.Links = taskLinks()
	}
	return r
}

// taskLinks lead from a message to what can be asked about its task.
func taskLinks() map[string]*huma.Link {
	links := map[string]*huma.Link{}
	for _, r := range resources {
		for verb, name := range r.verbs {
			if _, params, _ := strings.Cut(r.pattern, "{"); params != "" && !(r.streams && verb == fiber.MethodGet) {
				field, _, _ := strings.Cut(params, "}")
				links[name] = &huma.Link{OperationID: name, Parameters: map[string]any{field: "$response.body#/task/id"}}
			}
		}
	}
	return links
}

// requestBody is a message without the fields that are in the path.
func (s schemasOf) requestBody(input protoreflect.MessageDescriptor, inPath map[string]bool) *huma.RequestBody {
	schema := s.object(input, func(f protoreflect.FieldDescriptor) bool { return !inPath[f.JSONName()] })
	return &huma.RequestBody{Required: len(schema.Required) > 0, Content: contents(schema, typeJSON, typeA2A)}
}

// query is a message's fields that fit into a query.
func (s schemasOf) query(input protoreflect.MessageDescriptor, inPath map[string]bool) (params []*huma.Param) {
	for i := range input.Fields().Len() {
		f := input.Fields().Get(i)
		if !inPath[f.JSONName()] && queryField(input, f.JSONName()) != nil {
			params = append(params, &huma.Param{Name: f.JSONName(), In: "query", Schema: s.field(f)})
		}
	}
	return params
}

func contents(schema *huma.Schema, types ...string) map[string]*huma.MediaType {
	content := map[string]*huma.MediaType{}
	for _, t := range types {
		content[t] = &huma.MediaType{Schema: schema}
	}
	return content
}
