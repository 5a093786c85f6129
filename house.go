package carrel

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/carrelhq/carrel/agent"
	"github.com/carrelhq/carrel/agent/signing"
	"github.com/carrelhq/carrel/broker"
	"github.com/carrelhq/carrel/internal/egress"
	"github.com/carrelhq/carrel/internal/seal"
	"github.com/carrelhq/carrel/internal/telemetry"
	"github.com/carrelhq/carrel/runtime"
	"github.com/carrelhq/carrel/server"
	"github.com/carrelhq/carrel/storage"
	"github.com/carrelhq/carrel/storage/badgerdb"
	"github.com/carrelhq/carrel/task"
	"github.com/carrelhq/carrel/task/push"
	"github.com/carrelhq/carrel/task/wasm"
	"github.com/carrelhq/carrel/task/worker"
	"github.com/carrelhq/carrel/tenant"
)

// Names inside a data folder.
const (
	// OperatorKeyFile holds the operator's token, readable by its owner only.
	OperatorKeyFile = "operator.key"
	// SecretKeyFile holds the key that secrets are encrypted with in the store.
	SecretKeyFile = "secret.key"

	storeDir = "store"
	cacheDir = "cache"
)

// flushSpans is how long a collector may take to receive the last spans.
const flushSpans = 5 * time.Second

// house is everything but the edge: what turns an accepted message into work done.
type house struct {
	opts        Options
	db          storage.DB
	broker      broker.Broker
	keys        *tenant.Keys
	secrets     *seal.Key // nil where there is no file for the key, and so are cardSecrets
	cardSecrets *seal.Key
	cardKeys    *signing.Keys // nil without cardSecrets
	tokens      []byte        // authenticates page tokens; nil where there is no file for the key
	linkKey     []byte        // nil as secrets are
	links       *server.Links
	url         string // where the HTTP listener is reached, for links
	guard       *egress.Guard
	engine      *runtime.Engine
	agents      *agent.Registry
	tasks       *task.Manager
	loop        *worker.Loop
	pusher      *push.Pusher // nil without secrets
	telemetry   *telemetry.Telemetry
	preloaded   chan struct{} // closed when the modules of the last life are ready
	closers     []func() error
}

func (h *house) onClose(fn func() error) { h.closers = append(h.closers, fn) }

// close releases what was opened, the last first.
func (h *house) close() error {
	var errs []error
	for i := len(h.closers) - 1; i >= 0; i-- {
		errs = append(errs, h.closers[i]())
	}
	h.closers = nil
	return errors.Join(errs...)
}

