package compile

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/tetratelabs/wazero"
	"golang.org/x/sys/cpu"
)

// Cache is a folder of compiled code. It is safe for concurrent use.
//
// The engine can open one folder only, by names it chooses, and asks nobody. That
// folder is the stage: it is empty but for the moments in which an entry, just
// checked, is linked into it to be loaded. One engine and one Runtime so serve
// all modules, and the engine can open nothing that was not checked.
type Cache struct {
	opts    Options
	dir     string
	secret  []byte // of the MACs
	stage   string
	version string // the engine's name for its version and this platform
	engine  wazero.CompilationCache
	release func() error // gives up the lock on dir

	keys keyed
	told sync.Once // what children lack

	mu   sync.Mutex
	used int64 // bytes of all entries, or -1 when not counted yet
}

// Open opens the cache in opts.Dir. Close releases it.
func Open(opts Options) (_ *Cache, err error) {
	if opts, err = opts.complete(); err != nil {
		return nil, err
	}
	c := &Cache{opts: opts, dir: opts.Dir, used: -1}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.Close())
		}
	}()
	if c.dir == "" {
		if c.dir, err = os.MkdirTemp("", "carrel-compiled-"); err != nil {
			return nil, err
		}
	} else if c.dir, err = filepath.Abs(c.dir); err != nil {
		return nil, err
	}
	if err := makeOwn(c.dir); err != nil {
		return nil, err
	}
	if c.release, err = c.lockAndTidy(); err != nil {
		return nil, err
	}
	if c.secret, err = c.openSecret(); err != nil {
		return nil, err
	}
	return c, c.openStage()
}

// openStage makes the folder that the engine looks into. The folder that the
// engine makes in it tells the engine's version, architecture and system.
func (c *Cache) openStage() (err error) {
	if c.stage, err = os.MkdirTemp(c.dir, stagePrefix); err != nil {
		return err
	}
	if c.engine, err = openEngineCache(c.stage); err != nil {
		return err
	}
	c.version, err = onlyName(c.stage)
	return err
}

// Engine is the cache that the Runtime must be configured with which modules
// are loaded into, beside [Config].
func (c *Cache) Engine() wazero.CompilationCache { return c.engine }

// Close releases what is loaded, after the Runtime was closed.
func (c *Cache) Close() error {
	var errs []error
	if c.engine != nil {
		errs = append(errs, c.engine.Close(context.Background()))
	}
	if c.stage != "" {
		errs = append(errs, os.RemoveAll(c.stage))
	}
	if c.release != nil {
		errs = append(errs, c.release())
	}
	if c.opts.Dir == "" && c.dir != "" {
		errs = append(errs, os.RemoveAll(c.dir))
	}
	return errors.Join(errs...)
}

// keyLength is the length of an entry's name.
const keyLength = 2 * sha256.Size

// key names the entry of a module: all that its code depends on. The engine's
// version comes with its platform; of the processor's features the engine looks
// at few, but which those are is its own affair.
func (c *Cache) key(module []byte) string {
	h := sha256.New()
	fmt.Fprintf(h, "carrel compiled code 1\x00%s\x00%s\x00%v%v\x00", c.version, c.opts.Version, cpu.X86, cpu.ARM64)
	_, _ = h.Write(module) // never fails
	return hex.EncodeToString(h.Sum(nil))
}
