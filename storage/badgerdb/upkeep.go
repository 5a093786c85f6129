package badgerdb

import (
	"errors"
	"time"
)

const (
	lookEvery = time.Second
	// collectEvery is how often the value log is searched for files that are mostly garbage.
	collectEvery = 5 * time.Minute
	// trimBytes is how much is written to the value log before its memory is looked
	// at, beside each look.
	trimBytes = 16 << 20
)

// keepUp does the engine's housekeeping until Close.
func (db *DB) keepUp() {
	defer db.loops.Done()
	if db.opts.ReadOnly {
		return
	}
	look, collect := time.NewTicker(lookEvery), time.NewTicker(collectEvery)
	defer look.Stop()
	defer collect.Stop()
	for {
		select {
		case <-look.C:
			db.engine.SetDiscardTs(db.oldest())
			db.measure()
			db.trim()
		case <-collect.C:
			db.collect()
		case <-db.written:
			db.trim()
		case <-db.quit:
			return
		}
	}
}

// trim bounds the memory of the engine's files. Tables are read again and again as
// they are merged, so they have more of it.
func (db *DB) trim() {
	memory := db.opts.MemoryBytes
	if err := errors.Join(trim(db.opts.Dir, ".vlog", memory/4), trim(db.opts.Dir, ".sst", 2*memory)); err != nil {
		db.opts.Logger.Warn("memory of the store's files not trimmed", "error", err)
	}
}

// oldest returns the timestamp of the oldest state that is still read.
func (db *DB) oldest() uint64 {
	db.mu.Lock()
	defer db.mu.Unlock()
	oldest := db.ts
	for ts := range db.readers {
		oldest = min(oldest, ts)
	}
	return oldest
}
