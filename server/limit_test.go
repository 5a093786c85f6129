package server

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// limit is a row of docs/limits.md, or with a section only the heading before some.
type limit struct {
	section string
	// what is bounded, and by how much: a number, a [size] or a [time.Duration].
	what string
	most any
	// setting changes it, by its name in docs/carrel.yaml; empty for none.
	setting string
	// refusal is the error of who goes beyond it; where that is none, instead says
	// what happens.
	refusal error
	instead string
	// over are the bindings that it concerns, all when empty.
	over string
	// probe goes to the bound and beyond it, in TestLimits. Tests are those that hold
	// it besides, with blanks between.
	probe *probe
	tests string
}

// size is a number of bytes.
type size int64

// String writes a size with the largest unit that leaves no rest.
func (s size) String() string {
	switch {
	case s%(1<<20) == 0:
		return fmt.Sprintf("%d MiB", s>>20)
	case s%(1<<10) == 0:
		return fmt.Sprintf("%d KiB", s>>10)
	}
	return fmt.Sprintf("%d bytes", int64(s))
}

// number is the bound as a number.
func (l limit) number(t *testing.T) int {
	switch most := l.most.(type) {
	case int:
		return most
	case size:
		return int(most)
	}
	t.Fatalf("%s: %v is no number", l.what, l.most)
	return 0
}

// bound is the bound as people read it.
func (l limit) bound() string {
	switch most := l.most.(type) {
	case time.Duration:
		for _, unit := range []struct {
			of   time.Duration
			name string
		}{{time.Hour, "h"}, {time.Minute, "min"}, {time.Second, "s"}} {
			if most%unit.of == 0 {
				return fmt.Sprintf("%d %s", most/unit.of, unit.name)
			}
		}
	case int:
		if most >= 1000 {
			return fmt.Sprintf("%d,%03d", most/1000, most%1000)
		}
	}
	return fmt.Sprint(l.most)
}

// answer is what a client gets beyond the bound.
func (l limit) answer() string {
	if l.refusal == nil {
		return l.instead
	}
	w, _ := onWire(l.refusal)
	if l.over == overAdmin {
		return fmt.Sprintf("HTTP %d", w.http)
	}
	said := []string{"`" + w.reason + "`"}
	concerns := func(binding string) bool { return l.over == "" || strings.Contains(l.over, binding) }
	switch {
	case concerns(overRPC) && w.transport:
		said = append(said, fmt.Sprintf("JSON-RPC %d with HTTP %d", w.code, w.http))
	case concerns(overRPC):
		said = append(said, fmt.Sprintf("JSON-RPC %d", w.code))
	}
	if concerns(overHTTP) {
		said = append(said, fmt.Sprintf("HTTP %d", w.http))
	}
	if concerns(overGRPC) {
		said = append(said, "gRPC "+w.status)
	}
	return strings.Join(said, ", ")
}
