package agent

import (
	"encoding/json"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"

	"github.com/carrelhq/carrel/abi"
)

// FuzzOverrides has what is on the card instead of what the author wrote.
func FuzzOverrides(f *testing.F) {
	f.Add([]byte(`{"name":"n","provider":{"organization":"o","url":"https://example.com"},"skills":[{"id":"s","tags":["t"]}],"extended":{"description":"d"}}`))
	f.Add([]byte(`{"documentationUrl":"javascript:alert(1)"}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var o Overrides
		if json.Unmarshal(text, &o) != nil || o.problem() != "" {
			return
		}
		a := Agent{Tenant: "t", Name: "a", Overrides: &o, Current: Version{Number: 1, Description: abi.Description{Description: "d"}}}
		at := []Interface{{URL: "https://example.com/agents/t/a", Binding: "JSONRPC"}}
		card := Card(a, at, true)
		if len(card.Skills) == 0 || card.Name == "" || card.Description == "" {
			t.Errorf("%s makes the card %v", text, card)
		}
		if _, err := protojson.Marshal(card); err != nil {
			t.Errorf("%s makes a card that cannot be told: %v", text, err)
		}
		ExtendedCard(a, at)
	})
}
