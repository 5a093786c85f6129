package push

import (
	"context"
	"net/http"
	"time"

	"github.com/carrelhq/carrel/task"
)

// Reach has webhooks reached through t. It is called before Run.
func (p *Pusher) Reach(t http.RoundTripper) { p.client = &http.Client{Transport: t} }

// EndDuring claims a delivery and gives it a turn that ends, with more to send, when
// shutdown has given back what waited; it returns after that shutdown.
func (p *Pusher) EndDuring(ctx context.Context, id task.DeliveryID) error {
	take, _, _ := p.queue.room([]task.DeliveryID{id})
	claimed, err := p.tasks.ClaimDeliveries(ctx, take, lease)
	p.queue.add(take, claimed)
	j, _ := p.queue.next(time.Now())
	p.work.Go(func() {
		time.Sleep(time.Second) // in a bubble
		p.queue.done(j, true, time.Now())
	})
	p.drain()
	return err
}
