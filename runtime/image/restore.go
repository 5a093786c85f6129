package image

// How a memory that knows its written pages restores them. On a shared core of an
// EPYC, a page is copied from the image in 0.06 to 0.3 µs; to give it back takes
// 1.4 µs, and the next run faults it in again for 2 to 5. So copying wins at any
// number, if the next run writes the page again; what bounds it is the memory that
// a sandbox keeps while it rests.
const (
	// minKept is how many bytes any memory may keep for itself.
	minKept = 1 << 20
	// maxKept is the most that a memory may keep. Between the two it is the image's
	// size divided by keptShare.
	maxKept   = 4 << 20
	keptShare = 16
	// freshEvery is the number of resets after which nothing stays mapped, or pages
	// that one run has written would be copied for ever, and those that one has
	// read looked at: that takes 0.05 µs each.
	freshEvery = 256
	// maxDiscards is how many ranges are given back one by one, which leaves the
	// pages between them mapped.
	maxDiscards = 64
)

// keeps returns how many bytes a memory of an image may keep for itself.
func keeps(size int) int { return min(max(size/keptShare, minKept), maxKept) }

// discards returns the ranges that are to be given back to lose all that was found.
func (f *findings) discards() []extent {
	if len(f.parts) > maxDiscards {
		return []extent{f.all}
	}
	return f.parts
}
