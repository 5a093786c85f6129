package server

import (
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"
	"google.golang.org/protobuf/proto"

	"github.com/carrelhq/carrel/server/v03"
	"github.com/carrelhq/carrel/task"
)

// resources03 are the addresses of the HTTP+JSON binding of 0.3.
var resources03 = func() (list []resource) {
	for _, r := range v03.Resources() {
		list = append(list, resource{pattern: r.Pattern, verbs: r.Verbs, streams: r.Streams})
	}
	return list
}()

// findResource03 finds what lies at a path in 0.3. Who asks for 1.0 there means
// the agent of a tenant that is called v1.
func findResource03(x *exchange, below string) (resource, []pathField, bool) {
	if majorMinor(x.version()) == a2aVersion {
		return resource{}, nil, false
	}
	return matchResource(resources03, below)
}

// serveREST03 serves the HTTP+JSON binding of 0.3. Its clients want plain JSON.
func (s *Server) serveREST03(x *exchange, ref task.Ref, route resource, fields []pathField) error {
	x.media, x.route, x.in03 = typeJSON, routeRPC+route.pattern, true
	name := route.verbs[verbOf(x.c.Method(), route)]
	if name == "" {
		if _, err := s.admitReader(x, ref); err != nil {
			return err
		}
		return s.allow(x, route.allowed())
	}
	by, err := s.admitCaller(x, ref)
	if err != nil {
		return err
	}
	if version := x.version(); version != "" && majorMinor(version) != v03.Version {
		return refuse(errVersion, "the addresses below /v1 are those of 0.3")
	}
	if err := x.speak03(&by); err != nil {
		return err
	}
	if err := x.negotiate(by); err != nil {
		return err
	}
	t := &translation{v03.REST, restDialect(x)}
	asked, err := s.readREST(x, fields, restDecoder{t.decode, decodeQuery03, errMediaType})
	if err != nil {
		return err
	}
	asked.append = t.append
	asked.framing = framing{
		encode:   t.show,
		fail:     func(w wire, err error) []byte { return marshal(newStatus03(w, err)) },
		failHead: "event: error\n", // JavaScript's client knows errors by their name
	}
	return s.answerREST(x, by, s.methods[name], asked)
}

// restDialect tells the client for JavaScript, which decodes the bytes of files once,
// from the others, which do so twice: by a field that fetch adds, or the name of
// an engine whose fetch does not.
func restDialect(x *exchange) v03.Dialect {
	engine, _, _ := strings.Cut(x.header(fiber.HeaderUserAgent), "/")
	if x.header("Sec-Fetch-Mode") != "" || slices.Contains([]string{"node", "Bun", "Deno"}, engine) {
		return v03.RESTOnce
	}
	return v03.REST
}

// inPath03 are parameters that Python's client repeats from the path, where the
// ids of a task and of its config have each other's names.
var inPath03 = []string{"id", "taskId", "task_id", "pushNotificationConfigId", "push_notification_config_id"}

// decodeQuery03 reads query parameters as 1.0 does, and the states of 0.3.
func decodeQuery03(query string, req proto.Message) error {
	params, err := url.ParseQuery(query)
	if err != nil {
		return badField("query", "is not properly encoded")
	}
	maps.DeleteFunc(params, func(name string, _ []string) bool { return slices.Contains(inPath03, name) })
	for i, word := range params["status"] {
		if state, ok := v03.ParseState(word); ok {
			params["status"][i] = state.String()
		}
	}
	return decodeQuery(params.Encode(), req)
}
