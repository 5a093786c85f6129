package badgerdb

import "time"

const (
	discardEvery = time.Second
	// collectEvery is how often the value log is searched for files that are mostly garbage.
	collectEvery = 5 * time.Minute
	garbageShare = 0.5
)

// keepUp does the engine's housekeeping until Close.
func (db *DB) keepUp() {
	defer db.loops.Done()
	if db.opts.ReadOnly {
		return
	}
	discard, collect := time.NewTicker(discardEvery), time.NewTicker(collectEvery)
	defer discard.Stop()
	defer collect.Stop()
	for {
		select {
		case <-discard.C:
			db.engine.SetDiscardTs(db.oldest())
		case <-collect.C:
			db.collect()
		case <-db.quit:
			return
		}
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

// collect rewrites value log files that are mostly garbage, while there are any.
func (db *DB) collect() {
	for db.disk.check() == nil && db.engine.RunValueLogGC(garbageShare) == nil {
		select {
		case <-db.quit:
			return
		default:
		}
	}
}
