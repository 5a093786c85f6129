package image

import (
	"errors"
	"sync"
	"testing"
)

// budget is an Account with a limit.
type budget struct {
	mu          sync.Mutex
	used, limit int
}

func (b *budget) Reserve(bytes int) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.used+bytes > b.limit {
		return false
	}
	b.used += bytes
	return true
}

func (b *budget) Release(bytes int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.used -= bytes
}

func (b *budget) want(t *testing.T, when string, m *Memory, bytes int) {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.used != bytes || m.Charged() != bytes {
		t.Errorf("%s: the account has %d and the memory says %d, want %d", when, b.used, m.Charged(), bytes)
	}
}

func TestGrowthIsCharged(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, space func(int) (space, error)) {
		account := &budget{limit: 3 * wasmPage}
		m := open(t, 8*wasmPage, account, space, nil)
		account.want(t, "at first", m, 0)
		if b := m.Reallocate(2 * wasmPage); len(b) != 2*wasmPage || cap(b) != len(b) {
			t.Errorf("got %d bytes of capacity %d, want %d of both", len(b), cap(b), 2*wasmPage)
		}
		account.want(t, "after growth", m, 2*wasmPage)
		for _, size := range []uint64{4 * wasmPage, 9 * wasmPage, 1 << 63, wasmPage + 1} {
			if m.Reallocate(size) != nil {
				t.Errorf("%d bytes were handed out", size)
			}
		}
		if got := len(m.Reallocate(wasmPage)); got != wasmPage || m.Size() != 2*wasmPage {
			t.Errorf("a smaller size gives %d bytes of %d, want %d of %d", got, m.Size(), wasmPage, 2*wasmPage)
		}
		account.want(t, "after what was refused", m, 2*wasmPage)
		m.Free()
		account.want(t, "after free", m, 0)
	})
}

func TestMappedMemoriesAreChargedForWhatTheyKeep(t *testing.T) {
	t.Parallel()
	want := content(10, 4)
	each(t, func(t *testing.T, space func(int) (space, error)) {
		account := &budget{limit: 8 * wasmPage}
		img := newImage(t, want)
		m := open(t, 16*wasmPage, account, space, img)
		atRest := m.space.floor(img)
		account.want(t, "after map", m, atRest)
		if err := m.Charge(); err != nil {
			t.Fatal(err)
		}
		account.want(t, "for a run", m, img.Size())
		m.Reallocate(uint64(img.Size()))[0]++
		reset(t, m)
		if kept := m.Charged(); kept > max(atRest, pageSize) {
			t.Errorf("after a run that wrote one page %d bytes are charged", kept)
		}
		account.want(t, "after reset", m, m.Charged())
		m.Reallocate(uint64(img.Size() + wasmPage))
		if err := m.Map(img); err != nil {
			t.Fatal(err)
		}
		account.want(t, "after the second map", m, atRest)
		m.Free()
		account.want(t, "after free", m, 0)
	})
}

func TestARunIsRefusedMemory(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, space func(int) (space, error)) {
		account := &budget{limit: 4 * wasmPage}
		m := open(t, 16*wasmPage, account, space, newImage(t, content(11, 4)))
		other := open(t, 16*wasmPage, account, space, nil)
		if m.Charged() == 0 && other.Reallocate(wasmPage) == nil {
			t.Fatal("the account refuses what it has")
		}
		if err := m.Charge(); other.Size() > 0 && !errors.Is(err, ErrNoMemory) {
			t.Errorf("got %v, want ErrNoMemory", err)
		}
	})
}

func TestPagesAreGivenBackWhenTheAccountRefusesThem(t *testing.T) {
	t.Parallel()
	want := content(12, 4)
	each(t, func(t *testing.T, space func(int) (space, error)) {
		account := &budget{limit: len(want)}
		img := newImage(t, want)
		m := open(t, len(want), account, space, img)
		account.limit = m.space.floor(img)
		m.Reallocate(uint64(len(want)))[0]++ // a run without Charge
		reset(t, m)
		wantContent(t, m, want)
		account.want(t, "after reset", m, account.limit)
	})
}

func TestImagesAreCharged(t *testing.T) {
	t.Parallel()
	c := make([]byte, 8*wasmPage)
	c[3*wasmPage] = 1
	account := &budget{limit: wasmPage}
	img, err := New(c, account)
	if err != nil {
		t.Fatal(err)
	}
	if account.used != img.Stored() || img.Stored() != pageSize || img.Size() != len(c) {
		t.Errorf("account has %d; image stores %d of %d, want %d of %d", account.used, img.Stored(), img.Size(), pageSize, len(c))
	}
	img.Release()
	if account.used != 0 {
		t.Errorf("%d bytes are charged after release", account.used)
	}
	if _, err := New(content(13, 8), account); !errors.Is(err, ErrNoMemory) {
		t.Errorf("got %v, want ErrNoMemory", err)
	}
}

func TestGrowthKeepsTheContent(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, space func(int) (space, error)) {
		m := open(t, 4*wasmPage, nil, space, nil)
		m.Reallocate(wasmPage)[wasmPage-1] = 1
		want := make([]byte, 3*wasmPage)
		want[wasmPage-1] = 1
		m.Reallocate(3 * wasmPage)
		wantContent(t, m, want)
	})
}

// TestMemoriesKeepLittle is about what is charged while they rest: what they keep.
func TestMemoriesKeepLittle(t *testing.T) {
	t.Parallel()
	want := content(16, 32*minKept/wasmPage)
	each(t, func(t *testing.T, space func(int) (space, error)) {
		m := open(t, len(want), nil, space, newImage(t, want))
		mem, atRest := m.Reallocate(uint64(len(want))), m.Charged()
		fillBytes(mem[:len(mem)/keptShare], 0xaa)
		reset(t, m)
		if got := m.Charged(); got > max(len(mem)/keptShare, atRest) {
			t.Errorf("after a large run %d bytes are charged, want %d at most", got, len(mem)/keptShare)
		}
		mem[len(mem)-1]++
		reset(t, m)
		if got := m.Charged(); got != atRest {
			t.Errorf("after a larger run %d bytes are charged, want %d", got, atRest)
		}
		for range freshEvery {
			mem[0]++
			if reset(t, m); m.Charged() == atRest {
				return
			}
		}
		t.Errorf("after %d runs that write one page %d bytes are charged, want %d once", freshEvery, m.Charged(), atRest)
	})
}
