package server

import (
	"strings"
	"testing"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/carrelhq/carrel/task"
)

// TestAKeyStandsForOneTaskOverEveryBinding sends a message again and again, in
// every way there is.
func TestAKeyStandsForOneTaskOverEveryBinding(t *testing.T) {
	t.Parallel()
	b := &bench{grpcHouse: newGRPCHouse(t, workingWith(t, newScripted(), task.Options{}))}
	message := func() asked {
		a := say("echo hi").under("k-1")
		a.agent, a.version, a.who = carded, "1.0", "acme"
		a.req.(*a2apb.SendMessageRequest).Tenant = carded
		return a
	}
	ids := map[string]bool{}
	for _, d := range drivers {
		for _, a := range []asked{message(), message().under(`"k-1"`), message().streaming()} {
			got := d.ask(b.grpcHouse, a)
			if len(got.results) != 1 { // a stream shows the task as it is, and closes
				t.Fatalf("%s over %s: got %s", a.method, d.name, got)
			}
			switch r := got.results[0].(type) {
			case *a2apb.SendMessageResponse:
				ids[r.GetTask().GetId()] = true
			case *a2apb.StreamResponse:
				ids[r.GetTask().GetId()] = true
			}
		}
	}
	if len(ids) != 1 || ids[""] {
		t.Errorf("got tasks %v, want one", ids)
	}
}

func TestAKeyMayBeInTheMetadata(t *testing.T) {
	t.Parallel()
	for name, in := range map[string]func(*a2apb.SendMessageRequest, *structpb.Struct){
		"of the request": func(r *a2apb.SendMessageRequest, s *structpb.Struct) { r.Metadata = s },
		"of the message": func(r *a2apb.SendMessageRequest, s *structpb.Struct) { r.Message.Metadata = s },
	} {
		req := ask("hi")
		in(req, &structpb.Struct{Fields: map[string]*structpb.Value{metadataOnce: structpb.NewStringValue("k-1")}})
		got, err := caller{anonymous: false}.once(req)
		if err != nil || got.Key != "k-1" {
			t.Errorf("%s: got %v, %v", name, got, err)
		}
	}
}

func TestQuotedKeys(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]string{
		"": "", "k-1": "k-1", `"k-1"`: "k-1", `"a\"b\\c"`: `a"b\c`, `k"`: `k"`,
		`"`: "?", `""`: "?", `"a`: "?", `"a"b"`: "?", `"a\`: "?", `"a\b"`: "?", `"a\"`: "?", `"a";p=1`: "?",
	} {
		got, err := unquote(header)
		if (err != nil) != (want == "?") || err == nil && got != want {
			t.Errorf("%s: got %q, %v, want %q", header, got, err, want)
		}
	}
}

// FuzzQuotedKeys: what is quoted comes out as it was, and nothing is longer than
// what it came in.
func FuzzQuotedKeys(f *testing.F) {
	for _, seed := range []string{"k-1", `a"b\\c`, `"`, `"a\`, ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if got, err := unquote(text); err == nil && len(got) > len(text) {
			t.Errorf("%q became %q", text, got)
		}
		quoted := `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) + `"`
		if got, err := unquote(quoted); text != "" && (err != nil || got != text) {
			t.Errorf("%s: got %q, %v, want %q", quoted, got, err, text)
		}
	})
}

func TestOnlyRandomUUIDsCannotBeGuessed(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]bool{
		"9b2e4c1f-6a3d-4e5b-8c7a-0d1e2f3a4b5c":          true,  // version 4
		"019307a0-5b6c-7d8e-9f0a-1b2c3d4e5f60":          true,  // version 7
		"6ba7b810-9dad-11d1-80b4-00c04fd430c8":          false, // version 1
		"00000000-0000-0000-0000-000000000000":          false,
		"urn:uuid:9b2e4c1f-6a3d-4e5b-8c7a-0d1e2f3a4b5c": false, // not in the usual form
		"9b2e4c1f6a3d4e5b8c7a0d1e2f3a4b5c":              false,
		"first":                                         false,
		"":                                              false,
	} {
		if got := unguessable(id); got != want {
			t.Errorf("%q: got %t, want %t", id, got, want)
		}
	}
}
