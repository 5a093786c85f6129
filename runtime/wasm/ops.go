package wasm

// Op is an instruction: its byte, or its prefix in the high and its number in
// the low byte.
type Op uint16

// Instructions that have a part in control flow, or that carrel treats in its own way.
const (
	OpUnreachable  Op = 0x00
	OpNop          Op = 0x01
	OpBlock        Op = 0x02
	OpLoop         Op = 0x03
	OpIf           Op = 0x04
	OpElse         Op = 0x05
	OpEnd          Op = 0x0b
	OpBr           Op = 0x0c
	OpBrIf         Op = 0x0d
	OpBrTable      Op = 0x0e
	OpReturn       Op = 0x0f
	OpCall         Op = 0x10
	OpCallIndirect Op = 0x11
	OpDrop         Op = 0x1a
	OpLocalGet     Op = 0x20
	OpLocalSet     Op = 0x21
	OpLocalTee     Op = 0x22
	OpGlobalGet    Op = 0x23
	OpGlobalSet    Op = 0x24
	OpTableSet     Op = 0x26
	OpMemorySize   Op = 0x3f
	OpMemoryGrow   Op = 0x40
	OpI32Const     Op = 0x41
	OpI64Const     Op = 0x42
	OpF32Const     Op = 0x43
	OpF64Const     Op = 0x44
	OpI32GtU       Op = 0x4b
	OpI32LeU       Op = 0x4d
	OpI64LtS       Op = 0x53
	OpI64GtU       Op = 0x56
	OpI32Add       Op = 0x6a
	OpI32Sub       Op = 0x6b
	OpI32ShrU      Op = 0x76
	OpI64Add       Op = 0x7c
	OpI64Sub       Op = 0x7d
	OpI64Or        Op = 0x84
	OpI64Shl       Op = 0x86
	OpI64ShrU      Op = 0x88
	OpI32WrapI64   Op = 0xa7
	OpI64ExtendU   Op = 0xad
	OpI32FromF32   Op = 0xbc
	OpI64FromF64   Op = 0xbd
	OpF32FromI32   Op = 0xbe
	OpF64FromI64   Op = 0xbf
	OpRefNull      Op = 0xd0
	OpRefFunc      Op = 0xd2
	OpMemoryInit   Op = 0xfc08
	OpDataDrop     Op = 0xfc09
	OpMemoryCopy   Op = 0xfc0a
	OpMemoryFill   Op = 0xfc0b
	OpTableInit    Op = 0xfc0c
	OpElemDrop     Op = 0xfc0d
	OpTableCopy    Op = 0xfc0e
	OpTableGrow    Op = 0xfc0f
	OpTableFill    Op = 0xfc11
	OpV128Const    Op = 0xfd0c
	OpI64x2Splat   Op = 0xfd12
	OpI64x2Extract Op = 0xfd1d
	OpI64x2Replace Op = 0xfd1e
)

// immediate says what follows an instruction.
type immediate byte

const (
	illegal immediate = iota
	none
	blockType
	label
	labels // of br_table
	funcIndex
	callIndirect // type and table
	tableIndex
	localIndex
	globalIndex
	memoryAccess // alignment and offset
	memoryIndex  // a zero byte
	number32
	number64
	float32Bytes
	float64Bytes
	refType
	selectTypes
	dataMemory // data segment, then a memory
	dataIndex
	memoryMemory
	elemTable
	elemIndex
	tableTable
	bytes16
	lane
	memoryLane // memoryAccess and a lane
)

// immediates has what follows each instruction, prefixed ones in tables of their own.
var immediates, immediatesFC, immediatesFD [256]immediate

func init() {
	set := func(table *[256]immediate, what immediate, from, to int) {
		for op := from; op <= to; op++ {
			table[op] = what
		}
	}
	set(&immediates, none, 0x00, 0x01)
	set(&immediates, blockType, 0x02, 0x04)
	set(&immediates, none, 0x05, 0x05)
	set(&immediates, none, 0x0b, 0x0b)
	set(&immediates, label, 0x0c, 0x0d)
	set(&immediates, labels, 0x0e, 0x0e)
	set(&immediates, none, 0x0f, 0x0f)
	set(&immediates, funcIndex, 0x10, 0x10)
	set(&immediates, callIndirect, 0x11, 0x11)
	set(&immediates, none, 0x1a, 0x1b)
	set(&immediates, selectTypes, 0x1c, 0x1c)
	set(&immediates, localIndex, 0x20, 0x22)
	set(&immediates, globalIndex, 0x23, 0x24)
	set(&immediates, tableIndex, 0x25, 0x26)
	set(&immediates, memoryAccess, 0x28, 0x3e)
	set(&immediates, memoryIndex, 0x3f, 0x40)
	set(&immediates, number32, 0x41, 0x41)
	set(&immediates, number64, 0x42, 0x42)
	set(&immediates, float32Bytes, 0x43, 0x43)
	set(&immediates, float64Bytes, 0x44, 0x44)
	set(&immediates, none, 0x45, 0xc4)
	set(&immediates, refType, 0xd0, 0xd0)
	set(&immediates, none, 0xd1, 0xd1)
	set(&immediates, funcIndex, 0xd2, 0xd2)

	set(&immediatesFC, none, 0, 7)
	set(&immediatesFC, dataMemory, 8, 8)
	set(&immediatesFC, dataIndex, 9, 9)
	set(&immediatesFC, memoryMemory, 10, 10)
	set(&immediatesFC, memoryIndex, 11, 11)
	set(&immediatesFC, elemTable, 12, 12)
	set(&immediatesFC, elemIndex, 13, 13)
	set(&immediatesFC, tableTable, 14, 14)
	set(&immediatesFC, tableIndex, 15, 17)

	set(&immediatesFD, memoryAccess, 0, 11)
	set(&immediatesFD, bytes16, 12, 13)
	set(&immediatesFD, none, 14, 20)
	set(&immediatesFD, lane, 21, 34)
	set(&immediatesFD, none, 35, 83)
	set(&immediatesFD, memoryLane, 84, 91)
	set(&immediatesFD, memoryAccess, 92, 93)
	set(&immediatesFD, none, 94, 255)
	for _, hole := range []int{0x9a, 0xa2, 0xa5, 0xa6, 0xaf, 0xb0, 0xb2, 0xb3, 0xb4, 0xbb, 0xc2, 0xc5, 0xc6, 0xcf, 0xd0, 0xd2, 0xd3, 0xd4, 0xe2, 0xee} {
		immediatesFD[hole] = illegal
	}
}
