package main

import (
	"fmt"
	"io"
)

// progress tells a terminal how far long work is. Anywhere else it is silent.
type progress struct {
	w     io.Writer
	what  string
	total int64
	n     int64
	shown int64
}

func (p program) newProgress(what string, total int64) *progress {
	b := &progress{what: what, total: total, shown: -1}
	if p.terminal(p.stderr) {
		b.w = p.stderr
	}
	return b
}

// reader counts what is read of r.
func (b *progress) reader(r io.Reader) io.Reader { return io.TeeReader(r, b) }

// Write implements io.Writer.
func (b *progress) Write(data []byte) (int, error) {
	b.n += int64(len(data))
	if b.w == nil || b.total == 0 {
		return len(data), nil
	}
	if percent := min(100*b.n/b.total, 100); percent != b.shown {
		b.shown = percent
		fmt.Fprintf(b.w, "\r%s %3d%%", b.what, percent)
		if b.n >= b.total {
			fmt.Fprintf(b.w, ", waiting for the server")
		}
	}
	return len(data), nil
}

// done clears the line.
func (b *progress) done() {
	if b.w != nil && b.shown >= 0 {
		fmt.Fprint(b.w, "\r\x1b[K")
	}
}
