package compile

import (
	"cmp"
	"context"
	"fmt"
	"sync"
	"time"
)

// Places bounds the compilations at a time that share it: as many as the
// channel holds.
type Places chan struct{}

func (p Places) take(ctx context.Context) (leave func(), err error) {
	select {
	case p <- struct{}{}:
		return func() { <-p }, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// within does the work of a compilation when there is a place. Waiting and work
// may each take as long as limit: a module does not pay for those before it.
func (p Places) within(ctx context.Context, limit time.Duration, work func(context.Context) error) error {
	busy := fmt.Errorf("%w: for %s", ErrBusy, limit)
	waiting, stop := context.WithTimeoutCause(ctx, limit, busy)
	leave, err := p.take(waiting)
	stop()
	if err != nil {
		return err
	}
	defer leave()
	slow := fmt.Errorf("%w: it takes longer than %s", ErrTime, limit)
	working, stop := context.WithTimeoutCause(ctx, limit, slow)
	defer stop()
	if err := work(working); err != nil {
		return cmp.Or(context.Cause(working), err)
	}
	return nil
}

// keyed lets one caller at a time work on a key.
type keyed struct {
	mu   sync.Mutex
	busy map[string]chan struct{} // closed when the key is free
}

func (k *keyed) lock(ctx context.Context, key string) (unlock func(), err error) {
	for {
		free, ok := k.try(key)
		if ok {
			return func() { k.unlock(key, free) }, nil
		}
		select {
		case <-free:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// try takes the key, or returns what is closed when to try again.
func (k *keyed) try(key string) (free chan struct{}, ok bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if free, busy := k.busy[key]; busy {
		return free, false
	}
	if k.busy == nil {
		k.busy = make(map[string]chan struct{})
	}
	free = make(chan struct{})
	k.busy[key] = free
	return free, true
}

func (k *keyed) unlock(key string, free chan struct{}) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.busy, key)
	close(free)
}
