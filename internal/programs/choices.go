package programs

// choices makes decisions out of bytes. When they are used up, every decision is 0.
type choices []byte

// below returns a number from 0 to n-1. n is at most 256.
func (c *choices) below(n int) int {
	if len(*c) == 0 {
		return 0
	}
	b := (*c)[0]
	*c = (*c)[1:]
	return int(b) % n
}

// once is true one time in n.
func (c *choices) once(n int) bool { return c.below(n) == n-1 }

// bits returns a number of that many bytes.
func (c *choices) bits(bytes int) (v uint64) {
	for range bytes {
		v = v<<8 | uint64(c.below(256))
	}
	return v
}

// pick returns one of a list.
func pick[T any](c *choices, list []T) T { return list[c.below(len(list))] }

// several returns from least to most results of one.
func several[T any](c *choices, least, most int, one func() T) []T {
	list := make([]T, least+c.below(most-least+1))
	for i := range list {
		list[i] = one()
	}
	return list
}
