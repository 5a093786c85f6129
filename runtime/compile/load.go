package compile

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/tetratelabs/wazero"
)

// Load loads a module into r, which was made with [Cache.Engine] and [Config].
// When there is no entry, or a wrong one, the module is compiled first, with a
// place for it held; hit tells whether that was not needed. It returns the
// cause of ctx when that ends first, or one of this package's errors. Loads of
// one module wait for each other, and each has a CompiledModule of its own to
// close.
func (c *Cache) Load(ctx context.Context, r wazero.Runtime, module []byte, line Line) (_ wazero.CompiledModule, hit bool, err error) {
	key := c.key(module)
	unlock, err := c.keys.lock(ctx, key)
	if err != nil {
		return nil, false, err
	}
	defer unlock()
	compiled, err := c.open(ctx, r, key, module)
	if !errors.Is(err, errMiss) {
		return compiled, true, err
	}
	work := func(ctx context.Context) error { return c.add(ctx, key, module) }
	if err := line.Within(ctx, c.opts.Limits.Time, work); err != nil {
		return nil, false, err
	}
	if compiled, err = c.open(ctx, r, key, module); errors.Is(err, errMiss) {
		err = fmt.Errorf("%w: what was compiled is not there", ErrUnavailable)
	}
	return compiled, false, err
}

// add compiles a module into a new entry, until ctx ends.
func (c *Cache) add(ctx context.Context, key string, module []byte) error {
	dir, err := os.MkdirTemp(c.dir, newPrefix)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	defer os.RemoveAll(dir)
	if len(c.opts.Command) > 0 {
		err = c.delegate(ctx, dir, module)
	} else {
		err = translate(ctx, dir, module)
	}
	if err != nil {
		return err
	}
	if err := c.publish(dir, key); err != nil {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return nil
}

// open loads an entry once it is found to be ours, or returns errMiss.
func (c *Cache) open(ctx context.Context, r wazero.Runtime, key string, module []byte) (wazero.CompiledModule, error) {
	name, err := c.mount(key)
	if errors.Is(err, errMiss) {
		return nil, err
	}
	if err == nil {
		defer os.Remove(filepath.Join(c.stage, c.version, name))
		var compiled wazero.CompiledModule
		if compiled, err = loadOnly(ctx, r, module); err == nil {
			now := time.Now()
			_ = os.Chtimes(filepath.Join(c.dir, key), now, now) // only makes it go sooner
			return compiled, nil
		}
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	c.opts.Logger.Warn("entry of compiled code is removed", "entry", key, "reason", err)
	if err := c.remove(key); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return nil, errMiss
}

// mount checks an entry and links its code into the stage.
func (c *Cache) mount(key string) (name string, err error) {
	code, err := c.check(key)
	if err != nil {
		return "", err
	}
	defer code.Close()
	name = filepath.Base(code.Name())
	staged := filepath.Join(c.stage, c.version, name)
	if err := os.Link(code.Name(), staged); err != nil {
		return "", err
	}
	if err := sameFile(code, staged); err != nil {
		return "", errors.Join(err, os.Remove(staged))
	}
	return name, nil
}
