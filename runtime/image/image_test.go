package image

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
)

// each runs a test for every kind of memory.
func each(t *testing.T, test func(t *testing.T, open func(int) (space, error))) {
	for name, open := range ways() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open)
		})
	}
}

// content returns wasmPages of bytes with stretches of zeros of all sizes.
func content(seed uint64, wasmPages int) []byte {
	r := rand.New(rand.NewPCG(seed, 0))
	c := make([]byte, wasmPages*wasmPage)
	for at := 0; at < len(c); {
		end := min(at+pageSize*(1+r.IntN(40)), len(c))
		if r.IntN(2) == 0 {
			for i := at; i < end; i += 1 + r.IntN(500) {
				c[i] = byte(1 + r.IntN(255))
			}
		}
		at = end
	}
	return c
}

// newImage returns an image that is released with the test.
func newImage(t testing.TB, c []byte) *Image {
	t.Helper()
	img, err := New(c, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(img.Release)
	return img
}

// open returns a memory that is freed with the test, and maps img if there is one.
func open(t testing.TB, max int, account Account, space func(int) (space, error), img *Image) *Memory {
	t.Helper()
	m, err := newMemory(max, account, space)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Free)
	if img != nil {
		if err := m.Map(img); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

// wantContent compares all that the memory has.
func wantContent(t testing.TB, m *Memory, want []byte) {
	t.Helper()
	got := m.Reallocate(uint64(m.Size()))
	if bytes.Equal(got, want) {
		return
	}
	if len(got) != len(want) {
		t.Fatalf("memory has %d bytes, want %d", len(got), len(want))
	}
	for at := range got {
		if got[at] != want[at] {
			t.Fatalf("byte %d (page %d of %d) is %#x, want %#x", at, at/pageSize, len(got)/pageSize, got[at], want[at])
		}
	}
}

func reset(t testing.TB, m *Memory) int {
	t.Helper()
	pages, err := m.Reset()
	if err != nil {
		t.Fatal(err)
	}
	return pages
}

func TestImageDoesNotChangeWithItsSource(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, space func(int) (space, error)) {
		source := content(1, 8)
		want := slices.Clone(source)
		img := newImage(t, source)
		clear(source)
		wantContent(t, open(t, len(want), nil, space, img), want)
	})
}

func TestImageSizes(t *testing.T) {
	t.Parallel()
	for _, size := range []int{1, pageSize - 1, wasmPage - 1, wasmPage + 1} {
		if _, err := New(make([]byte, size), nil); !errors.Is(err, ErrSize) {
			t.Errorf("image of %d bytes: got %v, want ErrSize", size, err)
		}
		if _, err := NewMemory(size, nil); !errors.Is(err, ErrSize) {
			t.Errorf("memory of %d bytes: got %v, want ErrSize", size, err)
		}
	}
	for _, size := range []int{-wasmPage, maxSize + wasmPage} {
		if _, err := NewMemory(size, nil); !errors.Is(err, ErrSize) {
			t.Errorf("memory of %d bytes: got %v, want ErrSize", size, err)
		}
	}
}

func TestEmptyImage(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, space func(int) (space, error)) {
		img := newImage(t, nil)
		for _, max := range []int{0, wasmPage} {
			m := open(t, max, nil, space, img)
			if pages := reset(t, m); pages != 0 {
				t.Errorf("reset took %d pages, want 0", pages)
			}
			wantContent(t, m, nil)
		}
	})
}

func TestReleasedImageStaysWhileMapped(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, space func(int) (space, error)) {
		want := content(2, 16)
		img := newImage(t, want)
		first, second := open(t, len(want), nil, space, img), open(t, len(want), nil, space, img)
		img.Release()
		img.Release()
		first.Free()
		fill(second, 0xaa)
		reset(t, second)
		wantContent(t, second, want)

		third := open(t, len(want), nil, space, img) // second holds it still
		third.Free()
		second.Free()
		late := open(t, len(want), nil, space, nil)
		if err := late.Map(img); !errors.Is(err, ErrReleased) {
			t.Errorf("map after the last is gone: got %v, want ErrReleased", err)
		}
	})
}

// fill writes to every byte of a memory.
func fill(m *Memory, pattern byte) {
	fillBytes(m.Reallocate(uint64(m.Size())), pattern)
}
