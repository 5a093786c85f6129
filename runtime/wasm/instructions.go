package wasm

// Instructions goes through the code of a function.
type Instructions struct {
	// Op is the instruction, Start and End are its place in the code.
	Op         Op
	Start, End int
	// Index is its first immediate: a label, function, type, table, local, global
	// or segment, or a block type as an index with BlockType set.
	Index uint32
	// Second is the table of call_indirect, memory.init's memory and so on.
	Second uint32
	// Labels are the targets of a br_table, the default last. The next call of
	// Next overwrites them.
	Labels []uint32

	reader  *reader
	body    *Body
	p       *parser // nil once the module is known to be in order
	targets uint64
}

// Instructions returns the instructions of the body.
func (b *Body) Instructions() *Instructions {
	return &Instructions{reader: &reader{data: b.Code}, body: b}
}

// Next goes to the next instruction. It returns false after the last one, and at
// a fault.
func (it *Instructions) Next() bool {
	r := it.reader
	if !r.more() {
		return false
	}
	it.Start = len(it.body.Code) - r.left()
	if it.short() {
		return true
	}
	op := r.byte()
	it.Op = Op(op)
	what := immediates[op]
	if op == 0xfc || op == 0xfd {
		sub := r.uint32()
		if sub > 0xff {
			r.fail(unsupported, "instruction 0x%02x %d is of a proposal that is off", op, sub)
			return false
		}
		it.Op = Op(op)<<8 | Op(sub)
		if what = immediatesFC[sub]; op == 0xfd {
			what = immediatesFD[sub]
		}
	}
	it.Index, it.Second = 0, 0
	it.readImmediate(what)
	it.End = len(it.body.Code) - r.left()
	return r.err == nil
}

// short goes to the next instruction if it is one of those that are most of all
// code: without an immediate, or with one of one byte that needs no thought.
func (it *Instructions) short() bool {
	r := it.reader
	rest := r.data[r.at:]
	op := rest[0]
	size := 1
	switch immediates[op] {
	case none:
	case number32, number64:
		if len(rest) < 2 || rest[1] >= 0x80 {
			return false
		}
		size = 2
	case localIndex:
		if len(rest) < 2 || rest[1] >= 0x80 || int(rest[1]) >= it.body.NumLocals {
			return false
		}
		it.Index = uint32(rest[1])
		size = 2
	case memoryAccess:
		if len(rest) < 3 || rest[1] >= 0x80 || rest[2] >= 0x80 || it.memories() == 0 {
			return false
		}
		size = 3
	default:
		return false
	}
	r.at += size
	it.Op, it.Second, it.End = Op(op), 0, it.Start+size
	return true
}

func (it *Instructions) readImmediate(what immediate) {
	r := it.reader
	switch what {
	case none:
	case illegal:
		r.fail(unsupported, "instruction 0x%02x is of a proposal that is off", uint16(it.Op))
	case blockType:
		it.readBlockType()
	case label:
		it.Index = r.uint32()
	case labels:
		it.readLabels()
	case memoryAccess:
		r.uint32()
		r.uint32()
		it.inRange(0, it.memories(), "memory")
	case memoryLane:
		r.uint32()
		r.uint32()
		r.byte()
		it.inRange(0, it.memories(), "memory")
	case number32:
		r.skipNumber(5)
	case number64:
		r.skipNumber(10)
	case float32Bytes:
		r.bytes(4)
	case float64Bytes:
		r.bytes(8)
	case bytes16:
		r.bytes(16)
	case lane:
		r.byte()
	case refType:
		r.valueType()
	case selectTypes:
		r.valueTypes()
	default:
		it.readIndex(what)
	}
}

func (it *Instructions) readIndex(what immediate) {
	r := it.reader
	it.Index = r.uint32()
	switch what {
	case callIndirect, dataMemory, memoryMemory, elemTable, tableTable:
		it.Second = r.uint32()
	}
	if it.p == nil || r.err != nil {
		return
	}
	m := &it.p.Module
	switch what {
	case funcIndex:
		it.inRange(it.Index, len(m.Funcs), "function")
		if it.Op == OpRefFunc && r.err == nil && (it.p.named == nil || !it.p.named[it.Index]) {
			r.fail(mismatch, "ref.func names function %d, which no segment, export or global does", it.Index)
		}
	case callIndirect:
		it.inRange(it.Index, len(m.Types), "type")
		it.inRange(it.Second, len(m.Tables), "table")
	case tableIndex:
		it.inRange(it.Index, len(m.Tables), "table")
	case localIndex:
		it.inRange(it.Index, it.body.NumLocals, "local")
	case globalIndex:
		it.inRange(it.Index, len(m.Globals), "global")
	case memoryIndex:
		it.inRange(it.Index, len(m.Memories), "memory")
	case memoryMemory:
		it.inRange(it.Index, len(m.Memories), "memory")
		it.inRange(it.Second, len(m.Memories), "memory")
	case dataMemory:
		it.inRange(it.Index, int(it.p.dataCount), "data segment")
		it.inRange(it.Second, len(m.Memories), "memory")
	case dataIndex:
		it.inRange(it.Index, int(it.p.dataCount), "data segment")
	case elemTable:
		it.inRange(it.Index, len(m.Elements), "element segment")
		it.inRange(it.Second, len(m.Tables), "table")
	case elemIndex:
		it.inRange(it.Index, len(m.Elements), "element segment")
	case tableTable:
		it.inRange(it.Index, len(m.Tables), "table")
		it.inRange(it.Second, len(m.Tables), "table")
	}
}

func (it *Instructions) memories() int {
	if it.p == nil {
		return 1
	}
	return len(it.p.Memories)
}

func (it *Instructions) inRange(i uint32, n int, of string) {
	if it.reader.err == nil && int64(i) >= int64(n) {
		it.reader.fail(badIndex, "%s %d is not there; there are %d", of, i, n)
	}
}

// readBlockType reads a value type, nothing, or the index of a function type.
func (it *Instructions) readBlockType() {
	r := it.reader
	n := r.int33()
	switch {
	case r.err != nil || n == -0x40:
	case n < 0:
		if !isValueType(byte(n&0x7f)) || n < -0x40 {
			r.fail(unsupported, "block type %d is of a proposal that is off", n)
		}
	case it.p != nil:
		it.inRange(uint32(n), len(it.p.Types), "type")
	}
}

func (it *Instructions) readLabels() {
	r := it.reader
	n := r.count(maxTargets)
	it.Labels = it.Labels[:0]
	for range n + 1 {
		it.Labels = append(it.Labels, r.uint32())
		if r.err != nil {
			return
		}
	}
	if it.targets += uint64(n); it.targets > 2*uint64(maxTargets.Most) {
		r.atMost(it.targets, maxTargets)
	}
}
