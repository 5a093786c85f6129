package main

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
)

// held is something that a server must not hold more and more of.
type held struct {
	name string
	of   func(point) int64
	// slack is how much more than in the first tenth is none: a collector, a store's
	// caches and a pool breathe.
	percent, slack int64
}

var allHeld = []held{
	{"RSS", func(p point) int64 { return p.RSS }, 10, 16 << 20},
	{"descriptors", func(p point) int64 { return p.Descriptors }, 5, 8},
	{"maps", func(p point) int64 { return p.Maps }, 5, 32},
	{"goroutines", func(p point) int64 { return p.Goroutines }, 5, 16},
}

// grown says what has grown in a series: of what is more, at the median of its
// second half, than the most of its first tenth and the slack. What is held for good
// grows with every task; a store that merges takes and gives back.
func grown(series []point) error {
	var errs []error
	tenth, half := series[:max(1, len(series)/10)], series[len(series)/2:]
	for _, h := range allHeld {
		was := h.of(slices.MaxFunc(tenth, func(a, b point) int { return cmp.Compare(h.of(a), h.of(b)) }))
		late := slices.SortedFunc(slices.Values(half), func(a, b point) int { return cmp.Compare(h.of(a), h.of(b)) })
		is := h.of(late[len(late)/2])
		if most := was + was*h.percent/100 + h.slack; is > most {
			errs = append(errs, fmt.Errorf("%s grew from %d within the first %d tasks to %d, the median after %d, which is more than %d (%d %% and %d)",
				h.name, was, tenth[len(tenth)-1].Tasks, is, half[0].Tasks, most, h.percent, h.slack))
		}
	}
	return errors.Join(errs...)
}
