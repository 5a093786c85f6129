package task

import (
	"sync"
	"time"

	"github.com/carrelhq/carrel/storage"
)

// maxFresh bounds what is handed over in memory.
const maxFresh = 1 << 16

// fresh hands webhooks that became due to who delivers in this process, without a
// search: storage has them all.
type fresh struct {
	mu   sync.Mutex
	list []DeliveryID
	lost bool // there were too many
}

func (f *fresh) add(ids []DeliveryID) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.list)+len(ids) > maxFresh {
		f.lost = true
		return
	}
	f.list = append(f.list, ids...)
}

// FreshDeliveries returns the webhooks that became due since it was called last.
// all is false when there may be others, for which [Manager.DueDeliveries] is to be
// asked: too many came, or other processes work on the store.
func (m *Manager) FreshDeliveries() (list []DeliveryID, all bool) {
	f := &m.fresh
	f.mu.Lock()
	defer f.mu.Unlock()
	list, all = f.list, !f.lost && !m.opts.Shared
	f.list, f.lost = nil, false
	return list, all
}

// dueFront is where the index of what is due begins. What lies before it has been
// delivered, and in a log-structured store costs every search a look at what was
// deleted there.
type dueFront struct {
	space    storage.Key // of the index
	mu       sync.Mutex
	from     time.Time // nothing is due before
	searched time.Time // from the very beginning
}

const (
	// frontMargin is for what is written late, or by a clock that is behind.
	frontMargin = 2 * time.Second
	// frontFor is how long it is believed.
	frontFor = time.Minute
)

// start is the key to search from.
func (f *dueFront) start(now time.Time) storage.Key {
	f.mu.Lock()
	defer f.mu.Unlock()
	if now.Sub(f.searched) > frontFor {
		f.searched = now
		return nil
	}
	return f.space.Time(f.from)
}

// found notes when the first entry of a search is due.
func (f *dueFront) found(first time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.from = first.Add(-frontMargin)
}
