package runtime

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"testing"

	"github.com/carrelhq/carrel/abi"
	"github.com/carrelhq/carrel/host"
	"github.com/carrelhq/carrel/runtime/wasm"
)

var i32Equal = []byte{0x46}

// checkEnd holds that a run that fails does so by the guest's fault.
func checkEnd(t *testing.T, err error) {
	t.Helper()
	if err != nil && !errors.Is(err, host.ErrGuest) && !errors.Is(err, ErrTrap) {
		t.Errorf("got %v, want the guest's fault", err)
	}
}

// Where the caller guest has things in its memory: the request is a program.
const (
	callerAlloc   = 60 // what its carrel_alloc answers
	callerRequest = 64 // which function it calls
	callerArgs    = callerRequest + 8
	callerNext    = callerArgs + 72 // what its carrel_alloc answers from then on
	callerReply   = callerNext + 8  // what its carrel_run answers
	callerSize    = callerReply + 8 - callerRequest
)

// newCaller calls the one function that its request names, with the arguments that
// the request has, and answers a reply wherever the request says.
func newCaller() *guest {
	g := &guest{start: -1}
	var chain [][]byte
	add := func(module, name string, typ signature) {
		index := g.importFunction(module, name, typ)
		chain = append(chain, i32Const(callerRequest), i32Load, i32Const(int64(index)), i32Equal, ifThen)
		for i, p := range typ.Params {
			load := i32Load
			if string(p) == i64 {
				load = i64Load
			}
			chain = append(chain, i32Const(int64(callerArgs+8*i)), load)
		}
		chain = append(chain, call(index))
		if typ.Results != "" {
			chain = append(chain, drop)
		}
		chain = append(chain, end)
	}
	for _, f := range abi.Funcs {
		add("carrel", f.Name, hostType)
	}
	for _, name := range slices.Sorted(maps.Keys(wasiFunctions)) {
		add(wasiModule, name, wasiFunctions[name].typ)
	}
	g.memory(2, 0)
	g.dataAt(callerAlloc, []byte{callerRequest})
	g.function("carrel_alloc", allocType, i32Const(callerAlloc), i32Load)
	return run(g, i32Const(callerAlloc), i32Const(callerNext), i32Load, i32Store, slices.Concat(chain...), i32Const(callerReply), i64Load)
}

// callerProgram is a request for the guest.
func callerProgram(function uint32, alloc uint32, reply uint64, args ...uint64) []byte {
	p := binary.LittleEndian.AppendUint64(nil, uint64(function))
	for i := range 9 {
		arg := uint64(0)
		if i < len(args) {
			arg = args[i]
		}
		p = binary.LittleEndian.AppendUint64(p, arg)
	}
	p = binary.LittleEndian.AppendUint64(p, uint64(alloc))
	return binary.LittleEndian.AppendUint64(p, reply)
}

// FuzzGuestCalls calls host functions and those of WASI with any pointers, lengths
// and numbers, has replies put anywhere, and answers from anywhere.
func FuzzGuestCalls(f *testing.F) {
	m := load(f, newEngine(f, Options{}), newCaller().bytes())
	packed := func(at, length uint64) uint64 { return at<<32 | length }
	text := []byte(`{"message":"hello"}`)
	end := uint64(callerRequest + callerSize)
	for i := range len(abi.Funcs) + len(wasiFunctions) {
		n := uint32(i)
		f.Add(append(callerProgram(n, 4096, packed(4096, 8), end, uint64(len(text)), end, 8), text...))
		f.Add(callerProgram(n, outside, packed(outside, 1), 0, outside, outside, lastByte, outside))
		f.Add(callerProgram(n, lastByte, packed(lastByte, 2), 1, end, 1, end+8))
	}
	tasks := &fakeTasks{}
	reply, err := runGuest(f.Context(), f, m, string(append(callerProgram(0, 4096, packed(4096, 8), end, uint64(len(text))), text...)), tasks)
	if err != nil || len(reply) != 8 || abi.Funcs[0].Name != "log" || len(tasks.lines) != 1 {
		f.Fatalf("the guest does not do what it is told: %q, %v, %q", reply, err, tasks.lines)
	}
	f.Fuzz(func(t *testing.T, program []byte) {
		reply, err := runGuest(t.Context(), t, m, string(program), &fakeTasks{})
		checkEnd(t, err)
		if err == nil && len(reply) > 2*pageSize {
			t.Errorf("%d bytes were answered", len(reply))
		}
	})
}

