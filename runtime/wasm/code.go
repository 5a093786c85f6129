package wasm

func (p *parser) readCode(r *reader) {
	n := r.count(maxFuncs)
	own := p.Funcs[p.ImportedFuncs:]
	if n > len(own) {
		r.fail(mismatch, "%d functions have bodies and %d are declared", n, len(own))
		return
	}
	p.Code = make([]Body, 0, n)
	for _, typ := range own[:n] {
		size := r.uint32()
		if !r.atMost(uint64(size), maxBody) {
			return
		}
		body := r.sub(size)
		p.readBody(body, typ)
		if r.err = body.err; r.err != nil {
			return
		}
	}
}

// readBody reads the locals of one function and walks through its instructions.
func (p *parser) readBody(r *reader, typ uint32) {
	b := Body{Type: typ, NumLocals: len(p.Types[typ].Params)}
	total := uint64(0)
	for range r.count(maxLocals) {
		l := Locals{Count: r.uint32(), Type: r.valueType()}
		total += uint64(l.Count)
		if !r.atMost(total, maxLocals) {
			return
		}
		b.Locals = append(b.Locals, l)
	}
	p.locals += total
	if !r.atMost(p.locals, maxAllLocals) {
		return
	}
	b.NumLocals += int(total)
	b.At = r.base + r.at
	b.Code = r.rest()
	r.at -= len(b.Code)
	w := walker{Instructions: Instructions{reader: r, body: &b, p: p}}
	b.Count = w.walk()
	p.Code = append(p.Code, b)
}

// walker holds the blocks of a function to the rules.
type walker struct {
	Instructions
	open   []Op // blocks that are open, the function's own last to close
	blocks uint64
	count  int
}

// walk reads all instructions and returns their number.
func (w *walker) walk() int {
	r := w.reader
	for w.Next() {
		w.count++
		switch w.Op {
		case OpBlock, OpLoop, OpIf:
			w.blocks++
			w.open = append(w.open, w.Op)
			r.atMost(uint64(len(w.open)), maxNesting)
			r.atMost(w.blocks, maxBlocks)
		case OpElse:
			if len(w.open) == 0 || w.open[len(w.open)-1] != OpIf {
				r.fail(badCode, "an else without its if")
				return 0
			}
			w.open[len(w.open)-1] = OpElse
		case OpEnd:
			if len(w.open) == 0 {
				if r.left() > 0 {
					r.fail(badCode, "instructions follow the end of the function")
				}
				return w.count
			}
			w.open = w.open[:len(w.open)-1]
		case OpBr, OpBrIf:
			w.checkLabel(w.Index)
		case OpBrTable:
			for _, label := range w.Labels {
				w.checkLabel(label)
			}
		}
	}
	r.fail(badCode, "a function ends before its last block does")
	return 0
}

func (w *walker) checkLabel(label uint32) {
	if int64(label) > int64(len(w.open)) {
		w.reader.fail(badIndex, "a branch out of %d blocks is inside %d", label, len(w.open)+1)
	}
}
