package server

import (
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/gofiber/fiber/v2"

	"github.com/carrelhq/carrel/task"
)

// resource is an address of the HTTP+JSON binding below an agent's base.
type resource struct {
	// pattern is made of segments; "{field}" stands for the value of a field of
	// the request, by its JSON name, and what follows the brace must follow the value.
	pattern string
	// verbs are the names of A2A methods by HTTP method.
	verbs map[string]string
	// streams is set where answers are streams, which HEAD cannot ask about.
	streams bool
	// keepable answers may be kept by who asked for them.
	keepable bool
}

// resources are all of them; the first match counts. Section 11.3. Subscribe
// has a POST in the text and a GET in the proto.
var resources = []resource{
	{pattern: "/message:send", verbs: map[string]string{"POST": "SendMessage"}},
	{pattern: "/message:stream", verbs: map[string]string{"POST": "SendStreamingMessage"}, streams: true},
	{pattern: "/tasks", verbs: map[string]string{"GET": "ListTasks"}},
	{pattern: "/tasks/{id}:cancel", verbs: map[string]string{"POST": "CancelTask"}},
	{pattern: "/tasks/{id}:subscribe", verbs: map[string]string{"GET": "SubscribeToTask", "POST": "SubscribeToTask"}, streams: true},
	{pattern: "/tasks/{id}", verbs: map[string]string{"GET": "GetTask"}},
	{pattern: "/tasks/{taskId}/pushNotificationConfigs", verbs: map[string]string{
		"GET": "ListTaskPushNotificationConfigs", "POST": "CreateTaskPushNotificationConfig",
	}},
	{pattern: "/tasks/{taskId}/pushNotificationConfigs/{id}", verbs: map[string]string{
		"GET": "GetTaskPushNotificationConfig", "DELETE": "DeleteTaskPushNotificationConfig",
	}},
	{pattern: "/extendedAgentCard", verbs: map[string]string{"GET": "GetExtendedAgentCard"}, keepable: true},
}

// pathField is a field of a request that its address holds.
type pathField struct{ name, value string }

// findResource finds what lies at a path below an agent's base, also behind the
// agent's tenant, as clients address an interface that has one: section 4.4.6.
func findResource(ref task.Ref, below string) (resource, []pathField, bool) {
	if r, fields, ok := matchResource(resources, below); ok {
		return r, fields, true
	}
	for _, prefix := range []string{ref.Tenant + "/" + ref.Agent, ref.Tenant + "%2F" + ref.Agent, ref.Tenant + "%2f" + ref.Agent, ref.Tenant} {
		if rest, ok := strings.CutPrefix(below, "/"+prefix); ok && strings.HasPrefix(rest, "/") {
			if r, fields, ok := matchResource(resources, rest); ok {
				return r, fields, true
			}
		}
	}
	return resource{}, nil, false
}

// belowLanding reports whether a path could be a resource of the agent at "/".
func belowLanding(path string) bool {
	if _, _, ok := matchResource(resources03, path); ok {
		return true
	}
	for range 3 { // as it is, behind a tenant, behind tenant and agent
		if _, _, ok := matchResource(resources, path); ok {
			return true
		}
		_, path = cutSegment(path)
	}
	return false
}

func matchResource(among []resource, path string) (resource, []pathField, bool) {
	for _, r := range among {
		if fields, ok := r.match(path); ok {
			return r, fields, true
		}
	}
	return resource{}, nil, false
}

// match reports whether the path is of the resource's pattern, and the fields in it.
func (r resource) match(path string) (fields []pathField, ok bool) {
	pattern := r.pattern
	for pattern != "" && path != "" {
		var want, got string
		want, pattern = cutSegment(pattern)
		got, path = cutSegment(path)
		name, suffix, isField := cutField(want)
		if !isField {
			if got != want {
				return nil, false
			}
			continue
		}
		raw, ends := strings.CutSuffix(got, suffix)
		value, err := url.PathUnescape(raw)
		if !ends || value == "" || err != nil || !utf8.ValidString(value) {
			return nil, false
		}
		fields = append(fields, pathField{name, value})
	}
	return fields, pattern == "" && path == ""
}

// cutSegment cuts the first segment, without its slash, off a path.
func cutSegment(path string) (segment, rest string) {
	path = strings.TrimPrefix(path, "/")
	if i := strings.IndexByte(path, '/'); i >= 0 {
		return path[:i], path[i:]
	}
	return path, ""
}

// cutField takes "{name}suffix" apart.
func cutField(segment string) (name, suffix string, ok bool) {
	inner, ok := strings.CutPrefix(segment, "{")
	if !ok {
		return "", "", false
	}
	name, suffix, _ = strings.Cut(inner, "}")
	return name, suffix, true
}

// verbOf is the HTTP method that answers a request with the given one: HEAD is
// answered like GET, and its body left out on the way.
func verbOf(method string, r resource) string {
	if method == fiber.MethodHead && !r.streams {
		return fiber.MethodGet
	}
	return method
}

// allowed is the resource's Allow header.
func (r resource) allowed() string {
	var methods []string
	for m := range r.verbs {
		methods = append(methods, m)
		if m == fiber.MethodGet && !r.streams {
			methods = append(methods, fiber.MethodHead)
		}
	}
	slices.Sort(methods)
	return strings.Join(append(methods, fiber.MethodOptions), ", ")
}
