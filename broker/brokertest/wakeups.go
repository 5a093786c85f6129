package brokertest

import (
	goruntime "runtime"
	"testing"

	"github.com/carrelhq/carrel/broker"
)

var wakeUps = []behaviour{
	{"a Notify after Watch makes wake readable", notifyWakes},
	{"a Notify after a wake-up was taken makes wake readable again", notifyWakesAgain},
	{"wake-ups that nobody has taken merge into one", wakeUpsMerge},
	{"everyone who watches a topic is woken", everyoneIsWoken},
	{"a topic wakes only those who watch it", topicsAreApart},
	{"Notify does not wait for a slow reader", notifyDoesNotWait},
	{"Notify without a watcher does nothing", notifyWithoutWatcher},
	{"stop ends one registration and no other", stopEndsOne},
	{"a second stop does nothing", secondStop},
	{"stop does not close wake", stopDoesNotClose},
}

func notifyWakes(t *testing.T, b broker.Broker) {
	wake, stop := b.Watch("task/1")
	defer stop()
	if !silent(wake) {
		t.Error("woken before the first Notify")
	}
	notify(t, b, "task/1")
	if !woken(wake) {
		t.Error("not woken")
	}
}

func notifyWakesAgain(t *testing.T, b broker.Broker) {
	wake, stop := b.Watch("task/1")
	defer stop()
	for i := range 20 {
		notify(t, b, "task/1")
		if !woken(wake) {
			t.Fatalf("not woken by Notify number %d", i+1)
		}
	}
}

func wakeUpsMerge(t *testing.T, b broker.Broker) {
	wake, stop := b.Watch("task/1")
	defer stop()
	for range 100 {
		notify(t, b, "task/1")
	}
	if !woken(wake) {
		t.Error("not woken")
	}
	if !silent(wake) {
		t.Error("a hundred wake-ups did not merge into one")
	}
}

func everyoneIsWoken(t *testing.T, b broker.Broker) {
	wakes := make([]<-chan struct{}, 1000)
	for i := range wakes {
		wake, stop := b.Watch("task/1")
		defer stop()
		wakes[i] = wake
	}
	for range 2 {
		notify(t, b, "task/1")
		for i, wake := range wakes {
			if !woken(wake) {
				t.Fatalf("watcher %d of %d was not woken", i, len(wakes))
			}
		}
	}
}

func topicsAreApart(t *testing.T, b broker.Broker) {
	one, stop := b.Watch("task/1")
	defer stop()
	for _, topic := range []string{"task/10", "task/", "task", "", "TASK/1", "task/1/", "*", "task/>"} {
		other, stop := b.Watch(topic)
		notify(t, b, topic)
		if !woken(other) {
			t.Errorf("the watcher of %q was not woken by it", topic)
		}
		if !silent(one) {
			t.Errorf("the watcher of %q was woken by %q", "task/1", topic)
		}
		stop()
	}
}

func notifyDoesNotWait(t *testing.T, b broker.Broker) {
	for range 50 {
		_, stop := b.Watch("task/1") // nobody ever reads
		defer stop()
	}
	wake, stop := b.Watch("task/1")
	defer stop()
	for range 100 {
		notify(t, b, "task/1")
		if !woken(wake) {
			t.Fatal("the reader beside slow ones was not woken")
		}
	}
}

func notifyWithoutWatcher(t *testing.T, b broker.Broker) {
	notify(t, b, "task/1")
	_, stop := b.Watch("task/1")
	stop()
	notify(t, b, "task/1")
}

func stopEndsOne(t *testing.T, b broker.Broker) {
	const watchers = 5
	for stopped := range watchers {
		var wakes [watchers]<-chan struct{}
		var stops [watchers]func()
		for i := range watchers {
			wakes[i], stops[i] = b.Watch("task/1")
		}
		stops[stopped]()
		notify(t, b, "task/1")
		for i, wake := range wakes {
			if i == stopped && !silent(wake) {
				t.Errorf("watcher %d was woken after its stop", i)
			}
			if i != stopped && !woken(wake) {
				t.Errorf("watcher %d was not woken after the stop of %d", i, stopped)
			}
			stops[i]()
		}
	}
}

func secondStop(t *testing.T, b broker.Broker) {
	_, stopFirst := b.Watch("task/1")
	second, stopSecond := b.Watch("task/1")
	defer stopSecond()
	stopFirst()
	stopFirst()
	notify(t, b, "task/1")
	if !woken(second) {
		t.Error("a second stop took another registration away")
	}
	stopSecond()
	third, stopThird := b.Watch("task/1")
	defer stopThird()
	stopSecond()
	stopFirst()
	notify(t, b, "task/1")
	if !woken(third) {
		t.Error("a late stop took a newer registration away")
	}
}

func stopDoesNotClose(t *testing.T, b broker.Broker) {
	wake, stop := b.Watch("task/1")
	stop()
	if !silent(wake) {
		t.Error("wake is readable after stop")
	}
}

// watchingCostsNoGoroutine allows for goroutines that others start meanwhile.
func watchingCostsNoGoroutine(t *testing.T, b broker.Broker) {
	t.Cleanup(func() { b.Close() })
	const watchers = 4000
	before := goruntime.NumGoroutine()
	for range watchers {
		_, stop := b.Watch("task/1")
		defer stop()
	}
	if more := goruntime.NumGoroutine() - before; more > watchers/2 {
		t.Errorf("%d watchers cost %d goroutines", watchers, more)
	}
}

func notify(t *testing.T, b broker.Broker, topic string) {
	t.Helper()
	within(t, "Notify", func() error {
		b.Notify(topic)
		return nil
	})
}
