package tenant

import (
	"encoding/json"
	"testing"

	"github.com/carrelhq/carrel/storage"
	"github.com/carrelhq/carrel/storage/storagetest"
)

// FuzzKeyRecord: the record of a key is read as it was written, and who shows
// another token is nobody, whatever the record has.
func FuzzKeyRecord(f *testing.F) {
	record, _ := newRecord(KeySpec{Tenant: "acme", Name: "n", TTL: 1})
	text, err := json.Marshal(record)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte(`{"hash":null,"operator":true}`))
	f.Add([]byte(`{"hash":""}`))
	_, token := newRecord(KeySpec{Tenant: "acme"})
	id, _ := tokenID(token)
	f.Fuzz(func(t *testing.T, value []byte) {
		db := storagetest.Memory()
		if err := db.Update(t.Context(), func(tx storage.Tx) error { return tx.Set(recordKey(id), value) }); err != nil {
			return // larger than a value
		}
		if p, err := NewKeys(db).Authenticate(t.Context(), token); err == nil {
			t.Errorf("%s: a token that it was not made for is %+v", value, p)
		}
		var r, again keyRecord
		if json.Unmarshal(value, &r) != nil {
			return
		}
		text, err := json.Marshal(r)
		if err == nil {
			err = json.Unmarshal(text, &again)
		}
		if err != nil || again.ID != r.ID || again.Tenant != r.Tenant || string(again.Hash) != string(r.Hash) || again.Operator != r.Operator || again.expired() != r.expired() {
			t.Errorf("%+v is read again as %+v, %v", r, again, err)
		}
	})
}

// FuzzTokenID: a token has one form, and its id is a part of it.
func FuzzTokenID(f *testing.F) {
	_, token := newRecord(KeySpec{Tenant: "acme"})
	f.Add(token)
	f.Add(token[1:])
	f.Add(token + "a")
	f.Fuzz(func(t *testing.T, s string) {
		id, ok := tokenID(s)
		if ok && (len(s) != tokenLength || s[:len(tokenPrefix)+len(id)+1] != tokenPrefix+id+"_" || !base32Word(id)) {
			t.Errorf("%q has the id %q", s, id)
		}
		if !ok && id != "" {
			t.Errorf("%q has no id and %q", s, id)
		}
	})
}
