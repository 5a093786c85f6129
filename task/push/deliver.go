package push

import (
	"context"
	"errors"
	"slices"
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

// turn is how many events a webhook is sent before others of its target have a turn.
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
		for i, e := range events {
			if p.stopping() || e.Body != nil && !p.queue.may(j, time.Now()) {
				return true
			}
			sent++
			more, onward := p.event(j, e, events[i+1:])
			if !more {
				return false
			}
			if !onward {
				break
			}
		}
	}
	return true
}

// event sends one event, if it is for sending, and notes how that went. It reports
// whether there are more to send, and whether they are those behind it.
func (p *Pusher) event(j *job, e task.Event, behind []task.Event) (more, onward bool) {
	taken := false
	if e.Body != nil {
		o := p.send(j, e)
		switch {
		case o.refused && suspect(j.d):
			return p.past(j, e, behind, o), false
		case o.fault != "":
			return p.failed(j.d, e.Seq, o), false
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

// suspect tells whether an event that is refused once more may be at fault itself: it
// was tried a few times, or such events are known of the webhook.
func suspect(d *task.Delivery) bool { return d.LeftOut > 0 || d.Attempts+1 >= refusedAttempts }

// past tries what waits behind an event that the webhook refuses, each once, and the
// newest there is. What it takes shows that it is well, and those before are left
// out; without any, none is, and all wait. It reports whether there are more to send.
func (p *Pusher) past(j *job, e task.Event, behind []task.Event, o outcome) (more bool) {
	last, err := j.d.Last(p.sending)
	if err != nil {
		p.broken(j.d, err)
		return false
	}
	at, left := e.Seq, uint64(1)
	for _, next := range slices.Concat(behind, []task.Event{last}) {
		if next.Seq <= at {
			continue
		}
		left += next.Seq - at - 1 // none but before the newest
		if at = next.Seq; next.Body == nil {
			continue
		}
		if p.stopping() || !p.queue.may(j, time.Now()) {
			break
		}
		switch then := p.send(j, next); {
		case then.taken:
			p.delivered(next)
			return p.leaveOut(j.d, at, true, left, o.fault)
		case then.refused:
			left++
		case then.fault != "":
			return p.failed(j.d, e.Seq, then)
		}
	}
	return p.failed(j.d, e.Seq, o)
}

// leaveOut goes on behind events that the webhook refused. It reports whether there are more.
func (p *Pusher) leaveOut(d *task.Delivery, seq uint64, taken bool, left uint64, reason string) (more bool) {
	p.metrics().PushAttempts.Add(float64(left), "refused")
	if d.LeftOut == 0 {
		p.opts.Logger.Warn("a webhook refuses events, which are left out", "tenant", d.Tenant, "agent", d.Ref.Agent, "task", d.TaskID,
			"config", d.ConfigID, "after_event", d.Seq, "reason", reason)
	}
	more, err := d.LeaveOut(context.Background(), seq, taken, left, reason, lease)
	if err != nil {
		p.broken(d, err)
	}
	return more && err == nil
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

// failed decides what comes of a failed attempt: another, or none, or, when the
// event is left out, those behind it. It reports whether there are any.
func (p *Pusher) failed(d *task.Delivery, seq uint64, o outcome) (more bool) {
	attempts := d.Attempts + 1
	last := attempts >= p.opts.MaxAttempts || !d.Failing.IsZero() && time.Since(d.Failing) >= p.opts.MaxAge
	switch {
	case o.cut:
		p.giveBack(d)
	case last && o.refused && !d.Ended():
		return p.leaveOut(d, seq, false, 1, o.fault) // the task's end is still to be told
	case last, o.gone:
		p.giveUp(d, o.fault)
	default:
		p.metrics().PushAttempts.Add(1, "failed")
		at := time.Now().Add(max(p.opts.backOff(attempts), min(o.after, p.opts.MaxBackOff)))
		if err := d.Retry(context.Background(), at, o.fault, o.refused && suspect(d)); err != nil {
			p.broken(d, err)
			return false
		}
		p.retryAt(at)
	}
	return false
}

func (p *Pusher) giveUp(d *task.Delivery, reason string) {
	p.metrics().PushAttempts.Add(1, "dead")
	p.opts.Logger.Warn("a webhook was given up", "tenant", d.Tenant, "agent", d.Ref.Agent, "task", d.TaskID, "config", d.ConfigID,
		"after_event", d.Seq, "attempts", d.Attempts+1, "reason", reason)
	if err := d.GiveUp(context.Background(), reason); err != nil && !errors.Is(err, task.ErrFenced) {
		p.opts.Logger.Error("a webhook was not given up", "error", err)
	}
}
