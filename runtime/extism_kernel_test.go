package runtime

import (
	"encoding/binary"
	"maps"
	"slices"
	"testing"

	"github.com/carrelhq/carrel/runtime/image"
)

// FuzzBlocks holds that blocks in use never overlap and lie within the memory,
// whatever is asked for and freed.
func FuzzBlocks(f *testing.F) {
	e, err := NewEngine(Options{MemoryBytes: 1 << 20})
	if err != nil {
		f.Fatal(err)
	}
	defer e.Close()
	f.Add([]byte("\x00\x10\x00\x00\x00\x20\x00\x00\x01\x10\x00\x00\x00\x08\x00\x00"))
	f.Fuzz(func(t *testing.T, steps []byte) {
		grant, _ := e.memory.Try("tenant", 0)
		in := &instance{engine: e, share: &holding{tenant: "tenant", grant: grant}}
		var err error
		if in.memory, err = image.NewMemory(pageSize, in.share); err != nil {
			t.Fatal(err)
		}
		defer in.close()
		k, err := newKernel(in, []byte("input"))
		if err != nil {
			t.Fatal(err)
		}
		defer k.close()
		for ; len(steps) >= 4; steps = steps[4:] {
			n := uint64(binary.LittleEndian.Uint32(steps)) >> 2
			switch steps[0] & 3 {
			case 0:
				k.alloc(n)
			case 1:
				k.alloc(n & 0xff)
			case 2:
				k.release(n & 0xffff)
			default:
				k.release(uint64(steps[1]) << minClass)
			}
			checkBlocks(t, k)
		}
	})
}

func checkBlocks(t *testing.T, k *kernel) {
	t.Helper()
	end := uint64(0)
	for _, at := range slices.Sorted(maps.Keys(k.blocks)) {
		b := k.blocks[at]
		if at < max(end, firstByte) || b.length > 1<<b.class || at+1<<b.class > uint64(len(k.bytes)) {
			t.Fatalf("the block at %d of %d bytes is in another one's place, or outside", at, b.length)
		}
		end = at + 1<<b.class
	}
}
