package compile

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/carrelhq/carrel/runtime/share"
)

// Places bounds the compilations at a time that share it. Tenants take turns, and
// where there are two places or more none has all of them.
type Places struct{ account *share.Account }

// NewPlaces returns that many places, for which so many compilations may wait.
func NewPlaces(places, waiting int) *Places {
	return &Places{share.New(share.Options{Most: int64(places), Queue: waiting})}
}

// Line is where one tenant's compilations wait for a place.
type Line struct {
	places *Places
	tenant string
}

// Line returns a tenant's line. The name only tells tenants apart.
func (p *Places) Line(tenant string) Line { return Line{p, tenant} }

// Within does the work of a compilation when there is a place. Waiting and work
// may each take as long as limit: a module does not pay for those before it. The
// error is an ErrBusy, an ErrTime, the cause of ctx, or that of work.
func (l Line) Within(ctx context.Context, limit time.Duration, work func(context.Context) error) error {
	busy := fmt.Errorf("%w: for %s", ErrBusy, limit)
	waiting, stop := context.WithTimeoutCause(ctx, limit, busy)
	place, err := l.places.account.Take(waiting, l.tenant, 1)
	stop()
	if errors.Is(err, share.ErrBusy) {
		return fmt.Errorf("%w, and %w", ErrBusy, err)
	}
	if err != nil {
		return err
	}
	defer place.Release()
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
