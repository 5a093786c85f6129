package agent

import (
	"encoding/json"
	"reflect"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/carrelhq/carrel/abi"
)

// FuzzOverrides: what an owner may say on a card makes a card that can be sent, and
// is kept as it was said.
func FuzzOverrides(f *testing.F) {
	f.Add([]byte(`{"name":"n","description":"d","provider":{"organization":"o","url":"https://o.example"},"documentationUrl":"https://d.example/x","iconUrl":"http://i","skills":[{"id":"a","name":"A","tags":["t"],"examples":["e"],"inputModes":["text/plain"]}],"extended":{"skills":[{"id":"a"},{"id":"b"}]}}`))
	f.Add([]byte(`{"extended":{}}`))
	f.Add([]byte(`{"iconUrl":"http://user@i","skills":[{"id":""},{"id":"x","tags":[""]}]}`))
	f.Add([]byte("{\"name\":\"\xff\"}"))
	of := Agent{Tenant: "acme", Name: "bot", Current: Version{Description: abi.Description{Skills: []abi.Skill{{ID: "a"}, {ID: "c"}}}}}
	f.Fuzz(func(t *testing.T, text []byte) {
		var o Overrides
		if json.Unmarshal(text, &o) != nil || o.problem() != "" {
			return
		}
		a := of
		a.Overrides = &o
		interfaces := []Interface{{URL: "https://a.example", Binding: "JSONRPC"}}
		size := 0
		card := Card(a, interfaces, true)
		for _, s := range card.GetSkills() {
			if s.GetId() == "" || s.GetName() == "" || s.GetDescription() == "" || len(s.GetTags()) == 0 {
				t.Errorf("a skill lacks what it must have: %v", s)
			}
		}
		for _, c := range []proto.Message{card, ExtendedCard(a, interfaces)} {
			wire, err := proto.Marshal(c)
			if err != nil {
				t.Errorf("the card cannot be sent: %v", err)
			}
			size += len(wire)
		}
		if size > 32*(len(text)+4<<10) {
			t.Errorf("%d bytes become cards of %d", len(text), size)
		}
		checkKept(t, o)
	})
}

// checkKept holds that a record is read as it was written.
func checkKept[T any](t *testing.T, v T) {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatalf("%+v cannot be written: %v", v, err)
	}
	var once, again T
	if err := json.Unmarshal(text, &once); err != nil {
		t.Fatalf("%s cannot be read: %v", text, err)
	}
	if text, err = json.Marshal(once); err == nil {
		err = json.Unmarshal(text, &again)
	}
	if err != nil || !reflect.DeepEqual(once, again) {
		t.Errorf("%+v is read again as %+v, %v", once, again, err)
	}
}

// FuzzRecords: the records of agents and of versions are read as they were
// written, or not at all.
func FuzzRecords(f *testing.F) {
	f.Add([]byte(`{"visibility":"public","without03":true,"current":"sha256:x","versions":2,"overrides":{"name":"n"},"created":"2026-01-02T03:04:05Z","updated":"2026-01-02T03:04:05Z"}`))
	f.Add([]byte(`{"digest":"sha256:x","number":1,"description":{"name":"n","skills":[{"id":"a"}]}}`))
	f.Add([]byte(`{"created":"10000-01-01T00:00:00Z"}`))
	f.Fuzz(func(t *testing.T, value []byte) {
		var r records
		if record, err := r.agents.decode(value, "bot"); err == nil {
			checkKept(t, record)
			record.spoken()
		}
		if version, err := r.versions.decode(value, "bot"); err == nil {
			checkKept(t, version)
		}
	})
}

// FuzzPlace: a key is that of the place it is read as.
func FuzzPlace(f *testing.F) {
	f.Add([]byte(placeKey("acme", "bot")))
	f.Add([]byte(placeKey("", "\x00")))
	f.Add([]byte("agent-place"))
	f.Fuzz(func(t *testing.T, key []byte) {
		p, err := readPlace(key)
		if again, errAgain := readPlace(placeKey(p.tenant, p.name)); err == nil && (errAgain != nil || again != p) {
			t.Errorf("%q is %+v, and then %+v, %v", key, p, again, errAgain)
		}
	})
}
