package agent

import "math/rand/v2"

// Random is seeded by carrel for every run. Use it instead of the functions of
// math/rand, whose seed is the same in every sandbox of a module.
var Random = rand.New(source)

var source = rand.NewPCG(1, 2)
