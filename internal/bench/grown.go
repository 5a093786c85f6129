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
	// slack is how much more than in the first tenth is none.
	percent, slack int64
}

var allHeld = []held{
	{"RSS", func(p point) int64 { return p.RSS }, 10, 16 << 20},
	{"descriptors", func(p point) int64 { return p.Descriptors }, 5, 8},
	{"maps", func(p point) int64 { return p.Maps }, 5, 32},
	{"goroutines", func(p point) int64 { return p.Goroutines }, 5, 16},
}

// grown says what has grown in a series beyond its first tenth, and beyond the slack.
func grown(series []point) error {
	var errs []error
	tenth := max(1, len(series)/10)
	for _, h := range allHeld {
		most := func(part []point) point {
			return slices.MaxFunc(part, func(a, b point) int { return cmp.Compare(h.of(a), h.of(b)) })
		}
		was, late := h.of(most(series[:tenth])), most(series[tenth:])
		if limit := was + was*h.percent/100 + h.slack; h.of(late) > limit {
			errs = append(errs, fmt.Errorf("%s grew from %d within the first %d tasks to %d after %d, which is more than %d (%d %% and %d)",
				h.name, was, series[tenth-1].Tasks, h.of(late), late.Tasks, limit, h.percent, h.slack))
		}
	}
	return errors.Join(errs...)
}
