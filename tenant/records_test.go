package tenant

import (
	"errors"
	"testing"

	"github.com/carrelhq/carrel/storage"
	"github.com/carrelhq/carrel/storage/storagetest"
)

func TestAKeyNeverReplacesOneWithTheSameID(t *testing.T) {
	t.Parallel()
	db := storagetest.Memory()
	first, token := newRecord(KeySpec{Tenant: "acme"})
	second, _ := newRecord(KeySpec{Tenant: "other"})
	second.ID = first.ID
	put := func(record keyRecord) error {
		return db.Update(t.Context(), func(tx storage.Tx) error { return putRecord(tx, record) })
	}
	if err := put(first); err != nil {
		t.Fatal(err)
	}
	if err := put(second); !errors.Is(err, errTaken) {
		t.Errorf("got %v, want errTaken", err)
	}
	if p, err := NewKeys(db).Authenticate(t.Context(), token); err != nil || p.Tenant != "acme" {
		t.Errorf("the first key: got %+v, %v", p, err)
	}
}
