package main

import (
	"errors"
	"fmt"
)

// held is something that a server must not hold more and more of.
type held struct {
	name string
	of   func(point) int64
	// slack is how much more is none.
	percent, slack int64
}

var allHeld = []held{
	{"RSS", func(p point) int64 { return p.Held }, 10, 16 << 20},
	{"descriptors", func(p point) int64 { return p.Descriptors }, 5, 8},
	{"maps", func(p point) int64 { return p.Maps }, 5, 32},
	{"goroutines", func(p point) int64 { return p.Goroutines }, 5, 16},
}

// grown says what has grown in a series after its first tenth: of what there is more,
// at the least point of the last third, than at that of the first third and the slack.
// A leak is in every point; how much a store happens to merge, which takes long on
// a slow disk, is not.
func grown(series []point) error {
	var errs []error
	rest := series[max(1, len(series)/10):]
	third := max(1, len(rest)/3)
	for _, h := range allHeld {
		was, is := leastOf(h, rest[:third]), leastOf(h, rest[len(rest)-third:])
		if limit := was + was*h.percent/100 + h.slack; is > limit {
			errs = append(errs, fmt.Errorf("%s grew from %d before %d tasks to %d at the end, which is more than %d (%d %% and %d)",
				h.name, was, rest[third-1].Tasks, is, limit, h.percent, h.slack))
		}
	}
	return errors.Join(errs...)
}

func leastOf(h held, part []point) int64 {
	least := h.of(part[0])
	for _, p := range part {
		least = min(least, h.of(p))
	}
	return least
}
