package agent

import (
	"testing"

	"github.com/carrelhq/carrel/storage"
)

// Count returns how many records db holds.
func Count(t *testing.T, db storage.DB) (n int) {
	t.Helper()
	err := db.View(t.Context(), func(tx storage.Tx) error {
		for _, err := range tx.Scan(nil, nil) {
			if err != nil {
				return err
			}
			n++
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}
