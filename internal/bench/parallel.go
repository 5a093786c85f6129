package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// bothCores is where a measurement runs that may use both.
const bothCores = serverCore + "," + loadCore

// parallel is the role that runs a guest in some sandboxes at a time for some
// time, and prints how many runs there were.
func parallel(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("parallel", flag.ContinueOnError)
	workers := flags.Int("workers", 4, "how many at a time")
	d := flags.Duration("time", time.Second, "how long")
	s, err := newSubject(ctx, flags, args)
	if err != nil {
		return err
	}
	defer s.close()
	if _, err := s.run(ctx); err != nil {
		return err
	}
	var (
		wg    sync.WaitGroup
		runs  atomic.Int64
		first atomic.Pointer[error]
	)
	end := time.Now().Add(*d)
	for range *workers {
		wg.Go(func() {
			for time.Now().Before(end) {
				if _, err := s.run(ctx); err != nil {
					first.CompareAndSwap(nil, &err)
					return
				}
				runs.Add(1)
			}
		})
	}
	wg.Wait()
	if err := first.Load(); err != nil {
		return *err
	}
	return json.NewEncoder(os.Stdout).Encode(runs.Load())
}

// parallelSection compares what two cores do with what one does.
func parallelSection(ctx context.Context, s settings, t *table) error {
	guest, err := jsonGuest(ctx, s.dir)
	if err != nil {
		return err
	}
	rates := map[string][]int64{}
	for range 3 {
		for _, cores := range []string{serverCore, bothCores} {
			cmd, err := self(ctx, cores, "parallel", "-module", guest, "-request", runRequest("10"))
			if err != nil {
				return err
			}
			var rate int64
			if err := result(cmd, &rate); err != nil {
				return err
			}
			rates[cores] = append(rates[cores], rate)
		}
	}
	one, two := median(rates[serverCore]), median(rates[bothCores])
	t.add("runs on one core, Go guest with encoding/json", fmt.Sprintf("%d/s", one), "", "")
	t.add("runs on two cores", fmt.Sprintf("%d/s", two), fmt.Sprintf("%.2fx", float64(two)/float64(one)), "≥ 1.7x")
	return nil
}

// median is the middle one, 0 of none.
func median(numbers []int64) int64 {
	if len(numbers) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(numbers))
	return sorted[len(sorted)/2]
}
