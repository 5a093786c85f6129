package image

// findings are the pages of a memory that may differ from its image.
type findings struct {
	pages int
	all   extent   // from the first to the last of them
	parts []extent // ranges of them: all, unless there are more than maxParts
}

// maxParts bounds what is remembered. It is more than maxDiscards, and as many as
// the pages that a memory may keep: only so many parts are ever used.
const maxParts = maxKept / (4 << 10)

func (f *findings) begin() { *f = findings{parts: f.parts[:0]} }

// add notes a range of pages that comes after all others.
func (f *findings) add(start, end int) {
	if start >= end {
		return
	}
	if f.pages == 0 {
		f.all.start = start
	}
	joins := f.pages > 0 && f.all.end == start
	f.all.end = end
	f.pages += (end - start) / pageSize
	switch last := len(f.parts) - 1; {
	case joins:
		f.parts[last].end = end
	case len(f.parts) < maxParts:
		f.parts = append(f.parts, extent{start, end})
	}
}
