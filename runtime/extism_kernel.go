package runtime

import (
	"math/bits"

	"github.com/carrelhq/carrel/runtime/image"
)

// kernel is what Extism keeps for a plug-in while it is called: blocks of memory
// through which plug-in and host pass bytes, and variables.
//
// Extism's own kernel is WebAssembly that keeps its lists between the blocks. A
// plug-in can write there and make it go round for ever, where no fuel is paid.
// Here the lists are out of a plug-in's reach, and nothing is looked for.
type kernel struct {
	in     *instance
	memory *image.Memory
	bytes  []byte           // all of memory
	next   uint64           // where no block was yet
	blocks map[uint64]block // in use, by offset
	free   [maxClass][]uint64

	input, output span
	failure       uint64 // the block with the error's text, or 0
	failureText   string // as it was when it was set

	variables     map[string][]byte
	variableBytes int
}

// block is a piece of memory that was given out. It has 1<<class bytes.
type block struct {
	length uint64
	class  int
}

// span is a part of the memory.
type span struct{ offset, length uint64 }

// Bounds of blocks.
const (
	minClass  = 4       // blocks are of 16 bytes at least
	maxClass  = 33      // there is none of 4 GiB
	maxBlocks = 1 << 16 // in use at a time, as lists are not in the account
	firstByte = 16      // 0 is no block
)

func newKernel(in *instance, input []byte) (*kernel, error) {
	memory, err := image.NewMemory(int(in.engine.opts.MemoryBytes), in.share)
	if err != nil {
		return nil, err
	}
	k := &kernel{in: in, memory: memory, variables: map[string][]byte{}}
	k.reset()
	k.input.length = uint64(len(input))
	if len(input) == 0 {
		return k, nil
	}
	if k.input.offset = k.alloc(k.input.length); k.input.offset == 0 {
		k.close()
		return nil, errNoRoom(in)
	}
	copy(k.bytes[k.input.offset:], input)
	return k, nil
}

// errNoRoom tells whose memory is used up: that of all sandboxes, or the plug-in's.
func errNoRoom(in *instance) error {
	if in.share.refused.Load() {
		return errNoMemory
	}
	return errBlocks
}

// close gives the memory back.
func (k *kernel) close() { k.memory.Free() }

// reset forgets all blocks. What is in them stays.
func (k *kernel) reset() {
	k.next, k.blocks, k.free = firstByte, map[uint64]block{}, [maxClass][]uint64{}
	k.input, k.output, k.failure = span{}, span{}, 0
}

// alloc gives a block out, or answers 0 when there is no room or nothing is asked for.
func (k *kernel) alloc(length uint64) (offset uint64) {
	if length == 0 || length > uint64(k.in.engine.opts.MemoryBytes) || len(k.blocks) >= maxBlocks {
		return 0
	}
	class := max(minClass, bits.Len64(length-1))
	if list := k.free[class]; len(list) > 0 {
		offset, k.free[class] = list[len(list)-1], list[:len(list)-1]
	} else {
		if !k.grow(k.next + 1<<class) {
			return 0
		}
		offset = k.next
		k.next += 1 << class
	}
	k.blocks[offset] = block{length, class}
	return offset
}

// grow makes the memory have that many bytes, if the sandbox may.
func (k *kernel) grow(size uint64) bool {
	if size <= uint64(len(k.bytes)) {
		return true
	}
	size = (size + pageSize - 1) / pageSize * pageSize
	if size+uint64(k.in.memory.Size()) > uint64(k.in.engine.opts.MemoryBytes) {
		return false
	}
	bytes := k.memory.Reallocate(size)
	if bytes == nil {
		return false
	}
	k.bytes = bytes
	return true
}

// release takes a block back. What is none is let be, as Extism does.
func (k *kernel) release(offset uint64) {
	b, ok := k.blocks[offset]
	if !ok {
		return
	}
	delete(k.blocks, offset)
	k.free[b.class] = append(k.free[b.class], offset)
}

// content is what a block has. A plug-in that names another one ends its run.
func (k *kernel) content(offset uint64) []byte {
	b, ok := k.blocks[offset]
	if !ok {
		if offset != 0 { // which is the block without bytes
			breakRule("it named a block of memory at %d, where none is", offset)
		}
		return nil
	}
	return k.bytes[offset : offset+b.length]
}

// view is a part of the memory.
func (k *kernel) view(offset, length uint64) (view []byte, ok bool) {
	all := uint64(len(k.bytes))
	if length > all || offset > all-length {
		return nil, false
	}
	return k.bytes[offset : offset+length], true
}

// access is view for a load or store, which ends the run when it is outside.
func (k *kernel) access(offset, length uint64) []byte {
	view, ok := k.view(offset, length)
	if !ok {
		breakRule("it used %d bytes at %d, which is outside its blocks of memory", length, offset)
	}
	return view
}

// give puts data into a new block.
func (k *kernel) give(data []byte) (offset uint64) {
	if len(data) == 0 {
		return 0
	}
	if offset = k.alloc(uint64(len(data))); offset == 0 {
		endRun(errNoRoom(k.in))
	}
	k.in.pay(len(data))
	copy(k.bytes[offset:], data)
	return offset
}

// linear is the memory of an instance for the engine: with the blocks it has no
// more than a sandbox may.
type linear struct{ in *instance }

// Reallocate implements experimental.LinearMemory.
func (l linear) Reallocate(size uint64) []byte {
	if k := l.in.kernel; k != nil && size+uint64(len(k.bytes)) > uint64(l.in.engine.opts.MemoryBytes) {
		return nil
	}
	return l.in.memory.Reallocate(size)
}

// Free implements experimental.LinearMemory.
func (l linear) Free() { l.in.memory.Free() }
