package runtime

import (
	"bytes"
	"strings"
)

// Bounds of what a guest prints.
const (
	maxOutputLine = 4 << 10 // where a line without an end is cut
	maxOutput     = 8 << 20 // what is looked at of one run; the log keeps less
)

// Descriptors that a guest can print to.
const (
	standardOutput = 1
	standardError  = 2
)

var outputLevels = [...]string{standardOutput: "info", standardError: "warn"}

// output makes lines of what a guest prints: standard output is info, standard
// error is warn.
type output struct {
	line    func(level, text string)
	pending [len(outputLevels)][]byte
	left    int
	words   lastWords
}

// begin passes lines on to another log from now on.
func (o *output) begin(line func(level, text string)) {
	if o.line != nil {
		o.flush()
	}
	o.line = line
	o.left = maxOutput
	o.words = lastWords{}
}

func (o *output) write(descriptor uint32, text []byte) {
	text = text[:min(len(text), o.left)]
	o.left -= len(text)
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
	text := string(bytes.TrimRight(o.pending[descriptor], "\r"))
	o.pending[descriptor] = o.pending[descriptor][:0]
	if descriptor == standardError {
		o.words.hear(text)
	}
	if text != "" {
		o.line(outputLevels[descriptor], text)
	}
}

// flush passes on what has no line end yet.
func (o *output) flush() {
	for descriptor := range uint32(len(o.pending)) {
		if len(o.pending[descriptor]) > 0 {
			o.emit(descriptor)
		}
	}
}

// lastWords keeps what a language's runtime printed when it gave up: the lines
// from the one that says so to the next empty one.
type lastWords struct {
	lines []string
	open  bool
}

// lastWordsLines is how many lines are kept.
const lastWordsLines = 3

var lastWordsBegin = []string{"panic: ", "fatal error: ", "thread '", "Error: ", "Uncaught "}

func (w *lastWords) hear(line string) {
	for _, begin := range lastWordsBegin {
		if strings.HasPrefix(line, begin) {
			w.lines, w.open = nil, true
		}
	}
	if w.open = w.open && line != "" && len(w.lines) < lastWordsLines; w.open {
		w.lines = append(w.lines, line)
	}
}

func (w *lastWords) String() string { return strings.Join(w.lines, " ") }
