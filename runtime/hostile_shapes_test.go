package runtime

import (
	"bytes"
	"slices"
	"strings"

	"github.com/carrelhq/carrel/runtime/wasm"
)

// Shapes of modules that the cases are made of.

// moduleOf puts a module together of sections, whatever is in them.
func moduleOf(sections ...[]byte) func() []byte {
	return func() []byte { return slices.Concat([]byte("\x00asm\x01\x00\x00\x00"), slices.Concat(sections...)) }
}

// file is a file of any kind.
func file(content string) func() []byte { return func() []byte { return []byte(content) } }

// with is a harmless module with something added.
func with(add func(g *guest)) func() []byte {
	return func() []byte {
		g := newReplier("{}")
		add(g)
		return g.bytes()
	}
}

// running is a module whose carrel_run does something and then answers.
func running(instructions ...[]byte) func() []byte { return runningWith(nil, instructions...) }

// runningWith is running with something added before carrel_run.
func runningWith(add func(g *guest), instructions ...[]byte) func() []byte {
	return func() []byte {
		g := newGuest()
		g.dataAt(16, []byte("{}"))
		if add != nil {
			add(g)
		}
		return run(g, slices.Concat(instructions...), pack(16, 2)).bytes()
	}
}

// body is a module whose carrel_run has locals and instructions of its own.
func body(locals []byte, instructions ...[]byte) func() []byte {
	return func() []byte {
		g := newGuest()
		g.dataAt(16, []byte("{}"))
		g.functionWith(locals, "carrel_run", hostType, slices.Concat(instructions...), pack(16, 2))
		return g.bytes()
	}
}

// Locals of a function, in groups of a type.
var noLocals = []byte{0}

func localsOf(n int, typ string) []byte { return slices.Concat([]byte{1}, uleb(n), []byte(typ)) }

// importing imports a function.
func importing(module, name string, s signature) func() []byte {
	return func() []byte {
		g := &guest{start: -1}
		g.importFunction(module, name, s)
		g.memory(1, 0)
		return g.bytes()
	}
}

// repeat is instructions n times.
func repeat(n int, instructions ...[]byte) []byte {
	return bytes.Repeat(slices.Concat(instructions...), n)
}

// mustAnswer traps unless the instructions answer a number.
func mustAnswer(want int64, instructions ...[]byte) []byte {
	return slices.Concat(slices.Concat(instructions...), i32Const(want), i32Ne, ifThen, unreachable, end)
}

// spin does something for ever.
func spin(instructions ...[]byte) []byte {
	return slices.Concat(loop, slices.Concat(instructions...), forever, end)
}

// many is a text of n commas and a thing between them.
func many(n int, thing string) string { return strings.TrimSuffix(strings.Repeat(thing+",", n), ",") }

// Instructions that only hostile modules need.
var (
	nop       = []byte{0x01}
	blockThen = []byte{0x02, 0x40} // without results; ends with end
	i32Ne     = []byte{0x47}
	tableCopy = []byte{0xfc, 14, 0, 0}
)

func callIndirect(typ int) []byte { return slices.Concat([]byte{0x11}, uleb(typ), []byte{0}) }

// brTable is a br_table with n targets beside the default, all the innermost.
func brTable(n int) []byte { return slices.Concat([]byte{0x0e}, uleb(n), make([]byte, n+1)) }

// limits of a table or memory: at least min, at most max unless that is negative.
func limits(min, max int) []byte {
	if max < 0 {
		return slices.Concat([]byte{0}, uleb(min))
	}
	return slices.Concat([]byte{1}, uleb(min), uleb(max))
}

// The sections of a module with one function without a body.
var (
	oneType     = section(wasm.SectionType, []byte{1, 0x60, 0, 0})
	oneFunction = section(wasm.SectionFunction, []byte{1, 0})
	oneMemory   = section(wasm.SectionMemory, []byte{1, 0, 1})
)

// code is a code section of one body, which may claim another size than it has.
func code(body ...[]byte) []byte {
	return section(wasm.SectionCode, []byte{1}, vector(slices.Concat(body...)))
}
