package image

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
)

// writes are what a run may do to a memory, by the sentence that says it.
var writes = map[string]func(b []byte, r *rand.Rand){
	"nothing is written":         func([]byte, *rand.Rand) {},
	"everything is read":         func(b []byte, _ *rand.Rand) { _ = bytes.Count(b, []byte{7}) },
	"a byte in the first page":   func(b []byte, _ *rand.Rand) { b[0]++ },
	"a byte in the last page":    func(b []byte, _ *rand.Rand) { b[len(b)-1]++ },
	"the same byte again":        func(b []byte, _ *rand.Rand) { b[0]++; b[0]-- },
	"every page":                 func(b []byte, _ *rand.Rand) { fillBytes(b, 0xaa) },
	"every page with zeros":      func(b []byte, _ *rand.Rand) { clear(b) },
	"every second page":          func(b []byte, _ *rand.Rand) { every(b, 2) },
	"pages far from one another": func(b []byte, _ *rand.Rand) { every(b, 61) },
	"as many pages as are kept":  func(b []byte, _ *rand.Rand) { fillBytes(b[:minKept], 0xaa) },
	"one page more":              func(b []byte, _ *rand.Rand) { fillBytes(b[len(b)-minKept-pageSize:], 0xaa) },
	"pages at random": func(b []byte, r *rand.Rand) {
		for range r.IntN(200) {
			b[r.IntN(len(b))] ^= byte(1 + r.IntN(255))
		}
	},
}

func fillBytes(b []byte, pattern byte) {
	run := bytes.Repeat([]byte{pattern}, pageSize)
	for len(b) > 0 {
		b = b[copy(b, run):]
	}
}

// every writes to one page in n.
func every(b []byte, n int) {
	for at := 0; at < len(b); at += n * pageSize {
		b[at]++
	}
}

func TestResetMakesTheMemoryEqualToTheImage(t *testing.T) {
	t.Parallel()
	want := content(3, 34)
	each(t, func(t *testing.T, space func(int) (space, error)) {
		for name, write := range writes {
			t.Run(name, func(t *testing.T) {
				r := rand.New(rand.NewPCG(4, 5))
				m := open(t, len(want)+wasmPage, nil, space, newImage(t, want))
				for range 20 {
					write(m.Reallocate(uint64(m.Size())), r)
					reset(t, m)
					wantContent(t, m, want)
				}
			})
		}
	})
}

func TestResetAfterAllKindsOfRuns(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, space func(int) (space, error)) {
		for seed := range uint64(4) {
			r := rand.New(rand.NewPCG(seed, 1))
			want := content(seed, 34+r.IntN(40))
			m := open(t, len(want), nil, space, newImage(t, want))
			for range 5 {
				for _, write := range writes {
					write(m.Reallocate(uint64(m.Size())), r)
					reset(t, m)
				}
				wantContent(t, m, want)
			}
		}
	})
}

func TestResetManyTimes(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, space func(int) (space, error)) {
		want := content(14, 20)
		m := open(t, len(want), nil, space, newImage(t, want))
		for n := range 2*freshEvery + 10 {
			mem := m.Reallocate(uint64(len(want)))
			mem[n*7919%len(mem)] ^= 0xff
			reset(t, m)
			wantContent(t, m, want)
		}
	})
}

func TestResetOfMorePartsThanAreRemembered(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, space func(int) (space, error)) {
		want := content(15, 2*(maxParts+wasmPage/pageSize)*pageSize/wasmPage)
		m := open(t, len(want), nil, space, newImage(t, want))
		for range 2 {
			mem := m.Reallocate(uint64(len(want)))
			every(mem, 2)
			mem[len(mem)-1]++
			reset(t, m)
			wantContent(t, m, want)
		}
	})
}

func TestResetCountsPages(t *testing.T) {
	t.Parallel()
	want := bytes.Repeat([]byte{1}, 32*wasmPage)
	each(t, func(t *testing.T, space func(int) (space, error)) {
		m := open(t, len(want), nil, space, newImage(t, want))
		blind := reset(t, m) > 0
		for _, pages := range []int{0, 1, 5, 32 * wasmPage / pageSize} {
			mem := m.Reallocate(uint64(len(want)))
			for n := range pages {
				mem[len(mem)-1-n*pageSize] = 2
			}
			if blind {
				pages = len(mem) / pageSize
			}
			if got := reset(t, m); got != pages {
				t.Errorf("got %d pages, want %d", got, pages)
			}
		}
	})
}

func TestResetOfAnImageOfZeros(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, space func(int) (space, error)) {
		want := make([]byte, 3*wasmPage)
		img := newImage(t, want)
		if img.Stored() != 0 {
			t.Errorf("image stores %d bytes, want 0", img.Stored())
		}
		m := open(t, len(want), nil, space, img)
		for range 3 {
			fill(m, 0xaa)
			reset(t, m)
			wantContent(t, m, want)
		}
	})
}

