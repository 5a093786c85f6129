//go:build amd64 || arm64

package image

import (
	"bytes"
	"fmt"
	"slices"
	"sync"
)

// bestWay is the quickest way that works here. It is tried out rather than asked
// for: what a process runs in may refuse calls, or imitate a kernel.
var bestWay = sync.OnceValue(func() way {
	for _, w := range []way{byScan, byPagemap} {
		if try(w) == nil {
			return w
		}
	}
	return byNothing
})

// try writes two pages of the four kinds, and reads the others.
func try(w way) error {
	return tryMemory(w, func(space *mapped, img *Image) error {
		mem := space.resize(img.size)
		if mem[0] != 1 || mem[2*wasmPage] != 0 {
			return errCannotFind
		}
		mem[wasmPage]++
		mem[3*wasmPage]++
		return tryFind(space.finder, mem, img)
	})
}

// tryMemory maps an image of two pages of content and two of zeros.
func tryMemory(w way, fn func(*mapped, *Image) error) error {
	content := slices.Concat(bytes.Repeat([]byte{1}, 2*wasmPage), make([]byte, 2*wasmPage))
	img, err := New(content, nil)
	if err != nil {
		return err
	}
	defer img.Release()
	space, err := newMapped(img.size, w)
	if err != nil {
		return err
	}
	defer space.free()
	if err := space.load(img); err != nil {
		return err
	}
	return fn(space.(*mapped), img)
}

// tryFind looks for the pages that were written. It does not mind if the page of
// zeros that was read is found too.
func tryFind(f finder, mem []byte, img *Image) error {
	var found findings
	found.begin()
	if err := f.find(mem, &img.layout, &found); err != nil {
		return err
	}
	has := func(at int) bool {
		return slices.ContainsFunc(found.parts, func(e extent) bool { return e.start <= at && at < e.end })
	}
	if has(0) || !has(wasmPage) || !has(3*wasmPage) {
		return fmt.Errorf("%w: found %v", errCannotFind, found.parts)
	}
	return nil
}
