package image

// space is the memory of a Memory. Its user has checked sizes and states.
type space interface {
	// resize returns the first size bytes. New ones are zero.
	resize(size int) []byte
	// load replaces all content by the image, and zeros after it. After an error
	// the content is undefined.
	load(img *Image) error
	// restore undoes all writes since load or restore. It returns the number of
	// pages it took for written, and how many bytes the space has for itself.
	restore(img *Image) (pages, private int, err error)
	// beginWatch and endWatch are those of Memory.
	beginWatch()
	endWatch()
	// drop is a restore that leaves the space as few bytes as load does.
	drop(img *Image) error
	// floor returns how many bytes the space has for itself after load.
	floor(img *Image) int
	// free gives the memory back to the machine. It is called once.
	free()
}

// plain is a space of ordinary bytes: its address changes when it grows, and it
// shares nothing with an image.
type plain struct{ bytes []byte }

func newPlain(int) (space, error) { return &plain{}, nil }

func (p *plain) resize(size int) []byte {
	if size > len(p.bytes) {
		grown := make([]byte, size)
		copy(grown, p.bytes)
		p.bytes = grown
	}
	return p.bytes[:size:size]
}

func (p *plain) load(img *Image) error {
	p.bytes = make([]byte, img.size)
	img.restore(p.bytes, 0, img.size)
	return nil
}

func (p *plain) restore(img *Image) (pages, private int, err error) {
	img.restore(p.bytes, 0, img.size)
	return img.size / pageSize, img.size, nil
}

func (p *plain) beginWatch() {}
func (p *plain) endWatch()   {}

func (p *plain) drop(img *Image) error {
	_, _, err := p.restore(img)
	return err
}

func (p *plain) floor(img *Image) int { return img.size }

func (p *plain) free() { p.bytes = nil }
