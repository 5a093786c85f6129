package broker

import "sync"

// topics passes wake-ups to watchers. It is safe for concurrent use.
type topics struct {
	mu       sync.RWMutex
	watchers map[string][]*watcher
}

// watcher is one registration. Its channel of capacity one is the whole memory
// of what it missed: readable means look again.
type watcher struct {
	wake  chan struct{}
	place int // its index in the topic's slice, -1 when stopped
}

// notify only reads the table, so notifications do not wait for each other.
func (t *topics) notify(topic string) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	for _, w := range t.watchers[topic] {
		wake(w.wake)
	}
}

func (t *topics) watch(topic string) (<-chan struct{}, func()) {
	w := &watcher{wake: make(chan struct{}, 1)}
	t.mu.Lock()
	defer t.mu.Unlock()
	w.place = len(t.watchers[topic])
	t.watchers[topic] = append(t.watchers[topic], w)
	return w.wake, func() { t.stop(topic, w) }
}

// stop removes w by moving the last watcher into its place.
func (t *topics) stop(topic string, w *watcher) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if w.place < 0 {
		return
	}
	all := t.watchers[topic]
	last := len(all) - 1
	all[w.place] = all[last]
	all[w.place].place = w.place
	all[last] = nil
	w.place = -1
	if last == 0 {
		delete(t.watchers, topic)
		return
	}
	t.watchers[topic] = all[:last]
}
