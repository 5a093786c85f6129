package broker

import "testing"

// The interleaving is too rare to hammer for: two readers have found the queue
// empty, two jobs arrive before either of them waits, and only one wake-up fits.
func TestAWakeUpIsPassedOnWhileJobsAreLeft(t *testing.T) {
	t.Parallel()
	b := New().(*inProcess)
	for _, id := range []string{"1", "2"} {
		if err := b.Enqueue(t.Context(), Job{Tenant: "acme", TaskID: id}); err != nil {
			t.Fatal(err)
		}
	}
	for reader := range 2 {
		select {
		case <-b.ready:
		default:
			t.Fatalf("reader %d sleeps beside a queued job", reader)
		}
		if _, ok, err := b.take(); !ok || err != nil {
			t.Fatalf("reader %d: got no job, error %v", reader, err)
		}
	}
}
