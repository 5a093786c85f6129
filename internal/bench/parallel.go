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

	"golang.org/x/sync/errgroup"
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

// parallelSection compares what two cores do with what one does, and with what two
// processes do that share nothing: the cores of a machine are seldom as fast together
// as one is alone.
func parallelSection(ctx context.Context, s settings, t *table) error {
	guest, err := jsonGuest(ctx, s.dir)
	if err != nil {
		return err
	}
	var one, two, apart []int64
	for range 5 {
		for _, m := range []struct {
			rates *[]int64
			cores []string // of each process
		}{{&one, []string{serverCore}}, {&two, []string{bothCores}}, {&apart, []string{serverCore, loadCore}}} {
			rate, err := runsOn(ctx, guest, m.cores)
			if err != nil {
				return err
			}
			*m.rates = append(*m.rates, rate)
		}
	}
	single := float64(median(one))
	times := func(rates []int64) string { return fmt.Sprintf("%.2fx", float64(median(rates))/single) }
	t.add("runs on one core, Go guest with encoding/json", fmt.Sprintf("%d/s", median(one)), "", "")
	t.add("runs on two cores", fmt.Sprintf("%d/s", median(two)), times(two), "≥ 1.7x")
	t.add("runs of two processes, a core each: what the machine has", fmt.Sprintf("%d/s", median(apart)), times(apart), "")
	return nil
}

// runsOn runs the guest in a process for each set of cores, and returns how many runs
// they make in a second together.
func runsOn(ctx context.Context, guest string, cores []string) (sum int64, err error) {
	group, ctx := errgroup.WithContext(ctx)
	rates := make([]int64, len(cores))
	for i, core := range cores {
		cmd, err := self(ctx, core, "parallel", "-module", guest, "-request", runRequest("10"))
		if err != nil {
			return 0, err
		}
		group.Go(func() error { return result(cmd, &rates[i]) })
	}
	err = group.Wait()
	for _, rate := range rates {
		sum += rate
	}
	return sum, err
}

// median is the middle one, 0 of none.
func median(numbers []int64) int64 {
	if len(numbers) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(numbers))
	return sorted[len(sorted)/2]
}
