package v03

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/a2aproject/a2a-go/v2/a2a"
	"github.com/a2aproject/a2a-go/v2/a2acompat/a2av0"
	"github.com/a2aproject/a2a-go/v2/a2apb/v0/pbjson"
	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"
	"golang.org/x/tools/txtar"
	"google.golang.org/protobuf/proto"
)

// differences are where the official Go module (a2acompat/a2av0, v2.4.0) and this
// package are not of one mind, by what is converted, in what dialect, and to where.
// One that is not found is an error, too.
var differences = []struct{ where, path, why string }{
	{"(write|read) .*", `timestamp$`, "milliseconds are always written, as 1.0 has it; both mean the same"},
	{"write rest", `final$`, "they leave false out, and do not end a stream that asks for input"},
	{"write rest", `\.parts$`, "required, and so never left out"},
	{"write rest", `^task\.artifacts\[0\]\.parts\[[45]\]\.`, "Python's clients read objects only, where they write data of any kind"},
	{"read rest", `^task\.artifacts\[0\]\.parts\[[45]\]\.`, "so theirs reads the object"},
	{"read .*", `^task\.artifacts\[0\]\.parts\[6\]\.(filename|mediaType)$`, "0.3 has neither for text"},
	{"read rest", `referenceTaskIds`, "the proto of 0.3 has none"},
	{"request jsonrpc", `^configuration\.taskPushNotificationConfig\.taskId$`, "the webhook is the task's that the message is for; 1.0 clients do not say it twice either"},
	{"request rest", `^message\.parts\[1\]\.(raw|mediaType)$`, "JavaScript's client encodes bytes once, where they read twice and lose the part"},
}

// TestRepliesAreThoseOfTheOfficialModule compares replies as both write them, and
// lets theirs read ours: what comes out must be the reply.
func TestRepliesAreThoseOfTheOfficialModule(t *testing.T) {
	t.Parallel()
	found := map[string]string{}
	archive, err := txtar.ParseFile("testdata/replies/replies.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range archive.Files {
		for _, d := range []Dialect{JSONRPC, REST} {
			if strings.Contains(f.Name, " as ") || strings.HasPrefix(f.Name, "empty ") {
				continue
			}
			reply := replyNamed(t, f)
			if c, ok := official(reply, d); ok {
				ours := must(Append(nil, reply, d))
				compare(found, "write "+dialects[d], c.write(v1JSON(t, reply)), ours)
				compare(found, "read "+dialects[d], c.read(ours), v1JSON(t, reply))
			}
		}
	}
	requestsOfTheOfficialModule(t, found)
	expect(t, found)
}

// requestsOfTheOfficialModule reads the recorded requests with both.
func requestsOfTheOfficialModule(t *testing.T, found map[string]string) {
	for file, d := range map[string]Dialect{
		"python-jsonrpc": JSONRPC, "js-jsonrpc": JSONRPC, "fasta2a-0.6.1": JSONRPC, "python-rest": REST, "js-rest": REST,
	} {
		archive, err := txtar.ParseFile("testdata/clients/" + file + ".txtar")
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range archive.Files {
			_, name, _ := strings.Cut(f.Name, " ")
			if strings.HasSuffix(f.Name, "1.0") {
				continue
			}
			req, _ := requestNamed(t, name)
			if _, err := Decode(f.Data, req, d); err != nil {
				t.Fatal(err)
			}
			theirs, ok := officialRequest(f.Data, req, d)
			if ok {
				compare(found, "request "+dialects[d], theirs, v1JSON(t, req))
			}
		}
	}
}

func officialRequest(data []byte, req proto.Message, d Dialect) ([]byte, bool) {
	switch req.(type) {
	case *a2apb.SendMessageRequest:
		if d == REST {
			return must(json.Marshal(must(pbjson.FromProtoSendMessageRequest(data)))), true
		}
		return via(data, a2av0.ToV1SendMessageRequest), true
	case *a2apb.TaskPushNotificationConfig:
		if d == REST {
			return nil, false // JavaScript's is none that theirs reads
		}
		return via(data, sure(a2av0.ToV1PushConfig)), true
	case *a2apb.GetTaskRequest:
		return via(data, sure(a2av0.ToV1GetTaskRequest)), true
	case *a2apb.GetTaskPushNotificationConfigRequest:
		return via(data, sure(a2av0.ToV1GetTaskPushConfigRequest)), true
	case *a2apb.DeleteTaskPushNotificationConfigRequest:
		return via(data, sure(a2av0.ToV1DeleteTaskPushConfigRequest)), true
	case *a2apb.ListTaskPushNotificationConfigsRequest:
		return via(data, sure(a2av0.ToV1ListTaskPushConfigRequest)), true
	}
	return nil, false
}

// converter is how theirs writes the JSON of 1.0 in 0.3, and reads it back.
type converter struct{ write, read func([]byte) []byte }