func TestNothingOfARunIsFoundAfterIt(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, space func(int) (space, error)) {
		secret := []byte("a secret of the last run")
		want := content(6, 20)
		img := newImage(t, want)
		m := open(t, 2*len(want), nil, space, img)
		for range 50 {
			spread(m, secret)
			reset(t, m)
			wantNo(t, m, secret)
		}
		if m.Reallocate(uint64(2*len(want))) == nil {
			t.Fatal("the memory does not grow")
		}
		spread(m, secret)
		if err := m.Map(img); err != nil {
			t.Fatal(err)
		}
		wantContent(t, m, want)
		m.Reallocate(uint64(2 * len(want)))
		wantNo(t, m, secret)
	})
}

// spread writes secret everywhere.
func spread(m *Memory, secret []byte) {
	b := m.Reallocate(uint64(m.Size()))
	for at := 0; at < len(b); at += len(secret) {
		copy(b[at:], secret)
	}
}

func wantNo(t *testing.T, m *Memory, secret []byte) {
	t.Helper()
	for n := len(secret); n > 4; n /= 2 {
		if at := bytes.Index(m.Reallocate(uint64(m.Size())), secret[:n]); at >= 0 {
			t.Fatalf("%q is found at %d", secret[:n], at)
		}
	}
}

func TestMemoriesOfOneImageDoNotSeeEachOther(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, space func(int) (space, error)) {
		want := content(7, 20)
		img := newImage(t, want)
		first, second := open(t, len(want), nil, space, img), open(t, len(want), nil, space, img)
		fill(first, 0xaa)
		wantContent(t, second, want)
		reset(t, second)
		wantContent(t, first, bytes.Repeat([]byte{0xaa}, len(want)))
		reset(t, first)
		wantContent(t, first, want)
	})
}

func TestMemoriesAreUsedAtOnce(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, space func(int) (space, error)) {
		want := content(8, 20)
		img := newImage(t, want)
		var users sync.WaitGroup
		for seed := range uint64(4) {
			m := open(t, len(want), nil, space, img)
			users.Go(func() {
				r := rand.New(rand.NewPCG(seed, 2))
				for range 5 {
					for _, write := range writes {
						write(m.Reallocate(uint64(m.Size())), r)
						if _, err := m.Reset(); err != nil || !bytes.Equal(m.Reallocate(uint64(m.Size())), want) {
							t.Errorf("after a reset: %v, or other content", err)
							return
						}
					}
				}
				go m.Free() // the engine's, and the owner's
				m.Free()
			})
		}
		users.Wait()
	})
}

func TestResetRefuses(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, space func(int) (space, error)) {
		m := open(t, 4*wasmPage, nil, space, nil)
		if _, err := m.Reset(); !errors.Is(err, ErrNoImage) {
			t.Errorf("without an image: got %v, want ErrNoImage", err)
		}
		want := content(9, 2)
		img := newImage(t, want)
		if err := m.Map(img); err != nil {
			t.Fatal(err)
		}
		m.Reallocate(4 * wasmPage)
		if _, err := m.Reset(); !errors.Is(err, ErrGrew) {
			t.Errorf("after growth: got %v, want ErrGrew", err)
		}
		m.Free()
		if _, err := m.Reset(); !errors.Is(err, ErrFreed) {
			t.Errorf("after free: got %v, want ErrFreed", err)
		}
		if err := m.Map(img); !errors.Is(err, ErrFreed) {
			t.Errorf("map after free: got %v, want ErrFreed", err)
		}
		if err := m.Charge(); !errors.Is(err, ErrFreed) {
			t.Errorf("charge after free: got %v, want ErrFreed", err)
		}
		if m.Reallocate(0) != nil {
			t.Error("a freed memory is handed out")
		}
		m.Free()
	})
}

// FuzzReset writes what the fuzzer wants, each time in a memory that earlier runs
// have used, and compares with the image.
func FuzzReset(f *testing.F) {
	f.Add(uint64(1), []byte{0, 0, 1, 255, 255, 0})
	f.Fuzz(func(t *testing.T, seed uint64, script []byte) {
		want := content(seed, 2+int(seed%32))
		for name, space := range ways() {
			m := open(t, len(want), nil, space, newImage(t, want))
			for at := 0; at+3 <= len(script); at += 3 {
				perform(m, script[at:at+3])
				if script[at+2]%4 == 0 {
					reset(t, m)
				}
			}
			t.Log(name)
			reset(t, m)
			wantContent(t, m, want)
		}
	})
}

// perform writes from a place of a length, both of which the op says.
func perform(m *Memory, op []byte) {
	b := m.Reallocate(uint64(m.Size()))
	start := (int(op[0])<<8 | int(op[1])) * len(b) >> 16
	length := 1 << (op[2] / 8 % 20)
	fillBytes(b[start:min(start+length, len(b))], op[2])
}
