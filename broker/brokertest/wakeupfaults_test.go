package brokertest

import (
	"slices"
	"strings"
	"sync"

	"github.com/carrelhq/carrel/broker"
)

// board is a table of wake channels whose rules a fault bends.
type board struct {
	capacity int                                   // of a wake channel, 1 when right
	wakes    func(watched, notified string) bool   // equality when right
	reach    func([]*registration) []*registration // all when right
	stop     func(bd *board, r *registration)      // removal of r when right

	mu   sync.Mutex
	regs []*registration
}

type registration struct {
	topic string
	wake  chan struct{}
}

// on puts bd in the place of b's own wake-ups.
func (bd *board) on(b broker.Broker) broker.Broker {
	return &faulty{Broker: b, notify: bd.notify, watch: bd.watch}
}

func (bd *board) notify(topic string) {
	bd.mu.Lock()
	defer bd.mu.Unlock()
	var hit []*registration
	for _, r := range bd.regs {
		if r.topic == topic || bd.wakes != nil && bd.wakes(r.topic, topic) {
			hit = append(hit, r)
		}
	}
	if bd.reach != nil {
		hit = bd.reach(hit)
	}
	for _, r := range hit {
		select {
		case r.wake <- struct{}{}:
		default:
		}
	}
}

func (bd *board) watch(topic string) (<-chan struct{}, func()) {
	bd.mu.Lock()
	defer bd.mu.Unlock()
	r := &registration{topic: topic, wake: make(chan struct{}, bd.capacity)}
	bd.regs = append(bd.regs, r)
	return r.wake, func() {
		bd.mu.Lock()
		defer bd.mu.Unlock()
		if bd.stop != nil {
			bd.stop(bd, r)
			return
		}
		bd.remove(func(other *registration) bool { return other == r })
	}
}

func (bd *board) remove(which func(*registration) bool) {
	bd.regs = slices.DeleteFunc(bd.regs, which)
}

func unbuffered(b broker.Broker) broker.Broker {
	return (&board{capacity: 0}).on(b)
}

func buffersMany(b broker.Broker) broker.Broker {
	return (&board{capacity: 8}).on(b)
}

func wakesLast(b broker.Broker) broker.Broker {
	return (&board{capacity: 1, reach: func(hit []*registration) []*registration {
		return hit[max(0, len(hit)-1):]
	}}).on(b)
}

// wakesOnce forgets a registration that has been woken.
func wakesOnce(b broker.Broker) broker.Broker {
	bd := &board{capacity: 1}
	bd.reach = func(hit []*registration) []*registration {
		bd.remove(func(r *registration) bool { return slices.Contains(hit, r) })
		return hit
	}
	return bd.on(b)
}

func prefixTopics(b broker.Broker) broker.Broker {
	return (&board{capacity: 1, wakes: func(watched, notified string) bool {
		return strings.HasPrefix(watched, notified)
	}}).on(b)
}

func stopsNothing(b broker.Broker) broker.Broker {
	return (&board{capacity: 1, stop: func(*board, *registration) {}}).on(b)
}

func stopsAll(b broker.Broker) broker.Broker {
	return (&board{capacity: 1, stop: func(bd *board, r *registration) {
		bd.remove(func(other *registration) bool { return other.topic == r.topic })
	}}).on(b)
}

// stopsByTopic takes the topic's first registration away, whoever stops.
func stopsByTopic(b broker.Broker) broker.Broker {
	return (&board{capacity: 1, stop: func(bd *board, r *registration) {
		first := true
		bd.remove(func(other *registration) bool {
			hit := first && other.topic == r.topic
			first = first && !hit
			return hit
		})
	}}).on(b)
}

func stopCloses(b broker.Broker) broker.Broker {
	return (&board{capacity: 1, stop: func(bd *board, r *registration) {
		before := len(bd.regs)
		bd.remove(func(other *registration) bool { return other == r })
		if len(bd.regs) < before {
			close(r.wake)
		}
	}}).on(b)
}

// blocksNotify hands every wake-up over in person, until Close.
func blocksNotify(b broker.Broker) broker.Broker {
	bd := &board{capacity: 1}
	closed, once := make(chan struct{}), sync.Once{}
	return &faulty{
		Broker: b,
		watch:  bd.watch,
		notify: func(topic string) {
			bd.mu.Lock()
			regs := slices.Clone(bd.regs)
			bd.mu.Unlock()
			for _, r := range regs {
				if r.topic == topic {
					select {
					case r.wake <- struct{}{}:
					case <-closed:
					}
				}
			}
		},
		close: func() error {
			once.Do(func() { close(closed) })
			return b.Close()
		},
	}
}

func awaitsWatcher(b broker.Broker) broker.Broker {
	bd := &board{capacity: 1}
	closed, once := make(chan struct{}), sync.Once{}
	bd.reach = func(hit []*registration) []*registration {
		if len(hit) == 0 {
			<-closed
		}
		return hit
	}
	return &faulty{
		Broker: b,
		watch:  bd.watch,
		notify: bd.notify,
		close: func() error {
			once.Do(func() { close(closed) })
			return b.Close()
		},
	}
}

func closeWakesWatchers(b broker.Broker) broker.Broker {
	bd := &board{capacity: 1}
	return &faulty{Broker: b, watch: bd.watch, notify: bd.notify, close: func() error {
		bd.notify("task/1")
		return b.Close()
	}}
}

// forwards passes wake-ups on in a goroutine per watcher.
func forwards(b broker.Broker) broker.Broker {
	return &faulty{Broker: b, watch: func(topic string) (<-chan struct{}, func()) {
		inner, stop := b.Watch(topic)
		wake, ended := make(chan struct{}, 1), make(chan struct{})
		go func() {
			for {
				select {
				case <-inner:
					select {
					case wake <- struct{}{}:
					default:
					}
				case <-ended:
					return
				}
			}
		}()
		var once sync.Once
		return wake, func() {
			stop()
			once.Do(func() { close(ended) })
		}
	}}
}
