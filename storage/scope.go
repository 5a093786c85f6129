package storage

import (
	"context"
	"iter"
)

// Scope returns the part of db whose keys start with prefix, with the prefix
// removed. It is how tenants are kept apart: code that holds a scoped DB cannot
// name a key outside it. Closing a scoped DB does nothing.
func Scope(db DB, prefix []byte) DB { return scopedDB{db, prefix} }

// ScopeTx is [Scope] for a transaction. It serves the few packages that write
// records of a tenant and global records in one update.
func ScopeTx(tx Tx, prefix []byte) Tx { return &scopedTx{tx: tx, prefix: prefix} }

type scopedDB struct {
	db     DB
	prefix []byte
}

func (s scopedDB) View(ctx context.Context, fn func(Tx) error) error {
	return s.db.View(ctx, func(tx Tx) error { return fn(ScopeTx(tx, s.prefix)) })
}

func (s scopedDB) Update(ctx context.Context, fn func(Tx) error) error {
	return s.db.Update(ctx, func(tx Tx) error { return fn(ScopeTx(tx, s.prefix)) })
}

func (s scopedDB) UpdateLater(ctx context.Context, fn func(Tx) error) (func() error, error) {
	return s.db.UpdateLater(ctx, func(tx Tx) error { return fn(ScopeTx(tx, s.prefix)) })
}

func (scopedDB) Close() error { return nil }

type scopedTx struct {
	tx     Tx
	prefix []byte
	seek   []byte // scratch of Get, which keeps no key
}

func (s *scopedTx) key(k []byte) []byte {
	out := make([]byte, 0, len(s.prefix)+len(k))
	return append(append(out, s.prefix...), k...)
}

func (s *scopedTx) Get(key []byte) ([]byte, error) {
	if s.seek == nil {
		s.seek = make([]byte, 0, len(s.prefix)+max(len(key), 96)) // as long as most keys
	}
	s.seek = append(append(s.seek[:0], s.prefix...), key...)
	return s.tx.Get(s.seek)
}

func (s *scopedTx) Set(key, value []byte) error       { return s.tx.Set(s.key(key), value) }
func (s *scopedTx) Delete(key []byte) error           { return s.tx.Delete(s.key(key)) }
func (s *scopedTx) Add(key []byte, delta int64) error { return s.tx.Add(s.key(key), delta) }

func (s *scopedTx) Scan(prefix, after []byte) iter.Seq2[Item, error] {
	if after != nil {
		after = s.key(after)
	}
	return func(yield func(Item, error) bool) {
		for item, err := range s.tx.Scan(s.key(prefix), after) {
			if err == nil {
				item.Key = item.Key[len(s.prefix):]
			}
			if !yield(item, err) {
				return
			}
		}
	}
}
