package runtime

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/tetratelabs/wazero"

	"github.com/carrelhq/carrel/runtime/compile"
	"github.com/carrelhq/carrel/runtime/schedule"
	"github.com/carrelhq/carrel/runtime/share"
)

// Engine compiles modules and keeps them ready. It is safe for concurrent use.
type Engine struct {
	opts    Options
	runtime wazero.Runtime
	cache   *compile.Cache // nil when modules are compiled here and not kept
	// memory is that of sandboxes and snapshots, images that of snapshots alone, and
	// loaded that of compiled modules.
	memory, images, loaded *share.Account
	schedule               *schedule.Scheduler
	ctx                    context.Context // ends with Close
	cancel                 context.CancelFunc
	// uploads and loads have a place for each compilation at a time: modules that
	// were never compiled do not get in the way of those that have been.
	uploads, loads *compile.Places

	remembering sync.Mutex // held while the list of recent modules is written

	mu      sync.Mutex
	modules map[string]*Module
	uses    uint64 // counts loads, to tell what was used last
	closed  bool
	inUse   sync.WaitGroup // loads, sandboxes, compilations, and keepSmall
}

// ErrClosed is returned by every call after Close.
var ErrClosed = errors.New("runtime: engine is closed")

// slice is how long a guest is on the CPU while others wait.
const slice = time.Millisecond

// compilesAtOnce is the number of places of each kind: a compilation may take a core
// and hundreds of megabytes for as long as InspectTimeout.
const compilesAtOnce = 2

// How many compilations may wait for a place. Each upload that waits is in memory;
// a load that is turned away is a run that is tried again later.
const (
	uploadsWaiting = 16
	loadsWaiting   = 256
)

// NewEngine returns an engine. Close releases it.
func NewEngine(opts Options) (*Engine, error) {
	opts, err := opts.complete()
	if err != nil {
		return nil, err
	}
	e := &Engine{
		opts: opts, modules: make(map[string]*Module),
		schedule: schedule.New(schedule.Options{Slots: opts.Slots, Slice: slice}),
		uploads:  compile.NewPlaces(compilesAtOnce, uploadsWaiting), loads: compile.NewPlaces(compilesAtOnce, loadsWaiting),
	}
	e.openAccounts()
	e.ctx, e.cancel = context.WithCancel(context.Background())
	config := compile.Config().WithMemoryLimitPages(uint32(opts.MemoryBytes / pageSize))
	if e.cache, err = openCache(opts); err != nil {
		return nil, err
	}
	if e.cache != nil {
		config = config.WithCompilationCache(e.cache.Engine())
	}
	e.runtime = wazero.NewRuntimeWithConfig(e.ctx, config)
	if err := bind(e.ctx, e.runtime); err != nil {
		return nil, errors.Join(err, e.Close())
	}
	e.inUse.Go(e.keepSmall)
	return e, nil
}

// enter counts a user of the engine, whom Close waits for.
func (e *Engine) enter() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return ErrClosed
	}
	e.inUse.Add(1)
	return nil
}

// Close releases all modules after their sandboxes and loads are released. It may
// be called twice.
func (e *Engine) Close() error {
	e.mu.Lock()
	closed := e.closed
	e.closed = true
	e.mu.Unlock()
	if closed {
		return nil
	}
	e.cancel()
	e.inUse.Wait()
	e.remember()
	for _, m := range e.modules { // nobody uses them any more
		m.pool.close()
	}
	ctx := context.Background()
	err := e.runtime.Close(ctx)
	if e.cache != nil {
		err = errors.Join(err, e.cache.Close())
	}
	return err
}
