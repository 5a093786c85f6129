package runtime

import "bytes"

// maxOutputLine is where a line without an end is cut, in bytes.
const maxOutputLine = 4 << 10

// output makes lines of what a guest prints: standard output is info, standard
// error is warn.
type output struct {
	line    func(level, text string)
	pending [3][]byte
}

var outputLevels = [3]string{1: "info", 2: "warn"}

func (o *output) write(descriptor uint32, text []byte) {
	for len(text) > 0 {
		pending := &o.pending[descriptor]
		end := bytes.IndexByte(text, '\n')
		room := maxOutputLine - len(*pending)
		switch {
		case end >= 0 && end <= room:
			*pending = append(*pending, text[:end]...)
			text = text[end+1:]
		case len(text) < room:
			*pending = append(*pending, text...)
			return
		default:
			*pending = append(*pending, text[:room]...)
			text = text[room:]
		}
		o.emit(descriptor)
	}
}

func (o *output) emit(descriptor uint32) {
	if text := bytes.TrimRight(o.pending[descriptor], "\r"); len(text) > 0 {
		o.line(outputLevels[descriptor], string(text))
	}
	o.pending[descriptor] = o.pending[descriptor][:0]
}

// flush passes on what has no line end yet.
func (o *output) flush() {
	o.emit(1)
	o.emit(2)
}
