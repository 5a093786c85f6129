package runtime

import (
	"slices"
	"strings"
	"testing"

	"github.com/carrelhq/carrel/abi"
)

// everything is a module with all that the parser knows.
func everything() []byte {
	g := newGuest("log", "task_get")
	g.table(3)
	f := g.function("carrel_run", hostType, localGet(0), localGet(1), call(0))
	g.elements = [][]byte{
		slices.Concat([]byte{0}, i32Const(0), []byte{opEnd}, []byte{1}, uleb(f)),
		{1, 0, 1, 2},
		slices.Concat([]byte{2, 0}, i32Const(0), []byte{opEnd, 0, 1, 2}),
		{3, 0, 1, 2},
		slices.Concat([]byte{4}, i32Const(0), []byte{opEnd, 1, opRefFunc, 2, opEnd}),
		{5, funcref, 1, opRefNull, funcref, opEnd},
		slices.Concat([]byte{6, 0}, i32Const(0), []byte{opEnd, funcref, 1, opRefFunc, 2, opEnd}),
		{7, funcref, 1, opRefFunc, 2, opEnd},
	}
	g.dataAt(16, []byte("hello"))
	g.data = append(g.data, slices.Concat([]byte{1}, vector([]byte("passive"))))
	g.data = append(g.data, slices.Concat([]byte{2, 0}, i32Const(32), []byte{opEnd}, vector([]byte("named"))))
	g.globals = append(g.globals,
		slices.Concat([]byte{0x7d, 0, opF32Const, 0, 0, 0, 0, opEnd}), slices.Concat([]byte{0x7c, 0, opF64Const}, make([]byte, 8), []byte{opEnd}),
		slices.Concat([]byte{0x7b, 0, 0xfd, 12}, make([]byte, 16), []byte{opEnd}), []byte{funcref, 0, opRefFunc, 2, opEnd},
	)
	g.name(f, "run")
	g.custom(abi.SectionMeta, []byte(`{"built":"today"}`))
	return g.bytes()
}

// TestWhatTheParserReadsTheEngineReads: the two agree on a module that has everything.
func TestWhatTheParserReadsTheEngineReads(t *testing.T) {
	t.Parallel()
	e := newEngine(t, Options{})
	in, err := e.Inspect(t.Context(), "tenant", everything())
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(in.Exports, " ") + "; " + strings.Join(in.Wants, " "); got != "carrel_alloc carrel_run memory; log task_get" {
		t.Errorf("got %s", got)
	}
	if in.Meta["built"] != "today" || in.MemoryMin != 2*pageSize || in.MemoryMax != 0 || len(in.Imports) != 2 {
		t.Errorf("got %+v", in)
	}
}
