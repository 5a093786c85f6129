package server

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// TestOpenAPIHasTheWholeBinding holds the document to the table of resources: every
// verb of each is in it, and nothing that it refers to is missing.
func TestOpenAPIHasTheWholeBinding(t *testing.T) {
	t.Parallel()
	h := newHouse(t, working(t, newScripted()))
	r := h.do("GET", "/agents/acme/carded/openapi.json", "")
	if r.StatusCode != http.StatusOK || r.Header.Get("Content-Type") != typeJSON {
		t.Fatalf("got %d %s", r.StatusCode, r.Header)
	}
	var doc struct {
		OpenAPI    string
		Info       struct{ Title, Version string }
		Security   []map[string][]string
		Servers    []struct{ URL string }
		Paths      map[string]map[string]struct{ OperationID string }
		Components struct{ Schemas map[string]any }
	}
	r.decode(t, &doc)
	if doc.OpenAPI != "3.1.0" || len(doc.Servers) != 1 || !strings.HasSuffix(doc.Servers[0].URL, "/agents/acme/carded") {
		t.Errorf("got version %s of %v", doc.OpenAPI, doc.Servers)
	}
	if doc.Info.Title != "carded over A2A" || doc.Info.Version != "1.0" || len(doc.Security) != 2 {
		t.Errorf("got %+v, %v", doc.Info, doc.Security)
	}
	var ids []string
	for _, resource := range resources {
		for verb := range resource.verbs {
			id := doc.Paths[resource.pattern][strings.ToLower(verb)].OperationID
			if id == "" || slices.Contains(ids, id) {
				t.Errorf("%s %s: the operation is called %q", verb, resource.pattern, id)
			}
			ids = append(ids, id)
		}
	}
	for _, schema := range []string{"Task", "Part", "Message", "AgentCard", "StreamResponse", "Status"} {
		if doc.Components.Schemas[schema] == nil {
			t.Errorf("there is no schema of %s", schema)
		}
	}
	for _, ref := range strings.Split(r.body, `"$ref":"#/components/schemas/`)[1:] {
		if name, _, _ := strings.Cut(ref, `"`); doc.Components.Schemas[name] == nil {
			t.Errorf("there is no schema of %s", name)
		}
	}
}

// TestSchemasSayWhatIsRequired: a part has exactly one content, and a message what
// the protocol wants.
func TestSchemasSayWhatIsRequired(t *testing.T) {
	t.Parallel()
	schemas := restDocument().Components.Schemas.Map()
	if got := schemas["Message"].Required; !slices.Equal(got, []string{"messageId", "role", "parts"}) {
		t.Errorf("a message needs %v", got)
	}
	if got, _ := json.Marshal(schemas["Part"].OneOf); !strings.Contains(string(got), `[{"required":["text"]},{"required":["raw"]}`) {
		t.Errorf("a part has one of %s", got)
	}
}

// TestAStreamIsDescribedByItsEvents: tools check each event by the schema, and what
// its data holds by that of the content.
func TestAStreamIsDescribedByItsEvents(t *testing.T) {
	t.Parallel()
	schema := restDocument().Paths["/message:stream"].Post.Responses["200"].Content[typeEvents].Schema
	got, err := json.Marshal(schema.Properties["data"])
	if err != nil {
		t.Fatal(err)
	}
	want := `{"contentMediaType":"application/json","contentSchema":{"anyOf":[{"$ref":"#/components/schemas/StreamResponse"},{"$ref":"#/components/schemas/Status"}]},"type":"string"}`
	if schema.Type != "object" || string(got) != want {
		t.Errorf("an event is of type %s, its data %s, want %s", schema.Type, got, want)
	}
}

// TestOpenAPIIsForWhoMayReadTheCard: it would tell that the agent is there.
func TestOpenAPIIsForWhoMayReadTheCard(t *testing.T) {
	t.Parallel()
	h := newHouse(t, working(t, newScripted()))
	for who, want := range map[string]int{"": 404, "acme": 404, "beta": 200} {
		if got := h.do("GET", "/agents/beta/hidden/openapi.json", "", "token", who); got.StatusCode != want {
			t.Errorf("%q: got %d, want %d", who, got.StatusCode, want)
		}
	}
	if got := h.do("POST", "/agents/acme/carded/openapi.json", "{}"); got.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("POST: got %d", got.StatusCode)
	}
}
