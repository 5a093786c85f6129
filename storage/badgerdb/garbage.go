package badgerdb

import badger "github.com/dgraph-io/badger/v4"

const (
	// garbageShare of a value log file makes it worth rewriting.
	garbageShare = 0.5
	// tidyDeletes is how many deletes make it worth looking for their values.
	tidyDeletes = 64
	// tidySpace is a key of the engine's own, see tidy.
	tidySpace = 't'
)

// collect gives the disk space of deleted large values back: it rewrites value
// log files that are mostly garbage, while there are any and the disk has room.
func (db *DB) collect() {
	db.between(db.tidy)
	for more := true; more; {
		more = false
		db.between(func() {
			room := db.disk.check(db.reserve()+valueLogBytes) == nil
			more = room && db.failed == nil && db.engine.RunValueLogGC(garbageShare) == nil
		})
	}
}

// between has the writer call fn between two commits, and waits for it. What
// Badger does in fn would race with a commit, or fail it. After Close it does nothing.
func (db *DB) between(fn func()) {
	done := make(chan struct{})
	select {
	case db.chores <- func() { defer close(done); fn() }:
		<-done
	case <-db.quit:
	}
}

// tidy merges tables, which is how Badger learns that a value is garbage. It
// merges when memtables fill up, but pointers to large values never fill one:
// a gigabyte of blobs could come and go unnoticed. So the writer does it here,
// when there were deletes and memtables have not filled up by themselves.
func (db *DB) tidy() {
	s := db.sinceTidy
	if s.small >= int(db.opts.memTable()) {
		db.sinceTidy = sizes{}
		return
	}
	if s.deleted < tidyDeletes || db.failed != nil || db.disk.check(db.reserve()) != nil {
		return
	}
	db.sinceTidy = sizes{}
	err := db.mergeTables()
	db.mu.Lock()
	defer db.mu.Unlock()
	if err != nil {
		db.failed = commitFailure(err)
		return
	}
	db.advance(nil)
}

// mergeTables drops a prefix that holds one key, made for it: the only way to
// have Badger write its memtables out and merge them. It fails concurrent
// commits, so it is for the writer alone.
func (db *DB) mergeTables() error {
	txn := db.engine.NewTransactionAt(db.ts, true)
	defer txn.Discard()
	if err := txn.SetEntry(badger.NewEntry([]byte{tidySpace}, nil)); err != nil {
		return err
	}
	if err := txn.CommitAt(db.ts+1, nil); err != nil {
		return err
	}
	db.engine.SetDiscardTs(db.oldest())
	return db.engine.DropPrefix([]byte{tidySpace})
}
