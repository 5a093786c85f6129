package v03

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

var update = flag.Bool("update", false, "rewrite what follows from others in testdata")

// requests are the requests of the 1.0 methods that 0.3 has.
var requests = map[string]proto.Message{
	"SendMessage":                      &a2apb.SendMessageRequest{},
	"SendStreamingMessage":             &a2apb.SendMessageRequest{},
	"GetTask":                          &a2apb.GetTaskRequest{},
	"CancelTask":                       &a2apb.CancelTaskRequest{},
	"SubscribeToTask":                  &a2apb.SubscribeToTaskRequest{},
	"CreateTaskPushNotificationConfig": &a2apb.TaskPushNotificationConfig{},
	"GetTaskPushNotificationConfig":    &a2apb.GetTaskPushNotificationConfigRequest{},
	"ListTaskPushNotificationConfigs":  &a2apb.ListTaskPushNotificationConfigsRequest{},
	"DeleteTaskPushNotificationConfig": &a2apb.DeleteTaskPushNotificationConfigRequest{},
	"GetExtendedAgentCard":             &a2apb.GetExtendedAgentCardRequest{},
}

var dialects = map[Dialect]string{JSONRPC: "jsonrpc", REST: "rest", FastA2A: "fasta2a", EitherFastA2A: "either fasta2a", RESTOnce: "rest once"}

// TestRecordedRequests decodes what real clients send. The files in testdata/clients
// hold requests under the names that the client gives them, and after each what it
// is in 1.0, after the dialect to answer in.
func TestRecordedRequests(t *testing.T) {
	t.Parallel()
	eachArchive(t, "testdata/clients/*.txtar", func(t *testing.T, archive *txtar.Archive) *txtar.Archive {
		got := &txtar.Archive{Comment: archive.Comment}
		for _, f := range archive.Files {
			if strings.HasSuffix(f.Name, "1.0") {
				continue
			}
			_, name, _ := strings.Cut(f.Name, " ")
			req, binding := requestNamed(t, name)
			dialect, err := Decode(f.Data, req, binding)
			if err != nil {
				t.Errorf("%s: %v", f.Name, err)
			}
			decoded := append([]byte(dialects[dialect]+"\n"), indent(t, v1JSON(t, req))...)
			got.Files = append(got.Files, f, txtar.File{Name: f.Name + " in 1.0", Data: decoded})
		}
		return got
	})
}

// requestNamed returns an empty request for a JSON-RPC method, or an HTTP method and path.
func requestNamed(t *testing.T, name string) (proto.Message, Dialect) {
	t.Helper()
	if verb, path, ok := strings.Cut(name, " "); ok {
		for _, r := range Resources() {
			if pattern := strings.NewReplacer("{id}", "t-1", "{taskId}", "t-1").Replace(r.Pattern); pattern == path {
				return proto.Clone(requests[r.Verbs[verb]]), REST
			}
		}
	}
	v1, ok := Method(name)
	if !ok {
		t.Fatalf("no request is called %q", name)
	}
	return proto.Clone(requests[v1]), JSONRPC
}

// eachArchive compares archives with what convert makes of them.
func eachArchive(t *testing.T, pattern string, convert func(*testing.T, *txtar.Archive) *txtar.Archive) {
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("got files %v, %v", files, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := txtar.Format(convert(t, archive))
			if *update {
				if err := os.WriteFile(file, got, 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(string(txtar.Format(archive)), string(got)); diff != "" {
				t.Errorf("differs (-want +got):\n%s", diff)
			}
		})
	}
}

func v1JSON(t testing.TB, m proto.Message) []byte {
	t.Helper()
	encoded, err := protojson.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return encoded
}

func indent(t *testing.T, encoded []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := json.Indent(&b, encoded, "", " "); err != nil {
		t.Fatalf("%v in %s", err, encoded)
	}
	b.WriteByte('\n')
	return b.Bytes()
}
