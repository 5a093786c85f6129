package server

// scanner walks over a JSON text (RFC 8259) without decoding it and without
// recursion. It checks the grammar, the depth and the number of values; that the
// text is valid UTF-8 is checked before.
type scanner struct {
	data   []byte
	pos    int
	values int
}

var errSyntax = refuse(errParse, "not valid JSON")

// document scans one value that must be all there is, and hands the members of
// an object at the top to visit: the raw name with its quotes, and the raw value.
func (s *scanner) document(visit func(name, value []byte)) error {
	s.space()
	if s.pos < len(s.data) && s.data[s.pos] == '{' {
		if err := s.object(visit); err != nil {
			return err
		}
	} else if err := s.value(0); err != nil {
		return err
	}
	s.space()
	if s.pos != len(s.data) {
		return refuse(errParse, "there is more after the first JSON value")
	}
	return nil
}

// object scans an object at the top, member by member.
func (s *scanner) object(visit func(name, value []byte)) error {
	s.pos++
	for first := true; ; first = false {
		s.space()
		if first && s.take('}') {
			return nil
		}
		name, err := s.name()
		if err != nil {
			return err
		}
		s.space()
		start := s.pos
		if err := s.value(1); err != nil {
			return err
		}
		visit(name, s.data[start:s.pos])
		s.space()
		if s.take('}') {
			return nil
		}
		if !s.take(',') {
			return errSyntax
		}
	}
}

// name scans a member's name and the colon after it.
func (s *scanner) name() ([]byte, error) {
	start := s.pos
	if !s.text() {
		return nil, errSyntax
	}
	name := s.data[start:s.pos]
	s.space()
	if !s.take(':') {
		return nil, errSyntax
	}
	return name, nil
}

// value scans one value that is depth levels deep already. What is open is kept
// as the closing bytes in a fixed array, so hostile nesting costs nothing.
func (s *scanner) value(depth int) error {
	var open [maxDepth + 1]byte
	base := depth
	for {
		s.space()
		closed, err := s.begin(open[:], &depth)
		if err != nil {
			return err
		}
		for closed && depth > base {
			s.space()
			if s.take(',') {
				if open[depth] == '}' {
					s.space()
					if _, err := s.name(); err != nil {
						return err
					}
				}
				break
			}
			if !s.take(open[depth]) {
				return errSyntax
			}
			depth--
		}
		if closed && depth == base {
			return nil
		}
	}
}

// begin scans a scalar or an empty container whole, which it reports as closed,
// or the beginning of a container up to its first value.
func (s *scanner) begin(open []byte, depth *int) (closed bool, err error) {
	if s.pos == len(s.data) {
		return false, errSyntax
	}
	if s.values++; s.values > maxValues {
		return false, refuse(errTooLarge, "at most 30000 JSON values are taken")
	}
	end := byte(0)
	switch c := s.data[s.pos]; c {
	case '{':
		end = '}'
	case '[':
		end = ']'
	default:
		if !s.scalar(c) {
			return false, errSyntax
		}
		return true, nil
	}
	s.pos++
	if *depth++; *depth > maxDepth {
		return false, refuse(errParse, "JSON nests deeper than 100 levels")
	}
	open[*depth] = end
	s.space()
	if s.take(end) {
		*depth--
		return true, nil
	}
	if end == '}' {
		_, err = s.name()
	}
	return false, err
}

func (s *scanner) scalar(c byte) bool {
	switch c {
	case '"':
		return s.text()
	case 't':
		return s.literal("true")
	case 'f':
		return s.literal("false")
	case 'n':
		return s.literal("null")
	}
	return s.number()
}

func (s *scanner) literal(word string) bool {
	if len(s.data)-s.pos < len(word) || string(s.data[s.pos:s.pos+len(word)]) != word {
		return false
	}
	s.pos += len(word)
	return true
}

// text scans a string.
func (s *scanner) text() bool {
	if !s.take('"') {
		return false
	}
	for s.pos < len(s.data) {
		c := s.data[s.pos]
		s.pos++
		switch {
		case c == '"':
			return true
		case c < 0x20:
			return false
		case c == '\\' && !s.escape():
			return false
		}
	}
	return false
}

func (s *scanner) escape() bool {
	if s.pos == len(s.data) {
		return false
	}
	c := s.data[s.pos]
	s.pos++
	switch c {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return true
	case 'u':
		for range 4 {
			if s.pos == len(s.data) || !hex(s.data[s.pos]) {
				return false
			}
			s.pos++
		}
		return true
	}
	return false
}

func hex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

func (s *scanner) number() bool {
	s.take('-')
	if !s.take('0') && !s.digits() {
		return false
	}
	if s.take('.') && !s.digits() {
		return false
	}
	if s.take('e') || s.take('E') {
		if !s.take('+') {
			s.take('-')
		}
		return s.digits()
	}
	return true
}

// digits scans one digit or more.
func (s *scanner) digits() bool {
	start := s.pos
	for s.pos < len(s.data) && '0' <= s.data[s.pos] && s.data[s.pos] <= '9' {
		s.pos++
	}
	return s.pos > start
}

func (s *scanner) take(c byte) bool {
	if s.pos < len(s.data) && s.data[s.pos] == c {
		s.pos++
		return true
	}
	return false
}

func (s *scanner) space() {
	for s.pos < len(s.data) {
		switch s.data[s.pos] {
		case ' ', '\t', '\n', '\r':
			s.pos++
		default:
			return
		}
	}
}
