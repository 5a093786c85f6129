package compile

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/experimental"
)

// workers is the number of threads that compile. With more than one the engine
// looks at the context between functions.
const workers = 2

// translate compiles a module into dir, in the engine's layout.
func translate(ctx context.Context, dir string, module []byte) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = panicked(p)
		}
	}()
	cache, err := openEngineCache(dir)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	defer cache.Close(context.Background())
	r := wazero.NewRuntimeWithConfig(context.Background(), Config().WithCompilationCache(cache))
	defer r.Close(context.Background())
	_, err = r.CompileModule(experimental.WithCompilationWorkers(ctx, workers), module)
	return classify(err)
}

// Here compiles a module in r, in process and without a cache, with a place for
// it held and within limit. Errors are as those of [Cache.Load].
func Here(ctx context.Context, r wazero.Runtime, module []byte, line Line, limit time.Duration) (compiled wazero.CompiledModule, err error) {
	err = line.Within(ctx, limit, func(ctx context.Context) (err error) {
		compiled, err = r.CompileModule(experimental.WithCompilationWorkers(ctx, workers), module)
		return classify(err)
	})
	return compiled, err
}

// classify tells what an error of the engine is about.
func classify(err error) error {
	var path *fs.PathError
	switch {
	case err == nil:
		return nil
	case errors.Is(err, syscall.ENOMEM), errors.Is(err, syscall.EFBIG):
		return fmt.Errorf("%w: %w", ErrMemory, err)
	case errors.As(err, &path), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return fmt.Errorf("%w: %w", ErrInvalid, err)
}

// panicked is the error of a panic in the engine.
func panicked(p any) error {
	if err, ok := p.(error); ok && errors.Is(err, syscall.ENOMEM) {
		return fmt.Errorf("%w: %w", ErrMemory, err)
	}
	return &crash{fmt.Sprint(p), string(debug.Stack())}
}

// crash is an ErrCrashed with what is known of it.
type crash struct{ reason, trace string }

func (c *crash) Error() string        { return ErrCrashed.Error() + ": " + c.reason }
func (c *crash) Is(target error) bool { return target == ErrCrashed }

// errMiss says that an entry is not there (any more).
var errMiss = errors.New("compile: not in the cache")

// loadOnly loads a module that the engine finds on the stage. With a context that
// has ended and more than one worker a hit loads and a miss fails, where the
// engine would compile otherwise.
func loadOnly(ctx context.Context, r wazero.Runtime, module []byte) (wazero.CompiledModule, error) {
	ended, cancel := context.WithCancel(ctx)
	cancel()
	compiled, err := r.CompileModule(experimental.WithCompilationWorkers(ended, workers), module)
	if errors.Is(err, context.Canceled) || err != nil && strings.Contains(err.Error(), context.Canceled.Error()) {
		return nil, errors.New("it is not the code of that module")
	}
	return compiled, err
}