// FuzzPluginCalls is a program of calls of Extism's functions, with any numbers or
// with what the call before returned.
func FuzzPluginCalls(f *testing.F) {
	const steps, stepSize, used = 6, 24, 0x80
	names := slices.Sorted(maps.Keys(envFunctions))
	g := newExtismGuest(append(slices.Clone(names), "user:log")...)
	last := g.global(i64, 0)
	i32And, i32WrapI64 := []byte{0x71}, []byte{0xa7}
	var code [][]byte
	for s := range int64(steps) {
		op := slices.Concat(i64Const(s*stepSize), g.do("input_load_u8"))
		code = append(code, i64Const(s*stepSize+8), g.do("input_load_u64"), localSet(spot),
			op, i32Const(used), i32And, ifThen, globalGet(last), localSet(spot), end)
		for i, name := range append(slices.Clone(names), "user:log") {
			typ := userType
			if name != "user:log" {
				typ = envFunctions[name].typ
			}
			code = append(code, op, i32Const(used-1), i32And, i32Const(int64(i)), i32Equal, ifThen)
			for at, p := range typ.Params {
				if at == 0 {
					code = append(code, localGet(spot))
					continue
				}
				code = append(code, i64Const(s*stepSize+16), g.do("input_load_u64"))
				if string(p) == i32 {
					code = append(code, i32WrapI64)
				}
			}
			code = append(code, g.do(name))
			switch typ.Results {
			case i32:
				code = append(code, i64Extend, globalSet(last))
			case i64:
				code = append(code, globalSet(last))
			}
			code = append(code, end)
		}
	}
	m := load(f, newEngine(f, Options{MemoryBytes: 4 << 20}), g.runs(code...).bytes())
	program := func(calls ...any) (p []byte) {
		for i := 0; i+2 < len(calls); i += 3 {
			name, a, b := calls[i].(string), calls[i+1].(int), calls[i+2].(int)
			op := slices.Index(append(slices.Clone(names), "user:log"), name)
			if a < 0 {
				op, a = op|used, 0
			}
			p = binary.LittleEndian.AppendUint64(p, uint64(op))
			p = binary.LittleEndian.AppendUint64(p, uint64(a))
			p = binary.LittleEndian.AppendUint64(p, uint64(b))
		}
		return append(p, make([]byte, steps*stepSize-len(p))...)
	}
	good := program("alloc", 8, 0, "store_u64", -1, 7, "output_set", 16, 8)
	if reply, err := runGuest(f.Context(), f, m, string(good), &fakeTasks{}); err != nil || len(reply) != 8 {
		f.Fatalf("the plug-in does not do what it is told: %q, %v", reply, err)
	}
	f.Add(good)
	f.Add(program("alloc", 1<<40, 0, "free", 16, 0, "free", 16, 0, "load_u64", 1<<21, 0))
	f.Add(program("input_set", 1<<62, 1<<62))
	f.Add(program("alloc", 4, 0, "var_set", -1, 16, "var_get", 16, 0, "error_set", -1, 0))
	f.Add(program("alloc", 24, 0, "http_request", -1, 0))
	f.Add(program("user:log", 16, 0))
	f.Add(program("reset", 0, 0, "length", 16, 0, "error_set", 16, 0))
	f.Fuzz(func(t *testing.T, program []byte) {
		reply, err := runGuest(t.Context(), t, m, string(program), &fakeTasks{})
		checkEnd(t, err)
		if err == nil && len(reply) == 0 {
			t.Error("nothing was answered")
		}
	})
}

// FuzzMeta: what an author's tool says of a module is taken or refused.
func FuzzMeta(f *testing.F) {
	for _, text := range []string{`{"extism":{"run":"go","describe":"about"}}`, `{"extism":1}`, `{"language":"go"}`, `null`, `[]`, ``} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		o := &outline{}
		err := o.readMeta(&wasm.Module{Customs: []wasm.Custom{{Name: abi.SectionMeta, Data: text}}})
		if err == nil {
			if o.meta == nil {
				t.Errorf("%q is nothing", text)
			}
			_, err = pluginOf(o.meta)
		}
		var refusal *abi.Refusal
		if err != nil && !errors.As(err, &refusal) {
			t.Errorf("%q: got %v", text, err)
		}
	})
}

// FuzzRecent: the list of modules to load again is a short list of names, or none.
func FuzzRecent(f *testing.F) {
	f.Add([]byte(`["a","b"]`))
	f.Add([]byte(`["a",1]`))
	f.Add([]byte(`["a","b","c","d"]`))
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, text []byte) {
		if digests := parseRecent(text, 3); len(digests) > 3 || len(digests) > 0 && !json.Valid(text) {
			t.Errorf("%q is %q", text, digests)
		}
	})
}
