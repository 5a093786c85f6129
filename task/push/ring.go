package push

import "slices"

// ring is a list whose members take turns.
type ring[T comparable] struct {
	list []T
	at   int
}

func (r *ring[T]) len() int { return len(r.list) }

func (r *ring[T]) add(v T) { r.list = append(r.list, v) }

// turn returns the next member; there must be one.
func (r *ring[T]) turn() T {
	r.at = (r.at + 1) % len(r.list)
	return r.list[r.at]
}

func (r *ring[T]) remove(v T) {
	i := slices.Index(r.list, v)
	if i < 0 {
		return
	}
	r.list = slices.Delete(r.list, i, i+1)
	if i <= r.at {
		r.at--
	}
}
