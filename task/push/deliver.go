package push

import (
	"context"
	"errors"
	"time"

	"github.com/carrelhq/carrel/task"
)

// start begins deliveries for which there are free places, and begins those later
// whose tenants have made as many attempts as they may.
func (p *Pusher) start() {
	for {
		j, wait := p.queue.next(time.Now())
		if j == nil {
			p.startIn(wait)
			return
		}
		p.work.Go(func() { p.do(j) })
	}
}

// startIn has the loop call start in a while, once however often it is asked.
func (p *Pusher) startIn(wait time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if wait == 0 || p.later || p.stop {
		return
	}
	p.later = true
	time.AfterFunc(wait, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.later = false
		p.wakeUp()
	})
}

// do works on a delivery for a while, and passes its place on.
func (p *Pusher) do(j *job) {
	goOn := p.deliver(j)
	if goOn && p.stopping() {
		p.giveBack(j.d)
		goOn = false
	}
	again, room := p.queue.done(j, goOn, time.Now())
	if again {
		p.lookAt(j.d.DeliveryID)
	}
	if room {
		p.retryAt(time.Now())
	}
	p.start()
}

// turn is how many events a webhook is sent before others of its target have a turn;
// a round of probes ends it, too.
const turn = 32

// deliver sends the next events of a delivery. It reports whether there are more;
// otherwise the delivery is over. It reads no more events than its tenant may be sent
// now: what is over the rate would be read again for each of its attempts.
func (p *Pusher) deliver(j *job) (goOn bool) {
	d := j.d
	for sent := 0; sent < turn; {
		most := min(turn-sent, p.queue.attempts(j, time.Now()))
		if most == 0 {
			return true
		}
		events, err := d.Events(p.sending, most)
		if err != nil {
			p.broken(d, err)
			return false
		}
		if len(events) == 0 {
			events = []task.Event{{Seq: d.Seq}}
		}
		for _, e := range events {
			if p.stopping() || e.Body != nil && !p.queue.may(j, time.Now()) {
				return true
			}
			more, onward := p.event(j, e)
			if !more || !onward {
				return more
			}
			sent++
		}
	}
	return true
}

// event sends one event, if it is for sending, and notes how that went. It reports
// whether there are more to send, and whether that goes on at once.
func (p *Pusher) event(j *job, e task.Event) (more, onward bool) {
	taken := false
	if e.Body != nil {
		o := p.send(j, e)
		switch {
		case o.refused && suspect(j.d):
			return p.probe(j, e, o), false
		case o.fault != "":
			return p.failed(j.d, e.Seq, 0, o), false
		}
		taken = o.taken
	}
	if taken {
		p.delivered(e)
	}
	more, err := j.d.Advance(context.Background(), e.Seq, taken, lease)
	if err != nil {
		p.broken(j.d, err)
	}
	return more && err == nil, true
}

func (p *Pusher) delivered(e task.Event) {
	p.metrics().PushAttempts.Add(1, "delivered")
	p.metrics().PushSeconds.Observe(time.Since(e.Time))
}

// broken ends a delivery that cannot go on, for a reason that is not the
// webhook's. It is due again when its claim runs out, unless it is gone.
func (p *Pusher) broken(d *task.Delivery, err error) {
	switch {
	case errors.Is(err, task.ErrFenced), errors.Is(err, task.ErrTaskNotFound):
	case errors.Is(err, task.ErrEventsPurged):
		p.giveUp(d, "events that it was not sent are no longer kept")
	case p.sending.Err() != nil:
		p.giveBack(d)
	default:
		p.opts.Logger.Error("a webhook could not be worked on", "tenant", d.Tenant, "task", d.TaskID, "config", d.ConfigID, "error", err)
	}
}

// last tells whether the attempt that is under way is the last one at its event.
func (p *Pusher) last(d *task.Delivery) bool {
	return d.Attempts+1 >= p.opts.MaxAttempts || !d.Failing.IsZero() && time.Since(d.Failing) >= p.opts.MaxAge
}

// failed decides what comes of a failed attempt at an event: another, or none, or, when
// it is left out, those behind it. It reports whether there are any. probed is as in
// [task.Delivery.Refused].
func (p *Pusher) failed(d *task.Delivery, seq, probed uint64, o outcome) (more bool) {
	switch {
	case o.cut:
		p.giveBack(d)
	case o.gone:
		p.giveUp(d, o.fault)
	case p.last(d) && o.refused && !d.Ended():
		return p.leaveOut(d, seq, false, o.fault) // the task's end is still to be told
	case p.last(d):
		p.giveUp(d, o.fault)
	default:
		p.again(d, probed, o)
	}
	return false
}

// again has the delivery tried again later.
func (p *Pusher) again(d *task.Delivery, probed uint64, o outcome) {
	p.metrics().PushAttempts.Add(1, "failed")
	at := time.Now().Add(max(p.opts.backOff(d.Attempts+1), min(o.after, p.opts.MaxBackOff)))
	var err error
	if o.refused {
		err = d.Refused(context.Background(), at, o.fault, probed)
	} else {
		err = d.Retry(context.Background(), at, o.fault)
	}
	if err != nil {
		p.broken(d, err)
		return
	}
	p.retryAt(at)
}

func (p *Pusher) giveUp(d *task.Delivery, reason string) {
	p.metrics().PushAttempts.Add(1, "dead")
	p.opts.Logger.Warn("a webhook was given up", "tenant", d.Tenant, "agent", d.Ref.Agent, "task", d.TaskID, "config", d.ConfigID,
		"after_event", d.Seq, "attempts", d.Attempts+1, "reason", reason)
	if err := d.GiveUp(context.Background(), reason); err != nil && !errors.Is(err, task.ErrFenced) {
		p.opts.Logger.Error("a webhook was not given up", "error", err)
	}
}
