package push

import (
	"context"
	"slices"
	"time"

	"github.com/carrelhq/carrel/task"
)

// wait returns when there may be something to deliver, false when ctx has ended.
func (p *Pusher) wait(ctx context.Context, wake <-chan struct{}) bool {
	timer := time.NewTimer(time.Until(p.searchAt()))
	defer timer.Stop()
	select {
	case <-wake:
	case <-p.poke:
	case <-timer.C:
	case <-ctx.Done():
	}
	return ctx.Err() == nil
}

// searchAt is when storage is to be searched the next time.
func (p *Pusher) searchAt() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	at := p.searched.Add(sweepEvery)
	if !p.next.IsZero() && p.next.Before(at) {
		at = p.next
	}
	if least := p.searched.Add(searchPause); at.Before(least) {
		return least
	}
	return at
}

// retryAt has storage searched at the given time at the latest.
func (p *Pusher) retryAt(at time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.next.IsZero() || at.Before(p.next) {
		p.next = at
		p.wakeUp()
	}
}

// lookAt has the loop look at a delivery that was found due while it was here.
func (p *Pusher) lookAt(id task.DeliveryID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.look = append(p.look, id)
	p.wakeUp()
}

func (p *Pusher) wakeUp() {
	select {
	case p.poke <- struct{}{}:
	default:
	}
}

// collect claims what has become due, and has it delivered.
func (p *Pusher) collect(ctx context.Context) error {
	ids, all := p.tasks.FreshDeliveries()
	p.mu.Lock()
	ids = append(ids, p.look...)
	p.look = nil
	p.mu.Unlock()
	full, err := p.claimAll(ctx, ids)
	if err != nil {
		return err
	}
	if !all && !full {
		p.retryAt(time.Now())
	}
	if p.searchAt().After(time.Now()) {
		return nil
	}
	return p.search(ctx, false)
}

// search claims what storage has that is due, for as long as there is room for it here.
func (p *Pusher) search(ctx context.Context, everything bool) error {
	p.mu.Lock()
	p.searched, p.next = time.Now(), time.Time{}
	p.mu.Unlock()
	var after []byte
	for {
		ids, last, next, err := p.tasks.DueDeliveries(ctx, after, everything)
		if err != nil {
			return err
		}
		if !next.IsZero() {
			p.retryAt(next)
		}
		if full, err := p.claimAll(ctx, ids); err != nil || full || last == nil {
			return err
		}
		after = last
	}
}

// claimBatch is how many deliveries one update claims.
const claimBatch = 500

func (p *Pusher) claimAll(ctx context.Context, ids []task.DeliveryID) (full bool, err error) {
	for batch := range slices.Chunk(ids, claimBatch) {
		if full, err = p.claim(ctx, batch); full || err != nil {
			break
		}
	}
	return full, err
}

// claim claims what there is room for, and puts off what its tenant has too much
// of; full reports that there is no room for anybody.
func (p *Pusher) claim(ctx context.Context, ids []task.DeliveryID) (full bool, err error) {
	take, crowd, full := p.queue.room(ids)
	var claimed []*task.Delivery
	if len(take) > 0 {
		if claimed, err = p.tasks.ClaimDeliveries(ctx, take, lease); err != nil {
			p.queue.forget(take)
			return full, err
		}
	}
	p.queue.add(take, claimed)
	p.start()
	if len(crowd) > 0 {
		at := time.Now().Add(crowded)
		err = p.tasks.DelayDeliveries(ctx, crowd, at)
		p.retryAt(at)
	}
	return full, err
}
