package storage

// UnlinkBlob removes the blob at key within a transaction, so that it goes
// together with the records that refer to it. The content is unreachable with
// the commit; [SweepBlobs] clears it away. Unlinking what is not there is not an error.
func UnlinkBlob(tx Tx, key []byte) error {
	if _, err := loosen(tx, key); err != nil {
		return err
	}
	return tx.Delete(key)
}
