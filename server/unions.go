package server

import (
	"crypto/sha256"
	"sync"
)

// maxUnions bounds the cards that are kept. Who asks under many host names gets as
// many cards.
const maxUnions = 1000

// unions keeps the cards of both versions by that of 1.0: to make one costs more
// than all else of a fetch. Its zero value is ready.
type unions struct {
	mu     sync.Mutex
	byCard map[[sha256.Size]byte][]byte
}

// of returns the card of both versions. The bytes are shared: do not change them.
func (u *unions) of(card []byte) ([]byte, error) {
	key := sha256.Sum256(card)
	u.mu.Lock()
	union, ok := u.byCard[key]
	u.mu.Unlock()
	if ok {
		return union, nil
	}
	union, err := unionCard(card)
	if err != nil {
		return nil, err
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.byCard == nil || len(u.byCard) >= maxUnions {
		u.byCard = make(map[[sha256.Size]byte][]byte)
	}
	u.byCard[key] = union
	return union, nil
}
