package main

import (
	"errors"
	"fmt"
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
	{"goroutines", func(p point) int64 { return p.Goroutines }, 5, 32}, // a store that merges has some more
}

// grown says what has grown in a series beyond its first tenth, and beyond the slack.
func grown(series []point) error {
	var errs []error
	tenth := max(1, len(series)/10)
	for _, h := range allHeld {
		var early, late point
		for i, p := range series {
			switch {
			case i < tenth && h.of(p) >= h.of(early):
				early = p
			case i >= tenth && h.of(p) >= h.of(late):
				late = p
			}
		}
		was, is := h.of(early), h.of(late)
		if most := was + was*h.percent/100 + h.slack; is > most {
			errs = append(errs, fmt.Errorf("%s grew from %d within the first %d tasks to %d after %d, which is more than %d (%d %% and %d)",
				h.name, was, series[tenth-1].Tasks, is, late.Tasks, most, h.percent, h.slack))
		}
	}
	return errors.Join(errs...)
}
