package compile

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os/exec"
	"slices"
	"testing"
	"time"
)

// hostile are modules that the engine's compiler takes too long or too much
// for (threats A4 to A7), larger than what a scan would let through.
var hostile = map[string][]byte{
	"A4 many ifs":            module(nil, bytes.Repeat(ifEnd, 400_000), i32Const0),
	"A5 many ifs and locals": module(locals(20_000), bytes.Repeat(ifSet, 50_000), i32Const0),
	"A6 deep nesting":        module(nil, bytes.Repeat([]byte{0x02, 0x40}, 400_000), bytes.Repeat([]byte{0x0b}, 400_000), i32Const0),
	"A7 a large br_table":    module(nil, []byte{0x02, 0x40}, i32Const0, brTable(4_000_000), []byte{0x0b}, i32Const0),
}

var (
	i32Const0 = []byte{0x41, 0}
	ifEnd     = []byte{0x41, 0, 0x04, 0x40, 0x0b}                   // if (0) {}
	ifSet     = []byte{0x20, 0, 0x04, 0x40, 0x41, 1, 0x21, 1, 0x0b} // if (l0) { l1 = 1 }
)

// locals declares n of i32.
func locals(n int) []byte {
	return slices.Concat([]byte{1}, binary.AppendUvarint(nil, uint64(n)), []byte{0x7f})
}

// brTable is a br_table with n targets beside the default, all 0.
func brTable(n int) []byte {
	return slices.Concat([]byte{0x0e}, binary.AppendUvarint(nil, uint64(n)), make([]byte, n+1))
}

// TestHostileModulesEndAsRefusals within a ceiling of time, while a small module
// of somebody else is compiled beside each.
func TestHostileModulesEndAsRefusals(t *testing.T) {
	t.Parallel()
	const ceiling = time.Minute // far from the deadline below: the machine may be busy
	for name, bad := range hostile {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			limits := Limits{Time: 2 * time.Second, MemoryBytes: 192 << 20, CodeBytes: 16 << 20}
			h := open(t, Options{Dir: private(t), Command: commandOf(t, "child"), Limits: limits})
			places := NewPlaces(2, 2)
			refused := make(chan error, 1)
			begin := time.Now()
			go func() {
				_, _, err := h.Load(t.Context(), h.r, bad, places.Line("bad"))
				refused <- err
			}()
			neighbour := open(t, Options{Dir: private(t), Command: commandOf(t, "child"), Limits: Limits{Time: ceiling}})
			if m, _, err := neighbour.Load(t.Context(), neighbour.r, answering(7), places.Line("neighbour")); err != nil {
				t.Errorf("the neighbour: %v", err)
			} else {
				m.Close(t.Context())
			}
			err := <-refused
			if !errors.Is(err, ErrTime) && !errors.Is(err, ErrMemory) {
				t.Errorf("got %.200v", err)
			}
			if took := time.Since(begin); took > ceiling {
				t.Errorf("it took %s", took)
			}
			t.Logf("%d bytes: %.100v after %s", len(bad), err, time.Since(begin).Round(time.Millisecond))
		})
	}
}

// TestEachLimitHoldsByItself gives a compilation plenty of all but one.
func TestEachLimitHoldsByItself(t *testing.T) {
	if raced {
		t.Skip("the race detector has limits and exit codes of its own")
	}
	t.Parallel()
	for name, c := range map[string]struct {
		limits Limits
		module []byte
	}{
		"memory": {Limits{Time: 10 * time.Minute, MemoryBytes: 96 << 20}, hostile["A6 deep nesting"]},
		"code":   {Limits{Time: 10 * time.Minute, CodeBytes: 10}, answering(7)},
	} {
		h := open(t, Options{Dir: private(t), Command: commandOf(t, "child"), Limits: c.limits})
		if _, _, err := h.load(t, c.module); !errors.Is(err, ErrMemory) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// TestAChildEndsByItsOwnClock when its parent forgets it.
func TestAChildEndsByItsOwnClock(t *testing.T) {
	if raced {
		t.Skip("the race detector has limits and exit codes of its own")
	}
	t.Parallel()
	command := commandOf(t, "child")
	cmd := exec.Command(command[0], command[1:]...)
	stdin, err := cmd.StdinPipe()
	must(t, err)
	must(t, cmd.Start())
	h := open(t, Options{Dir: private(t), Limits: Limits{Time: time.Second}})
	h.send(stdin, t.TempDir(), hostile["A4 many ifs"])
	waited := cmd.Wait()
	if err := h.died(cmd.ProcessState, waited, ""); !errors.Is(err, ErrTime) {
		t.Errorf("got %v", err)
	}
}
