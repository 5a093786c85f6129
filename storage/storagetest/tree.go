package storagetest

import (
	"bytes"
	"math/rand/v2"

	"github.com/carrelhq/carrel/storage"
)

// tree is a treap that never changes: put and without return a new tree that
// shares what is the same. A snapshot is a pointer.
type tree struct {
	storage.Item
	weight      uint64 // random; a parent's is the largest of its subtree
	left, right *tree
}

func (t *tree) get(key []byte) ([]byte, bool) {
	for t != nil {
		switch order := bytes.Compare(key, t.Key); {
		case order == 0:
			return t.Value, true
		case order < 0:
			t = t.left
		default:
			t = t.right
		}
	}
	return nil, false
}

func (t *tree) put(item storage.Item) *tree {
	below, _, above := t.split(item.Key)
	return join(join(below, &tree{Item: item, weight: rand.Uint64()}), above)
}

func (t *tree) without(key []byte) *tree {
	below, _, above := t.split(key)
	return join(below, above)
}

// split returns what is below key, at key, and above key.
func (t *tree) split(key []byte) (below, at, above *tree) {
	if t == nil {
		return nil, nil, nil
	}
	top := *t
	switch order := bytes.Compare(key, t.Key); {
	case order == 0:
		return t.left, t, t.right
	case order < 0:
		below, at, top.left = t.left.split(key)
		return below, at, &top
	default:
		top.right, at, above = t.right.split(key)
		return &top, at, above
	}
}

// join returns one tree of two, all keys of a being below those of b.
func join(a, b *tree) *tree {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	case a.weight > b.weight:
		top := *a
		top.right = join(a.right, b)
		return &top
	default:
		top := *b
		top.left = join(a, b.left)
		return &top
	}
}

// ascend yields the items from key on until yield returns false, which it passes on.
func (t *tree) ascend(from []byte, yield func(storage.Item) bool) bool {
	if t == nil {
		return true
	}
	if bytes.Compare(t.Key, from) < 0 {
		return t.right.ascend(from, yield)
	}
	return t.left.ascend(from, yield) && yield(t.Item) && t.right.ascend(from, yield)
}
