package agent

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
)

func TestARecordIsDecodedOnce(t *testing.T) {
	t.Parallel()
	var d decoded[*agentRecord]
	first, err := d.decode([]byte(`{"current":"a"}`), "bot")
	if err != nil {
		t.Fatal(err)
	}
	second, err := d.decode([]byte(`{"current":"a"}`), "bot")
	if err != nil || first != second {
		t.Errorf("the same bytes: got %p, %v, want %p again", second, err, first)
	}
	other, err := d.decode([]byte(`{"current":"b"}`), "bot")
	if err != nil || other.Current != "b" {
		t.Errorf("other bytes: got %+v, %v", other, err)
	}
}

func TestADamagedRecordIsNamed(t *testing.T) {
	t.Parallel()
	var d decoded[agentRecord]
	if _, err := d.decode([]byte("{"), "bot"); err == nil || !strings.Contains(err.Error(), "bot") {
		t.Errorf("got %v, want an error that names bot", err)
	}
	if d.bytes != 0 {
		t.Error("it was kept")
	}
}

func TestDecodedRecordsAreBounded(t *testing.T) {
	t.Parallel()
	var d decoded[Version]
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := range 40 {
				value, err := json.Marshal(Version{Digest: fmt.Sprint(g, i), Wants: []string{strings.Repeat("w", 100<<10)}})
				if err != nil {
					t.Error(err)
				}
				v, err := d.decode(value, "bot")
				if err != nil || v.Digest != fmt.Sprint(g, i) {
					t.Errorf("got %.20q, %v", v.Digest, err)
				}
			}
		})
	}
	wg.Wait()
	held := 0
	for value := range d.known {
		held += len(value)
	}
	if held != d.bytes || held == 0 || held > decodedBytes {
		t.Errorf("holds %d bytes and counts %d, want at most %d", held, d.bytes, decodedBytes)
	}
}
