package wasm

// Bits of an element segment's flags.
const (
	segmentPassive     = 1 // or declarative, with segmentExplicit
	segmentExplicit    = 2 // names its table, or is declarative
	segmentExpressions = 4
)

func (p *parser) readElements(r *reader) {
	for range r.count(maxSegments) {
		flags := r.uint32()
		if flags > 7 {
			r.fail(unsupported, "element segment flags %d are of a proposal that is off", flags)
		}
		e := Element{Type: Funcref}
		switch {
		case flags&segmentPassive == 0:
			if flags&segmentExplicit != 0 {
				e.Table = r.index(len(p.Tables), "table")
			}
			e.Offset = p.readConstant(r)
		case flags&segmentExplicit != 0:
			e.Mode = Declarative
		default:
			e.Mode = Passive
		}
		if flags&(segmentPassive|segmentExplicit) != 0 {
			e.Type = readElementType(r, flags&segmentExpressions != 0)
		}
		p.readElementList(r, &e, flags&segmentExpressions != 0)
		if r.err != nil {
			return
		}
		p.Elements = append(p.Elements, e)
	}
}

// readElementType reads the type of expressions, or the kind of indexes.
func readElementType(r *reader, expressions bool) ValueType {
	t := r.byte()
	switch {
	case r.err != nil:
	case !expressions && t == 0:
		return Funcref
	case expressions && (t == Funcref || t == Externref):
		return t
	default:
		r.fail(unsupported, "element type 0x%02x is of a proposal that is off", t)
	}
	return Funcref
}

func (p *parser) readElementList(r *reader, e *Element, expressions bool) {
	n := r.count(maxElements)
	p.elements += n
	r.atMost(uint64(p.elements), maxElements)
	if expressions {
		e.Exprs = [][]byte{} // which says of what kind they are, should there be none
	}
	for range n {
		if r.err != nil {
			return
		}
		if expressions {
			e.Exprs = append(e.Exprs, p.readConstant(r))
		} else {
			e.Funcs = append(e.Funcs, p.namedFunction(r))
		}
	}
}

// Flags of a data segment.
const (
	dataActive   = 0
	dataPassive  = 1
	dataExplicit = 2
)

func (p *parser) readData(r *reader) {
	n := r.count(maxSegments)
	p.Data = make([]Data, 0, n)
	for range n {
		var d Data
		switch flags := r.uint32(); flags {
		case dataPassive:
			d.Mode = Passive
		case dataExplicit:
			r.index(len(p.Memories), "memory")
			d.Offset = p.readConstant(r)
		case dataActive:
			if len(p.Memories) == 0 {
				r.fail(badIndex, "a data segment is for a memory, and there is none")
			}
			d.Offset = p.readConstant(r)
		default:
			r.fail(unsupported, "data segment flags %d are of a proposal that is off", flags)
		}
		d.Bytes = r.bytes(r.uint32())
		if r.err != nil {
			return
		}
		p.Data = append(p.Data, d)
	}
}
