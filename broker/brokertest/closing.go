package brokertest

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/carrelhq/carrel/broker"
)

var closing = []behaviour{
	{"Close wakes every waiting Dequeue with ErrClosed", closeWakesDequeue},
	{"Enqueue and Dequeue after Close return ErrClosed", afterClose},
	{"Close may be called twice", closeTwice},
	{"Notify, Watch and stop after Close do nothing", watchAfterClose},
}

func closeWakesDequeue(t *testing.T, b broker.Broker) {
	const readers = 20
	errs := make(chan error, readers)
	for range readers {
		go func() {
			_, err := b.Dequeue(t.Context())
			errs <- err
		}()
	}
	time.Sleep(quiet) // all of them wait
	closeBroker(t, b)
	for i := range readers {
		select {
		case err := <-errs:
			if !errors.Is(err, broker.ErrClosed) {
				t.Errorf("got error %v, want ErrClosed", err)
			}
		case <-time.After(patience):
			t.Fatalf("%d of %d waiting readers were woken", i, readers)
		}
	}
}

func afterClose(t *testing.T, b broker.Broker) {
	enqueue(t, b, jobsOf("acme", 3)...)
	closeBroker(t, b)
	within(t, "Enqueue after Close", func() error {
		if err := b.Enqueue(t.Context(), broker.Job{Tenant: "acme", TaskID: "1"}); !errors.Is(err, broker.ErrClosed) {
			return fmt.Errorf("got error %v, want ErrClosed", err)
		}
		return nil
	})
	within(t, "Dequeue after Close", func() error {
		if job, err := b.Dequeue(t.Context()); !errors.Is(err, broker.ErrClosed) {
			return fmt.Errorf("got %v and error %v, want ErrClosed", job, err)
		}
		return nil
	})
}

func closeTwice(t *testing.T, b broker.Broker) {
	closeBroker(t, b)
	closeBroker(t, b)
}

func watchAfterClose(t *testing.T, b broker.Broker) {
	wake, stop := b.Watch("task/1")
	closeBroker(t, b)
	if !silent(wake) {
		t.Error("Close made wake readable")
	}
	within(t, "Watch, Notify or stop after Close", func() error {
		_, stopLater := b.Watch("task/1")
		b.Notify("task/1")
		stopLater()
		stop()
		return nil
	})
}

func closeBroker(t *testing.T, b broker.Broker) {
	t.Helper()
	within(t, "Close", b.Close)
}
