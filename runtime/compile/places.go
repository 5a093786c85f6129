package compile

import (
	"context"
	"sync"
)

// Places bounds the compilations at a time that share it: as many as the
// channel holds.
type Places chan struct{}

func (p Places) take(ctx context.Context) (leave func(), err error) {
	select {
	case p <- struct{}{}:
		return func() { <-p }, nil
	case <-ctx.Done():
		return nil, &WaitError{context.Cause(ctx)}
	}
}

// WaitError is the cause of a context that ended while a place was waited for:
// the module was not tried.
type WaitError struct{ Cause error }

// Error returns the cause's text.
func (e *WaitError) Error() string {
	return "compile: waiting for other compilations: " + e.Cause.Error()
}

// Unwrap returns the cause.
func (e *WaitError) Unwrap() error { return e.Cause }

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
			return nil, &WaitError{context.Cause(ctx)}
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
