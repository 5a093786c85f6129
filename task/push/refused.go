package push

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/carrelhq/carrel/task"
)

// A webhook may refuse an event for what it is, as one that knows no artifacts, or
// everything for a while. The events behind tell which: it is the event where one of
// them is taken. Till then nothing is left out.
const (
	// refusedAttempts is how often an event is tried that the webhook refuses, before
	// those behind it are.
	refusedAttempts = 3
	// probes is how many of these are tried in a round, which must end before its claim does.
	probes = 4
)

// refusals are the statuses that speak of what was sent, and not of the webhook,
// unless they say when to come again.
var refusals = []int{http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType, http.StatusUnprocessableEntity}

// refuses tells whether an answer speaks of what was sent. after is when it says to come again.
func refuses(status int, after time.Duration) bool {
	return after == 0 && slices.Contains(refusals, status)
}

// suspect tells whether an event that is refused once more may be at fault itself: it
// was tried a few times, or such events are known of the webhook.
func suspect(d *task.Delivery) bool { return d.LeftOut > 0 || d.Attempts+1 >= refusedAttempts }

// probe tries some of what waits behind an event that the webhook refuses, each once,
// from where the round before this came to. What it takes shows that it is well, and
// what it refused before that is left out; else none is, and all wait. It reports
// whether there are more to send.
func (p *Pusher) probe(j *job, e task.Event, o outcome) (more bool) {
	d, probed := j.d, max(e.Seq, j.d.Probed)
	behind, err := d.EventsAfter(p.sending, probed, probes)
	if err == nil && p.last(d) && d.Ended() { // else it is given up: the end is told, if it takes that
		behind, err = d.EventsAfter(p.sending, d.Newest()-1, 1)
	}
	if err != nil {
		p.broken(d, err)
		return false
	}
	for _, next := range behind {
		if p.stopping() {
			p.giveBack(d)
			return false
		}
		if next.Body == nil || next.Seq == e.Seq {
			probed = next.Seq
			continue
		}
		if !p.queue.may(j, time.Now()) {
			p.again(d, probed, o) // and not given up, if that was the last attempt
			return false
		}
		then := p.send(j, next)
		if then.taken {
			p.delivered(next)
			return p.leaveOut(d, next.Seq, true, o.fault)
		}
		if then.fault != "" && !then.refused {
			o.after, o.gone, o.cut = then.after, then.gone, then.cut
			break
		}
		probed = next.Seq
	}
	return p.failed(d, e.Seq, probed, o)
}

// leaveOut goes on behind events that the webhook refused. It reports whether there are more.
func (p *Pusher) leaveOut(d *task.Delivery, seq uint64, taken bool, reason string) (more bool) {
	before := d.LeftOut
	more, err := d.LeaveOut(context.Background(), seq, taken, reason, lease)
	if err != nil {
		p.broken(d, err)
		return false
	}
	p.metrics().PushAttempts.Add(float64(d.LeftOut-before), "refused")
	if before == 0 {
		p.opts.Logger.Warn("a webhook refuses events, which are left out", "tenant", d.Tenant, "agent", d.Ref.Agent, "task", d.TaskID,
			"config", d.ConfigID, "event", seq, "reason", reason)
	}
	return more
}
