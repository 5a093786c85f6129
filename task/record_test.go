package task

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"

	"github.com/carrelhq/carrel/storage"
	"github.com/carrelhq/carrel/storage/storagetest"
)

// entriesOf appends chunks of these texts to a task in one update and returns how
// many entries of the store they take.
func entriesOf(t *testing.T, db storage.DB, texts []string) (entries int) {
	t.Helper()
	err := db.Update(t.Context(), func(tx storage.Tx) error {
		e := &edit{root: tx, tx: tx, id: "t", now: time.Now(), h: &head{agent: "bot"}}
		for _, text := range texts {
			chunk := &a2apb.TaskArtifactUpdateEvent{Artifact: &a2apb.Artifact{ArtifactId: "a", Parts: saying(text).Parts}}
			body := &a2apb.StreamResponse{Payload: &a2apb.StreamResponse_ArtifactUpdate{ArtifactUpdate: chunk}}
			if err := e.append(&record{attempt: 1}, body); err != nil {
				return err
			}
		}
		return e.entry.write(tx, e.id)
	})
	if err != nil {
		t.Fatal(err)
	}
	err = db.View(t.Context(), func(tx storage.Tx) error {
		for _, err := range tx.Scan(eventsKey("t"), nil) {
			if err != nil {
				return err
			}
			entries++
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return entries
}

func TestEventsThatAreCommittedTogetherLieTogether(t *testing.T) {
	t.Parallel()
	small, half := "x", strings.Repeat("y", entryBytes/2)
	for _, c := range []struct {
		name    string
		texts   []string
		entries int
	}{
		{"one", []string{small}, 1},
		{"a hundred small ones", slicesOf(small, 100), 1},
		{"more than an entry holds", []string{small, half, half, small, small, half}, 3},
		{"one that is larger than an entry gets", []string{small, half + half + half, small}, 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			db := storagetest.Memory()
			if got := entriesOf(t, db, c.texts); got != c.entries {
				t.Errorf("got %d entries, want %d", got, c.entries)
			}
			checkTexts(t, db, c.texts)
		})
	}
}

func slicesOf(text string, n int) (list []string) {
	for i := range n {
		list = append(list, fmt.Sprint(text, i))
	}
	return list
}

// checkTexts reads from each event on, whole and in pieces.
func checkTexts(t *testing.T, db storage.DB, texts []string) {
	t.Helper()
	for _, count := range []int{1, 3, len(texts)} {
		for seq := range texts {
			events := readAll(t, db, uint64(seq), count)
			want := texts[seq:min(len(texts), seq+count)]
			if len(events) != len(want) {
				t.Fatalf("after %d there are %d events, want %d", seq, len(events), len(want))
			}
			for i, e := range events {
				if text := e.Body.GetArtifactUpdate().GetArtifact().GetParts()[0].GetText(); text != want[i] || e.Seq != uint64(seq+i+1) {
					t.Errorf("after %d: event %d is %.20q, want %.20q", seq, e.Seq, text, want[i])
				}
			}
		}
	}
}

func readAll(t *testing.T, db storage.DB, seq uint64, count int) (events []Event) {
	t.Helper()
	err := db.View(context.Background(), func(tx storage.Tx) (err error) {
		events, err = readEvents(tx, "t", seq, count, 1<<30)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return events
}
