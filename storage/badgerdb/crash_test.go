package badgerdb_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/carrelhq/carrel/storage"
	"github.com/carrelhq/carrel/storage/badgerdb"
)

// TestAcknowledgedUpdatesSurviveSIGKILL lets a child write from many goroutines
// and say each update that returned, kills it, and looks for what it said.
func TestAcknowledgedUpdatesSurviveSIGKILL(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	acked := map[string]int{} // writer -> last update that returned
	lives := 6
	if testing.Short() {
		lives = 2
	}
	for life := range lives {
		for writer, n := range killedChild(t, dir, life) {
			acked[writer] = n
		}
		db, err := badgerdb.Open(badgerdb.Options{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		total := 0
		for writer, n := range acked {
			checkWriter(t, db, writer, n)
			total += n + 1
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		t.Logf("life %d: %d acknowledged updates of %d writers are there", life, total, len(acked))
	}
}

// killedChild returns the last acknowledged update of each writer.
func killedChild(t *testing.T, dir string, life int) map[string]int {
	t.Helper()
	cmd := child(t, envCrash+"="+fmt.Sprint(life), envDir+"="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	acked := map[string]int{}
	killAt := 200 + rand.IntN(3000)
	lines := bufio.NewScanner(out)
	for said := 0; lines.Scan(); said++ {
		if said == killAt {
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
		writer, number, _ := strings.Cut(lines.Text(), " ")
		var n int
		if _, err := fmt.Sscanf(number, "%d.", &n); err == nil && strings.HasSuffix(number, ".") {
			acked[writer] = n
		}
	}
	if err := cmd.Wait(); err == nil {
		t.Error("the child was not killed")
	}
	if len(acked) == 0 {
		t.Error("the child acknowledged nothing")
	}
	return acked
}

// checkWriter looks for all updates of a writer up to n, each whole.
func checkWriter(t *testing.T, db storage.DB, writer string, n int) {
	t.Helper()
	err := db.View(t.Context(), func(tx storage.Tx) error {
		for i := range n + 1 {
			for _, half := range []string{"a", "b"} {
				value, err := tx.Get(crashKey(writer, half, i))
				if err != nil {
					return fmt.Errorf("update %d of %d, half %s: %w", i, n, half, err)
				}
				if len(value) != crashSize(i) {
					return fmt.Errorf("update %d, half %s has %d bytes", i, half, len(value))
				}
			}
		}
		halves := map[string]int{}
		for _, half := range []string{"a", "b"} {
			for _, err := range tx.Scan([]byte("crash/"+writer+"/"+half+"/"), nil) {
				if err != nil {
					return err
				}
				halves[half]++
			}
		}
		if halves["a"] != halves["b"] {
			return fmt.Errorf("updates are torn: %v", halves)
		}
		return nil
	})
	if err != nil {
		t.Errorf("writer %s: %v", writer, err)
	}
}

func crashKey(writer, half string, i int) []byte {
	return fmt.Appendf(nil, "crash/%s/%s/%08d", writer, half, i)
}

// crashSize sends some values through the value log.
func crashSize(i int) int {
	if i%50 == 7 {
		return 60_000
	}
	return 200
}

// writeUntilKilled runs in the child.
func writeUntilKilled(dir, life string) int {
	db, err := badgerdb.Open(badgerdb.Options{Dir: dir})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	var said sync.Mutex
	var wg sync.WaitGroup
	for g := range 8 {
		writer := fmt.Sprintf("%s-%d", life, g)
		wg.Go(func() {
			for i := 0; ; i++ {
				value := make([]byte, crashSize(i))
				wait, err := db.UpdateLater(context.Background(), func(tx storage.Tx) error {
					return errors.Join(tx.Set(crashKey(writer, "a", i), value), tx.Set(crashKey(writer, "b", i), value))
				})
				if err == nil && i%5 != 3 { // those are vouched for by the one after it
					err = wait()
				}
				if err != nil {
					fmt.Fprintln(os.Stderr, err)
					return
				}
				if i%5 != 3 {
					said.Lock()
					fmt.Printf("%s %d.\n", writer, i)
					said.Unlock()
				}
			}
		})
	}
	wg.Wait()
	return 1
}

func putBefore(db storage.DB) error {
	return db.Update(context.Background(), func(tx storage.Tx) error {
		return tx.Set([]byte("before"), []byte(strings.Repeat("full", 1000)))
	})
}

// closeOnFullDisk runs in the child and prints what Close says.
func closeOnFullDisk(root, dir string) int {
	db, err := badgerdb.Open(badgerdb.Options{Dir: dir})
	if err == nil {
		err = putBefore(db)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	f, err := os.Create(filepath.Join(root, "filler"))
	for err == nil {
		_, err = f.Write(make([]byte, 64<<10))
	}
	fmt.Println(db.Close())
	return 0
}
