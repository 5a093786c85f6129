package image

// findings are the pages of a memory that may differ from its image.
type findings struct {
	keep  int      // as many pages are listed in parts
	pages int      // all that were found
	all   extent   // from the first to the last of them
	parts []extent // the first of them; used only if pages <= keep
}

func (f *findings) begin(keep int) {
	*f = findings{keep: keep, parts: f.parts[:0]}
}

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
	case f.pages > f.keep:
	case joins:
		f.parts[last].end = end
	default:
		f.parts = append(f.parts, extent{start, end})
	}
}
