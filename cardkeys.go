package carrel

import (
	"context"
	"errors"
	"fmt"

	"github.com/carrelhq/carrel/agent/signing"
	"github.com/carrelhq/carrel/storage"
)

// ensureCardKey makes the key that signs cards on the first start, and when the
// key it was sealed with is another one now. A store that takes no writes is no
// reason not to serve: its cards are not signed then.
func (s *Server) ensureCardKey(ctx context.Context) error {
	if s.cardSecrets == nil {
		return nil
	}
	s.cardKeys = signing.NewKeys(s.db, s.cardSecrets)
	key, made, err := s.cardKeys.Ensure(ctx)
	switch {
	case errors.Is(err, storage.ErrReadOnly):
		s.opts.Logger.Warn("cards are not signed: there is no key, and the store takes none", "error", err)
	case err != nil:
		return fmt.Errorf("key of cards: %w", err)
	case made:
		s.opts.Logger.Debug("key of cards made", "key", key.ID)
	}
	return nil
}
