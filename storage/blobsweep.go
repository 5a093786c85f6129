package storage

import (
	"context"
	"errors"
	"time"
)

// DeleteBlob removes the blob at key. Deleting what is not there is not an error.
func DeleteBlob(ctx context.Context, db DB, key []byte) error {
	var id string
	err := db.Update(ctx, func(tx Tx) (err error) {
		if id, err = loosen(tx, key); err != nil {
			return err
		}
		return tx.Delete(key)
	})
	if err != nil || id == "" {
		return err
	}
	return clearBlob(ctx, db, id)
}

// DropBlob clears a blob away that [WriteBlob] wrote, unless it is kept.
func DropBlob(ctx context.Context, db DB, b Blob) error {
	loose := false
	err := db.Update(ctx, func(tx Tx) error {
		_, err := tx.Get(looseKey(b.ID))
		if loose = err == nil; errors.Is(err, ErrNotFound) {
			return nil
		}
		return err
	})
	if err != nil || !loose {
		return err
	}
	return clearBlob(ctx, db, b.ID)
}

// SweepBlobs clears chunks away that belong to nothing since before the given
// time, and returns of how many blobs. A blob that is still being written must
// not have begun before it.
func SweepBlobs(ctx context.Context, db DB, before time.Time) (int, error) {
	var ids []string
	err := db.View(ctx, func(tx Tx) error {
		for item, err := range tx.Scan(looseKeys, nil) {
			if err != nil {
				return err
			}
			id, since, err := readLoose(item)
			if err != nil {
				return err
			}
			if since.Before(before) {
				ids = append(ids, id)
			}
		}
		return nil
	})
	for n, id := range ids {
		if err := clearBlob(ctx, db, id); err != nil {
			return n, err
		}
	}
	return len(ids), err
}

func readLoose(item Item) (id string, since time.Time, err error) {
	key := ReadKey(item.Key)
	key.Str()
	id = key.Str()
	if err := key.Err(); err != nil {
		return "", time.Time{}, err
	}
	nanos, err := DecodeCounter(item.Value)
	return id, time.Unix(0, nanos), err
}

// clearBlob removes the chunks of id, then the mark that they are loose.
func clearBlob(ctx context.Context, db DB, id string) error {
	for {
		keys, err := someChunks(ctx, db, id)
		if err != nil {
			return err
		}
		err = db.Update(ctx, func(tx Tx) error {
			if len(keys) == 0 {
				return tx.Delete(looseKey(id))
			}
			return deleteAll(tx, keys)
		})
		if err != nil || len(keys) == 0 {
			return err
		}
	}
}

// someChunks looks for chunks outside an update, because a scan reads them whole.
func someChunks(ctx context.Context, db DB, id string) (keys [][]byte, err error) {
	err = db.View(ctx, func(tx Tx) error {
		for item, err := range tx.Scan(chunksKey(id), nil) {
			if err != nil {
				return err
			}
			if keys = append(keys, item.Key); len(keys) == clearAtOnce {
				return nil
			}
		}
		return nil
	})
	return keys, err
}

func deleteAll(tx Tx, keys [][]byte) error {
	for _, key := range keys {
		if err := tx.Delete(key); err != nil {
			return err
		}
	}
	return nil
}

// loosen marks the chunks of the blob at key as belonging to nothing.
func loosen(tx Tx, key []byte) (id string, err error) {
	blob, err := StatBlob(tx, key)
	if errors.Is(err, ErrNotFound) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	return blob.ID, blob.mark(tx)
}