func official(reply proto.Message, d Dialect) (converter, bool) {
	switch reply.(type) {
	case *a2apb.SendMessageResponse, *a2apb.StreamResponse:
		if d == REST {
			return converter{writeRESTEvent, readRESTEvent}, true
		}
		return converter{writeEvent, readEvent}, true
	case *a2apb.TaskPushNotificationConfig:
		if d == REST {
			return converter{
				func(v1 []byte) []byte { return must(pbjson.ToProtoPushConfigResponse(parse[a2a.PushConfig](v1))) },
				func(v03 []byte) []byte {
					return must(json.Marshal(must(pbjson.FromProtoPushConfigResponse(v03))))
				},
			}, true
		}
		return converter{
			func(v1 []byte) []byte {
				return must(json.Marshal(a2av0.FromV1PushConfig(parse[a2a.PushConfig](v1))))
			},
			func(v03 []byte) []byte { return via(v03, sure(a2av0.ToV1PushConfig)) },
		}, true
	}
	return converter{}, false
}

func writeEvent(v1 []byte) []byte {
	return must(json.Marshal(must(a2av0.FromV1Event(parse[a2a.StreamResponse](v1).Event))))
}

func readEvent(v03 []byte) []byte {
	switch parse[struct{ Kind string }](v03).Kind {
	case "task":
		return via(v03, event(a2av0.ToV1Task))
	case "message":
		return via(v03, event(a2av0.ToV1Message))
	case "status-update":
		return via(v03, event(a2av0.ToV1TaskStatusUpdateEvent))
	}
	return via(v03, event(a2av0.ToV1TaskArtifactUpdateEvent))
}

func writeRESTEvent(v1 []byte) []byte {
	return must(pbjson.ToProtoStreamEvent(parse[a2a.StreamResponse](v1).Event))
}

func readRESTEvent(v03 []byte) []byte {
	return must(json.Marshal(a2a.StreamResponse{Event: must(pbjson.FromProtoStreamEvent(v03))}))
}

// via reads 0.3 by way of a type of the module's first version, which only the
// signature of convert names, and returns the JSON of 1.0.
func via[L, V any](v03 []byte, convert func(*L) (V, error)) []byte {
	return must(json.Marshal(must(convert(parse[L](v03)))))
}

// event wraps what convert returns.
func event[L any, E a2a.Event](convert func(*L) (E, error)) func(*L) (a2a.StreamResponse, error) {
	return func(l *L) (a2a.StreamResponse, error) {
		e, err := convert(l)
		return a2a.StreamResponse{Event: e}, err
	}
}

func sure[A, B any](f func(A) B) func(A) (B, error) {
	return func(a A) (B, error) { return f(a), nil }
}

func parse[V any](data []byte) *V {
	v := new(V)
	if err := json.Unmarshal(data, v); err != nil {
		panic(fmt.Errorf("%w in %s", err, data))
	}
	return v
}

func must[V any](v V, err error) V {
	if err != nil {
		panic(err)
	}
	return v
}

// compare notes, by where they are, the leaves that two JSON texts have not in common.
func compare(found map[string]string, where string, theirs, ours []byte) {
	a, b := map[string]string{}, map[string]string{}
	leaves(a, "", *parse[any](theirs))
	leaves(b, "", *parse[any](ours))
	for path := range a {
		if _, both := b[path]; !both {
			b[path] = "nothing"
		}
	}
	for path, our := range b {
		if their, both := a[path]; !both || their != our {
			found[where+": "+path] = fmt.Sprintf("theirs %s, ours %s", their, our)
		}
	}
}

func leaves(list map[string]string, path string, tree any) {
	switch tree := tree.(type) {
	case map[string]any:
		for name, v := range tree {
			leaves(list, strings.TrimPrefix(path+"."+name, "."), v)
		}
	case []any:
		if len(tree) == 0 {
			list[path] = "[]"
		}
		for i, v := range tree {
			leaves(list, fmt.Sprintf("%s[%d]", path, i), v)
		}
	case nil:
	default:
		if tree != "" { // theirs writes empty text that is not required
			list[path] = fmt.Sprintf("%#v", tree)
		}
	}
}

// expect holds what was found against what is known.
func expect(t *testing.T, found map[string]string) {
	used := make([]bool, len(differences))
	for _, at := range slices.Sorted(maps.Keys(found)) {
		known := false
		for i, d := range differences {
			where, path, _ := strings.Cut(at, ": ")
			if regexp.MustCompile("^"+d.where+"$").MatchString(where) && regexp.MustCompile(d.path).MatchString(path) {
				used[i], known = true, true
			}
		}
		if !known {
			t.Errorf("%s: %s", at, found[at])
		}
	}
	for i, d := range differences {
		if !used[i] {
			t.Errorf("they are of our mind now: %s %s", d.where, d.path)
		}
	}
}
