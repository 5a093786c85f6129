package badgerdb

import "time"

const (
	lookEvery = time.Second
	// collectEvery is how often the value log is searched for files that are mostly garbage.
	collectEvery = 5 * time.Minute
	// The value log's memory is looked at in this interval, and when so much has been written to it.
	trimEvery = 30 * time.Second
	trimBytes = 16 << 20
)

// keepUp does the engine's housekeeping until Close.
func (db *DB) keepUp() {
	defer db.loops.Done()
	if db.opts.ReadOnly {
		return
	}
	look, collect, trimmed := time.NewTicker(lookEvery), time.NewTicker(collectEvery), time.NewTicker(trimEvery)
	defer look.Stop()
	defer collect.Stop()
	defer trimmed.Stop()
	for {
		select {
		case <-look.C:
			db.engine.SetDiscardTs(db.oldest())
			db.measure()
		case <-collect.C:
			db.collect()
		case <-trimmed.C:
			db.trim()
		case <-db.written:
			db.trim()
		case <-db.quit:
			return
		}
	}
}

func (db *DB) trim() {
	if err := trim(db.opts.Dir, db.opts.MemoryBytes/4); err != nil {
		db.opts.Logger.Warn("value log memory not trimmed", "error", err)
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
