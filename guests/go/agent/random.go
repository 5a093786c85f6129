package agent

import "math/rand/v2"

// Random has numbers of its own in every run. Use it instead of the functions of
// math/rand, whose seed is the same in every sandbox of a module. It is not for
// secrets: those are crypto/rand's.
var Random = rand.New(&source)

var source lazySource

// lazySource is seeded by the first number that a run asks for: most ask for none.
type lazySource struct {
	rand.PCG
	seeded bool
}

// Uint64 implements rand.Source.
func (s *lazySource) Uint64() uint64 {
	if !s.seeded {
		s.Seed(entropy(), entropy())
		s.seeded = true
	}
	return s.PCG.Uint64()
}
