package badgerdb

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"

	badger "github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"
)

// Errors of Open that an operator can act on.
var (
	// ErrLocked is returned when another process has the store open.
	ErrLocked = errors.New("badgerdb: the store is in use")
	// ErrNewerFormat is returned for a store that a newer carrel has written.
	ErrNewerFormat = errors.New("badgerdb: the store is of a newer format")
	// ErrNotAStore is returned for a directory that holds something else, or a
	// store that is damaged.
	ErrNotAStore = errors.New("badgerdb: not a usable store")
)

const (
	defaultMemory = 64 << 20
	// smallestMemTable lets a transaction hold 2.4 MB: one update at its limits and as much beside it.
	smallestMemTable = 16 << 20
	// Larger values lie in the value log, which is not rewritten as tables are merged.
	valueThreshold = 32 << 10
	valueLogBytes  = 64 << 20
)

// Open opens or creates the store in opts.Dir. It refuses, with a sentence that
// says so and what to do, a directory that another process has open (ErrLocked),
// one that a newer carrel has written (ErrNewerFormat), and one that holds
// something else or is damaged (ErrNotAStore).
func Open(opts Options) (*DB, error) {
	opts = opts.withDefaults()
	if err := prepareDir(opts); err != nil {
		return nil, err
	}
	db := &DB{
		opts:    opts,
		disk:    disk{dir: opts.Dir, free: freeSpace},
		log:     &engineLog{log: opts.Logger},
		open:    newGroup(),
		readers: map[uint64]int{},
		work:    make(chan struct{}, 1),
		chores:  make(chan func()),
		written: make(chan struct{}, 1),
		quit:    make(chan struct{}),
	}
	if err := db.start(); err != nil {
		return nil, err
	}
	return db, nil
}

func (o Options) withDefaults() Options {
	if o.MemoryBytes == 0 {
		o.MemoryBytes = defaultMemory
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

func (db *DB) start() error {
	db.commitLayer = db.write
	if !db.opts.ReadOnly {
		db.logged.Store(logBytes(db.opts.Dir))
		if err := db.disk.check(diskMargin + db.logged.Load()); err != nil {
			return err
		}
	}
	engine, err := openEngine(db.opts, db.log)
	if err != nil {
		return err
	}
	db.engine = engine
	db.ts = engine.MaxVersion()
	db.cache = newCache(db.opts.MemoryBytes/16, db.ts)
	engine.SetDiscardTs(db.ts)
	db.measure()
	db.loops.Add(2)
	go db.commitLoop()
	go db.keepUp()
	return nil
}

// openEngine opens Badger in managed mode: there is one writer, so it hands out
// the timestamps itself and a View costs no bookkeeping in Badger.
func openEngine(opts Options, log badger.Logger) (engine *badger.DB, err error) {
	defer func() { // a damaged file is met with a panic in places
		if r := recover(); r != nil {
			err = damaged(opts.Dir, fmt.Errorf("%v", r))
		}
	}()
	if err := checkTables(opts.Dir); err != nil {
		return nil, damaged(opts.Dir, err)
	}
	engine, err = badger.OpenManaged(engineOptions(opts, log))
	switch {
	case err == nil:
		return engine, nil
	case strings.Contains(err.Error(), "Another process is using"):
		return nil, fmt.Errorf("%w: another process has %s open; stop it, or give this one another directory", ErrLocked, opts.Dir)
	case errors.Is(err, badger.ErrTruncateNeeded) || strings.Contains(err.Error(), badger.ErrTruncateNeeded.Error()):
		return nil, fmt.Errorf("badgerdb: %s was not closed cleanly; start the server on it once, then it can be read: %w", opts.Dir, err)
	case os.IsPermission(err):
		return nil, err
	}
	return nil, damaged(opts.Dir, err)
}

func damaged(dir string, cause error) error {
	return fmt.Errorf("%w: %s cannot be opened; restore it from a backup: %w", ErrNotAStore, dir, cause)
}

func (o Options) memTable() int64 { return max(smallestMemTable, o.MemoryBytes*3/8) }

func engineOptions(opts Options, log badger.Logger) badger.Options {
	o := badger.DefaultOptions(opts.Dir)
	o.Logger = log
	o.ReadOnly = opts.ReadOnly
	o.SyncWrites = true
	o.DetectConflicts = false
	o.MetricsEnabled = false
	o.MemTableSize = opts.memTable()
	o.NumMemtables = 1 // waiting to be flushed, beside the one in use
	// Few and large tables: merging them is most of what an update costs in CPU. But
	// as large on all levels: each merge has several in memory, twice their size.
	o.BaseTableSize = 4 << 20
	o.TableSizeMultiplier = 1
	o.NumLevelZeroTables = 6
	o.NumLevelZeroTablesStall = 18
	o.NumCompactors = 2
	o.Compression = options.None // then blocks are read in place and need no cache
	o.BlockCacheSize = 0
	o.IndexCacheSize = opts.MemoryBytes / 4
	o.ChecksumVerificationMode = options.OnBlockRead // costs too little to be seen
	o.VerifyValueChecksum = true
	o.ValueThreshold = valueThreshold
	o.ValueLogFileSize = valueLogBytes
	return o
}
