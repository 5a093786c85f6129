package v03

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/a2aproject/a2a-go/v2/a2a"
	"github.com/a2aproject/a2a-go/v2/a2acompat/a2av0"
	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// TestCards makes the 0.3 form and the union of the cards in testdata/cards.
func TestCards(t *testing.T) {
	t.Parallel()
	eachArchive(t, "testdata/cards/*.txtar", func(t *testing.T, archive *txtar.Archive) *txtar.Archive {
		card := cardIn(t, archive)
		before := proto.CloneOf(card)
		own, err := Append(nil, card, JSONRPC)
		if err != nil {
			t.Fatal(err)
		}
		if !proto.Equal(before, card) {
			t.Error("the card was changed")
		}
		return &txtar.Archive{Comment: archive.Comment, Files: []txtar.File{
			archive.Files[0],
			{Name: "0.3", Data: indent(t, own)},
			{Name: "both", Data: indent(t, union(t, card, card))},
		}}
	})
}

func cardIn(t *testing.T, archive *txtar.Archive) *a2apb.AgentCard {
	t.Helper()
	card := &a2apb.AgentCard{}
	if err := protojson.Unmarshal(archive.Files[0].Data, card); err != nil {
		t.Fatal(err)
	}
	return card
}

// union adds the 0.3 form of a card to the 1.0 form that is shown.
func union(t *testing.T, shown, card *a2apb.AgentCard) []byte {
	t.Helper()
	object := *parse[map[string]any](v1JSON(t, shown))
	for range 2 { // the second time changes nothing
		if err := Union(object, card); err != nil {
			t.Fatal(err)
		}
	}
	return must(json.Marshal(object))
}

// TestTheOfficialModuleReadsCards holds what the readers of both versions make of
// each form against the card.
func TestTheOfficialModuleReadsCards(t *testing.T) {
	t.Parallel()
	archive, err := txtar.ParseFile("testdata/cards/full.txtar")
	if err != nil {
		t.Fatal(err)
	}
	card := cardIn(t, archive)
	// Theirs cannot read requirements in the form of 1.0, v2.4.0.
	shown := proto.CloneOf(card)
	shown.SecurityRequirements = nil
	for _, s := range shown.Skills {
		s.SecurityRequirements = nil
	}
	own, both := must(Append(nil, card, REST)), union(t, shown, card)
	read := a2av0.NewAgentCardParser()
	got, fromBoth := must(read(own)), must(read(both))
	for _, c := range []*a2a.AgentCard{got, fromBoth, parse[a2a.AgentCard](both)} {
		if c.Name != card.Name || len(c.Skills) != len(card.Skills) || !c.Capabilities.ExtendedAgentCard || !c.Capabilities.Streaming ||
			len(c.SecuritySchemes) != len(card.SecuritySchemes) || len(c.Signatures) != 0 {
			t.Errorf("read %+v", c)
		}
	}
	for name, scheme := range got.SecuritySchemes {
		if diff := cmp.Diff(scheme, fromBoth.SecuritySchemes[name]); diff != "" {
			t.Errorf("%s is another in the union: %s", name, diff)
		}
	}
	if diff := cmp.Diff(got.SecurityRequirements, a2a.SecurityRequirementsOptions{{"bearer": {}}, {"key": {}, "oauth": {"read"}}}); diff != "" {
		t.Errorf("requirements differ: %s", diff)
	}
	for _, i := range got.SupportedInterfaces {
		if i.URL != "https://example.com/agents/t/a" && i.URL != "https://example.com/rest" {
			t.Errorf("0.3 clients are sent to %s", i.URL)
		}
	}
}

func TestACardWithoutInterfacesOf03IsAnError(t *testing.T) {
	t.Parallel()
	card := &a2apb.AgentCard{Name: "a", SupportedInterfaces: []*a2apb.AgentInterface{{Url: "https://example.com", ProtocolBinding: "JSONRPC", ProtocolVersion: "1.0"}}}
	object := map[string]any{"signatures": "kept"}
	if err := Union(object, card); !errors.Is(err, ErrNoInterface) || len(object) != 1 {
		t.Errorf("got %v, %v", err, object)
	}
	if _, err := Append(nil, card, JSONRPC); !errors.Is(err, ErrNoInterface) {
		t.Errorf("got %v", err)
	}
}
