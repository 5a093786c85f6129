package runtime

import (
	"encoding/binary"
	"time"
)

// The clocks that there are; both show the guest's own time.
const (
	clockRealtime  = 0
	clockMonotonic = 1
)

// clock returns what a clock shows.
func (in *instance) clock(id uint32) (time.Duration, bool) {
	switch id {
	case clockRealtime:
		return in.now(), true
	case clockMonotonic:
		return in.monotonic(), true
	}
	return 0, false
}

func clockTime(c *wasiCall) errno {
	now, ok := c.in.clock(c.arg(0))
	if !ok {
		return errnoInval
	}
	return faultUnless(c.mem.WriteUint64Le(c.arg(2), uint64(now)))
}

// The layout of subscriptions and events of poll_oneoff.
const (
	maxSubscriptions = 64
	subscriptionSize = 48
	eventSize        = 32
	subscribeClock   = 0
	absoluteTime     = 1
)

// poll waits on clocks by advancing the guest's own: nobody waits. The
// subscriptions that have come due by then are answered. Those that are not to a
// clock it has fail at once, and nothing is waited for.
func poll(c *wasiCall) errno {
	at, out, n := c.arg(0), c.arg(1), c.arg(2)
	if n == 0 || n > maxSubscriptions {
		return errnoInval
	}
	view, ok := c.mem.Read(at, n*subscriptionSize)
	if !ok {
		return errnoFault
	}
	wait := c.in.shortest(view)
	events := c.in.due(view, wait)
	c.in.sleep(wait)
	return faultUnless(c.mem.Write(out, events) && c.mem.WriteUint32Le(c.arg(3), uint32(len(events)/eventSize)))
}

// shortest is how long it takes until the first subscription can be answered.
func (in *instance) shortest(subscriptions []byte) time.Duration {
	shortest := time.Duration(1<<63 - 1)
	for s := subscriptions; len(s) > 0; s = s[subscriptionSize:] {
		wait, _ := in.waitOf(s)
		shortest = min(shortest, wait)
	}
	return shortest
}

// due makes the events of the subscriptions that wait no longer than that.
func (in *instance) due(subscriptions []byte, waited time.Duration) (events []byte) {
	for s := subscriptions; len(s) > 0; s = s[subscriptionSize:] {
		wait, result := in.waitOf(s)
		if wait > waited {
			continue
		}
		var event [eventSize]byte
		copy(event[:8], s[:8])
		binary.LittleEndian.PutUint16(event[8:], uint16(result))
		event[10] = s[8]
		events = append(events, event[:]...)
	}
	return events
}

// waitOf returns how long a subscription waits, and what it is answered then.
func (in *instance) waitOf(s []byte) (time.Duration, errno) {
	if s[8] != subscribeClock {
		return 0, errnoNotsup
	}
	now, ok := in.clock(binary.LittleEndian.Uint32(s[16:]))
	if !ok {
		return 0, errnoInval
	}
	timeout := time.Duration(min(binary.LittleEndian.Uint64(s[24:]), 1<<62))
	if binary.LittleEndian.Uint16(s[40:])&absoluteTime != 0 {
		timeout -= now
	}
	return max(timeout, 0), errnoSuccess
}
