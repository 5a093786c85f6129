//go:build !linux || !(amd64 || arm64)

package image

import "slices"

// store keeps the content of an image.
type store struct{ data []byte }

func newStore(content []byte, _ layout) (*store, error) {
	return &store{data: slices.Clone(content)}, nil
}

func (s *store) close() { s.data = nil }

// newSpace returns the memory of a Memory.
var newSpace = newPlain