func (h *house) build(context.Context) error {
	for _, step := range []func() error{h.openStore, h.openBroker, h.openEngine, h.buildTasks, h.buildLoop} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

func (h *house) openStore() error {
	if h.db = h.opts.DB; h.db == nil {
		if err := os.MkdirAll(h.opts.DataDir, 0o700); err != nil {
			return err
		}
		db, err := badgerdb.Open(badgerdb.Options{
			Dir:         filepath.Join(h.opts.DataDir, storeDir),
			MemoryBytes: h.opts.StoreMemoryBytes,
			Logger:      h.opts.Logger,
		})
		if err != nil {
			return err
		}
		h.db = db
		h.onClose(db.Close)
	}
	h.keys = tenant.NewKeys(h.db)
	return nil
}

// openTelemetry prepares metrics, and tracing as the OTEL_* variables say.
func (h *house) openTelemetry(ctx context.Context) (err error) {
	h.telemetry, err = telemetry.New(ctx, telemetry.Options{Version: h.opts.Version, Logger: h.opts.Logger})
	if err != nil {
		return err
	}
	h.onClose(func() error {
		ctx, cancel := context.WithTimeout(context.Background(), flushSpans)
		defer cancel()
		if err := h.telemetry.Shutdown(ctx); err != nil {
			h.opts.Logger.Warn("spans were lost", "error", err) // no reason to call the stop unclean
		}
		return nil
	})
	return nil
}

func (h *house) openBroker() error {
	if h.broker = h.opts.Broker; h.broker == nil {
		h.broker = broker.New()
		h.onClose(h.broker.Close)
	}
	return nil
}

// openEngine builds the engine and the register of agents. With the embedder's
// own worker there is no engine, and the register refuses uploads.
func (h *house) openEngine() (err error) {
	var inspector agent.Inspector
	if h.opts.Worker == nil {
		opts := runtime.Options{
			MemoryBytes:        h.opts.MemoryBytes,
			AllMemoryBytes:     h.opts.AllMemoryBytes,
			TenantMemoryBytes:  h.opts.TenantMemoryBytes,
			ModuleBytes:        h.opts.ModuleBytes,
			CacheBytes:         h.opts.CacheBytes,
			CompileMemoryBytes: h.opts.CompileMemoryBytes,
			InspectTimeout:     h.opts.CompileTimeout,
			CompileCommand:     h.opts.CompileCommand,
			Logger:             h.opts.Logger,
			Telemetry:          h.telemetry,
		}
		if h.opts.DataDir != "" {
			opts.CacheDir = filepath.Join(h.opts.DataDir, cacheDir)
		}
		if h.engine, err = runtime.NewEngine(opts); err != nil {
			return err
		}
		h.onClose(h.engine.Close)
		inspector = h.engine
	}
	h.agents, err = agent.NewRegistry(h.db, inspector, agent.Options{MaxModule: h.opts.MaxModule, Grants: h.opts.Grants})
	return err
}

func (h *house) buildTasks() (err error) {
	h.links = server.NewLinks(h.linkKey, h.opts.LinkTime)
	h.tasks, err = task.NewManager(h.db, h.broker, h.agents, task.Options{
		Logger:      h.opts.Logger,
		Telemetry:   h.telemetry,
		MaxAttempts: h.opts.MaxAttempts,
		MaxQueued:   h.opts.MaxQueued,
		Push:        h.pushOptions(),
		TokenKey:    h.tokens,

		IdempotencyWindow: h.opts.IdempotencyWindow,
	})
	return err
}

func (h *house) buildLoop() error {
	w := h.opts.Worker
	if w == nil {
		sandboxed, err := wasm.New(h.engine, h.agents, wasm.Options{
			RunTimeout:  h.opts.RunTimeout,
			MemoryBytes: h.opts.MemoryBytes,
			Logger:      h.opts.Logger,
			Telemetry:   h.telemetry,
		})
		if err != nil {
			return err
		}
		w = sandboxed
	}
	opts := worker.Options{
		Concurrency: h.opts.Concurrency,
		RunTimeout:  h.opts.RunTimeout,
		SoftStop:    h.opts.SoftStop,
		Logger:      h.opts.Logger,
		Telemetry:   h.telemetry,
	}
	if h.opts.OnLine != nil {
		opts.Over = h.tellLines
	}
	loop, err := worker.New(h.tasks, h.broker, w, opts)
	h.loop = loop
	return err
}

// preloadFor is how long the server says at most that it is not ready yet because of
// the modules that it had ready in its last life.
const preloadFor = 5 * time.Second

// work runs tasks until ctx ends, and makes ready meanwhile what was ready before. A
// task that comes too early waits for its own module only.
func (h *house) work(ctx context.Context) error {
	var preloading sync.WaitGroup
	defer preloading.Wait()
	preloading.Go(func() {
		defer close(h.preloaded)
		if h.engine != nil {
			loading, cancel := context.WithTimeout(ctx, preloadFor)
			defer cancel()
			h.engine.Preload(loading, h.agents.Module)
		}
	})
	return h.loop.Run(ctx)
}

func (h *house) declare(ctx context.Context) error {
	for _, a := range h.opts.Agents {
		if a.Tenant == "" {
			a.Tenant = tenant.Default
		}
		if _, err := h.agents.Declare(ctx, a.Tenant, a.Name, a.Description, agent.PushOptions{Visibility: a.Visibility}); err != nil {
			return fmt.Errorf("agent %s/%s: %w", a.Tenant, a.Name, err)
		}
	}
	return nil
}

func (h *house) edgeOptions() server.Options {
	return server.Options{
		Dev:             h.opts.Dev,
		PublicURL:       h.opts.PublicURL,
		GRPCPublicURL:   h.opts.GRPCPublicURL,
		TrustedProxies:  h.opts.TrustedProxies,
		CORSOrigins:     h.opts.CORSOrigins,
		DefaultAgent:    h.opts.DefaultAgent,
		BlockingTimeout: h.opts.BlockingTimeout,
		Grace:           h.opts.SoftStop, // requests that wait for runs have as long as the runs
		MaxBody:         h.opts.MaxBody,
		MaxModule:       h.opts.MaxModule,
		MaxStreams:      h.opts.MaxStreams,
		MaxConns:        h.opts.MaxConns,
		TLSCert:         h.opts.TLSCert,
		TLSKey:          h.opts.TLSKey,
		Version:         h.opts.Version,
		Ready:           h.ready,
		MetricsText:     h.telemetry.MetricsText,
		Backup:          h.backup(),
		CardKeys:        h.cardKeys,
		Links:           h.links,
		URL:             h.url,
		Logger:          h.opts.Logger,
		Telemetry:       h.telemetry,
	}
}

// errPreloading is why a server is not ready at first.
var errPreloading = errors.New("the modules that were in use before are being loaded")

// ready tells why a task would have to wait, or the store would not take it.
func (h *house) ready(ctx context.Context) error {
	select {
	case <-h.preloaded:
	default:
		return errPreloading
	}
	if db, ok := h.db.(interface{ ReadOnlyCause() error }); ok {
		if err := db.ReadOnlyCause(); err != nil {
			return err
		}
	}
	return h.db.View(ctx, func(storage.Tx) error { return nil })
}

// backup returns nil for a store that cannot be copied while it runs.
func (h *house) backup() func(context.Context, interface{ Write([]byte) (int, error) }) error {
	db, ok := h.db.(interface {
		Backup(context.Context, io.Writer) error
	})
	if !ok {
		return nil
	}
	return func(ctx context.Context, w interface{ Write([]byte) (int, error) }) error {
		return db.Backup(ctx, w)
	}
}
