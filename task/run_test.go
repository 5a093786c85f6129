package task_test

import (
	"sync"
	"testing"
)

func TestARunMayWriteFromSeveralGoroutines(t *testing.T) {
	t.Parallel()
	h := memoryHouse(t)
	h.send("hi", "")
	run := h.claim()
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 100 {
				if err := run.Status(t.Context(), said("on it")); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}
