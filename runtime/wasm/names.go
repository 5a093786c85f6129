package wasm

// Name names a function.
type Name struct {
	Index uint32
	Name  string
}

// The section "name" and the part of it that names functions.
const (
	nameSection   = "name"
	nameFunctions = 1
)

// FunctionNames returns the names of functions by index, ascending. ok is false
// when the module has none that are well-formed, which is no reason to refuse it.
func (m *Module) FunctionNames() (names []Name, ok bool) {
	for _, c := range m.Customs {
		if c.Name != nameSection {
			continue
		}
		r := &reader{data: c.Data}
		for r.more() {
			id := r.byte()
			part := r.sub(r.uint32())
			if r.err == nil && id == nameFunctions {
				return m.readNames(part)
			}
		}
	}
	return nil, false
}

func (m *Module) readNames(r *reader) (names []Name, ok bool) {
	for range r.count(maxFuncs) {
		n := Name{Index: r.uint32(), Name: r.name()}
		if r.err != nil || int64(n.Index) >= int64(len(m.Funcs)) || len(names) > 0 && n.Index <= names[len(names)-1].Index {
			return nil, false
		}
		names = append(names, n)
	}
	return names, r.err == nil && r.left() == 0
}
