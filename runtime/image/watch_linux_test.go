//go:build amd64 || arm64

package image

import (
	"math/rand/v2"
	goruntime "runtime"
	"testing"
)

// counted is a finder that counts how often it is asked.
type counted struct {
	finder
	finds int
}

func (c *counted) find(mem []byte, l *layout, found *findings) error {
	c.finds++
	return c.finder.find(mem, l, found)
}

// watched runs write under a watch.
func watched(m *Memory, write func(mem []byte)) {
	goruntime.LockOSThread()
	defer goruntime.UnlockOSThread()
	m.Watch()
	defer m.Unwatch()
	write(m.Reallocate(uint64(m.Size())))
}

// openCounted returns a memory of the best way that there is.
func openCounted(t *testing.T, img *Image) (*Memory, *counted) {
	t.Helper()
	if !faultsCount() || bestWay() == byNothing {
		t.Skip("NOT RUN: this kernel does not count page faults, or cannot tell pages apart")
	}
	m := open(t, img.Size(), nil, newSpace, img)
	s := m.space.(*mapped)
	c := &counted{finder: s.finder}
	s.finder = c
	return m, c
}

func TestPagesAreNotLookedForWithoutAPageFault(t *testing.T) {
	t.Parallel()
	want := content(30, 16)
	m, c := openCounted(t, newImage(t, want))
	for range 50 {
		watched(m, func(mem []byte) { mem[0], mem[5*pageSize] = 0xaa, 0xbb })
		if pages := reset(t, m); pages != 2 {
			t.Fatalf("reset took %d pages for written, want 2", pages)
		}
		wantContent(t, m, want) // faults, but of no watch
	}
	// The test's own memory faults at times, too.
	if c.finds == 0 || c.finds > 25 {
		t.Errorf("pages were looked for %d times in 50 resets", c.finds)
	}
}

func TestAPageFaultOfAnyWatchIsNoticed(t *testing.T) {
	t.Parallel()
	want := content(31, 16)
	nothing := func([]byte) {}
	for name, run := range map[string]func(m *Memory, write func([]byte)){
		"the only one": watched,
		"the first":    func(m *Memory, write func([]byte)) { watched(m, write); watched(m, nothing) },
		"the last":     func(m *Memory, write func([]byte)) { watched(m, nothing); watched(m, write) },
		"none": func(m *Memory, write func([]byte)) {
			write(m.Reallocate(uint64(m.Size())))
		},
		"none, after a reset without": func(m *Memory, write func([]byte)) {
			watched(m, nothing)
			reset(t, m)
			write(m.Reallocate(uint64(m.Size())))
		},
	} {
		m, _ := openCounted(t, newImage(t, want))
		for page := range len(want) / pageSize {
			run(m, func(mem []byte) { mem[page*pageSize]++ })
			reset(t, m)
			if mem := m.Reallocate(uint64(m.Size())); mem[page*pageSize] != want[page*pageSize] {
				t.Errorf("%s: page %d is not restored", name, page)
			}
		}
	}
}

func TestPagesThatWereGivenBackAreNotWritten(t *testing.T) {
	t.Parallel()
	m, _ := openCounted(t, newImage(t, content(34, 40)))
	watched(m, func(mem []byte) { fillBytes(mem, 0xaa) })
	if pages := reset(t, m); pages*pageSize != m.Size() {
		t.Fatalf("reset took %d pages for written, want all", pages)
	}
	watched(m, func([]byte) {})
	if pages := reset(t, m); pages != 0 {
		t.Errorf("reset took %d pages for written, want none", pages)
	}
}

func TestWatchedMemoriesAreResetAfterAllKindsOfRuns(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, space func(int) (space, error)) {
		r := rand.New(rand.NewPCG(32, 1))
		want := content(33, 40)
		m := open(t, len(want), nil, space, newImage(t, want))
		for range 10 {
			for _, write := range writes {
				if r.IntN(4) == 0 {
					write(m.Reallocate(uint64(m.Size())), r)
					reset(t, m)
				}
				for range r.IntN(3) {
					watched(m, func(mem []byte) { write(mem, r) })
				}
				reset(t, m)
				wantContent(t, m, want)
			}
		}
	})
}
