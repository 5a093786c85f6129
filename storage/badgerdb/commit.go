package badgerdb

import (
	"errors"
	"fmt"
	"runtime"
	"strings"

	badger "github.com/dgraph-io/badger/v4"
)

// commitLoop is the writer. After Close it commits what was accepted and ends.
func (db *DB) commitLoop() {
	defer db.loops.Done()
	for {
		select {
		case <-db.work:
			// Let who is about to write join the group. Else callers fall into two
			// halves that take turns, at twice the syncs.
			runtime.Gosched()
			db.commitOpen()
		case chore := <-db.chores:
			chore()
		case <-db.quit:
			db.commitOpen()
			return
		}
	}
}

// commitOpen makes the open group durable and opens the next one.
func (db *DB) commitOpen() {
	g := db.takeOff()
	if g == nil {
		return
	}
	all := g.merged()
	db.account(all.sizes())
	db.land(g, all, db.commit(all))
}

// account notes what a group writes where.
func (db *DB) account(s sizes) {
	db.logged.Add(int64(s.small))
	db.sinceTidy.small += s.small
	db.sinceTidy.deleted += s.deleted
	if db.sinceTrim += s.large; db.sinceTrim >= trimBytes {
		db.sinceTrim = 0
		nudge(db.written)
	}
}

func (g *group) merged() layer {
	var all layer
	for _, l := range g.updates {
		all = merge(all, l)
	}
	return all
}

// takeOff closes the open group to further updates.
func (db *DB) takeOff() *group {
	db.mu.Lock()
	defer db.mu.Unlock()
	g := db.open
	if g.empty() {
		return nil
	}
	db.flying, db.open = g, newGroup()
	close(g.taken)
	return g
}

// commit writes a group as one synced transaction.
func (db *DB) commit(all layer) error {
	if db.failed != nil { // only the writer sets it
		return db.failed
	}
	if err := db.commitLayer(all); err != nil {
		return commitFailure(err)
	}
	return nil
}

func (db *DB) write(all layer) error {
	txn := db.engine.NewTransactionAt(db.ts, true)
	defer txn.Discard()
	entries := make([]badger.Entry, len(all))
	for i, w := range all {
		entries[i].Key = append(append(make([]byte, 0, len(w.key)+1), dataSpace), w.key...)
		if err := stage(txn, &entries[i], w); err != nil {
			return err
		}
	}
	if err := txn.CommitAt(db.ts+1, nil); err != nil {
		return err
	}
	if err := db.log.syncFailure(); err != nil {
		return err
	}
	return db.disk.syncDir()
}

func stage(txn *badger.Txn, e *badger.Entry, w write) error {
	if w.value == nil {
		return txn.Delete(e.Key)
	}
	e.Value = w.value
	return txn.SetEntry(e)
}

// commitFailure words the error of a commit. Badger cannot even read once it
// has no memtable to write to, which its text alone tells.
func commitFailure(err error) error {
	err = fmt.Errorf("badgerdb: the disk failed in a commit; open the store again: %w", err)
	if strings.Contains(err.Error(), "new mem table") {
		err = errors.Join(err, errEngineLost)
	}
	return err
}

// land publishes the outcome of g, which wrote all.
func (db *DB) land(g *group, all layer, err error) {
	db.mu.Lock()
	defer db.mu.Unlock()
	if err != nil {
		db.failed = err
		g.err = readOnly(err)
	} else {
		db.advance(all)
		db.flying = nil
	}
	close(g.done)
}

// advance makes what the last transaction wrote of the store's keys its newest
// durable state. It is called with mu held.
func (db *DB) advance(wrote layer) {
	db.ts++
	db.cache.land(wrote, db.ts)
}
