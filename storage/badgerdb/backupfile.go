package badgerdb

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/carrelhq/carrel/storage"
)

// ErrBadBackup is returned by Restore for what is not a whole, undamaged backup.
var ErrBadBackup = errors.New("badgerdb: bad backup")

// A backup is a line that names it, then items, then an end, then the SHA-256 of
// all before it. An item is the byte 1, the lengths of key and value as uvarints,
// key and value, in ascending order of the keys. The end is the byte 0 and the
// number of items as a uvarint. Nothing in it is particular to the engine.
const (
	backupHeader = "carrel-backup 1\n"
	backupItem   = 1
	backupEnd    = 0
)

type backupWriter struct {
	w     *bufio.Writer
	sum   hash.Hash
	out   io.Writer // both
	count uint64
	err   error
}

func newBackupWriter(w io.Writer) *backupWriter {
	b := &backupWriter{w: bufio.NewWriterSize(w, 64<<10), sum: sha256.New()}
	b.out = io.MultiWriter(b.w, b.sum)
	b.write([]byte(backupHeader))
	return b
}

func (b *backupWriter) write(p []byte) {
	if b.err == nil {
		_, b.err = b.out.Write(p)
	}
}

func (b *backupWriter) item(item storage.Item) error {
	b.count++
	head := append(make([]byte, 0, 2*binary.MaxVarintLen64+1), backupItem)
	head = binary.AppendUvarint(head, uint64(len(item.Key)))
	head = binary.AppendUvarint(head, uint64(len(item.Value)))
	b.write(head)
	b.write(item.Key)
	b.write(item.Value)
	return b.err
}

func (b *backupWriter) end() error {
	b.write(binary.AppendUvarint([]byte{backupEnd}, b.count))
	if b.err == nil {
		_, b.err = b.w.Write(b.sum.Sum(nil))
	}
	return errors.Join(b.err, b.w.Flush())
}

// backupReader believes no length it has not bounded and no order it has not seen.
type backupReader struct {
	r     *bufio.Reader
	sum   hash.Hash
	count uint64
	last  []byte
}

func newBackupReader(r io.Reader) (*backupReader, error) {
	b := &backupReader{r: bufio.NewReaderSize(r, 64<<10), sum: sha256.New()}
	head, err := b.bytes(len(backupHeader))
	if err != nil {
		return nil, err
	}
	if string(head) != backupHeader {
		return nil, fmt.Errorf("%w: it does not begin as a backup of this format does", ErrBadBackup)
	}
	return b, nil
}

// batch returns items that fit into one update, and whether more may follow. The
// last batch is returned only after the whole backup has been checked.
func (b *backupReader) batch() (items []storage.Item, more bool, err error) {
	size := 0
	for len(items) < storage.MaxUpdateKeys && size <= storage.MaxUpdateBytes-storage.MaxValue-storage.MaxKey {
		kind, err := b.bytes(1)
		if err != nil {
			return nil, false, err
		}
		if kind[0] == backupEnd {
			return items, false, b.finish()
		}
		item, err := b.item(kind[0])
		if err != nil {
			return nil, false, err
		}
		items = append(items, item)
		size += len(item.Key) + len(item.Value)
	}
	return items, true, nil
}

func (b *backupReader) item(kind byte) (item storage.Item, err error) {
	if kind != backupItem {
		return item, fmt.Errorf("%w: unknown record %d after %d items", ErrBadBackup, kind, b.count)
	}
	keyLen, err := b.length(storage.MaxKey)
	if err != nil {
		return item, err
	}
	valueLen, err := b.length(storage.MaxValue)
	if err != nil {
		return item, err
	}
	if item.Key, err = b.bytes(keyLen); err != nil {
		return item, err
	}
	if item.Value, err = b.bytes(valueLen); err != nil {
		return item, err
	}
	if b.count > 0 && bytes.Compare(b.last, item.Key) >= 0 {
		return item, fmt.Errorf("%w: item %d is out of order", ErrBadBackup, b.count)
	}
	b.count++
	b.last = item.Key
	return item, nil
}

// finish checks the end: the count, the sum, and that nothing follows.
func (b *backupReader) finish() error {
	count, err := binary.ReadUvarint(byteReader{b})
	if err != nil {
		return cutOff(err)
	}
	want := b.sum.Sum(nil)
	got, err := b.bytes(len(want))
	if err != nil {
		return err
	}
	if count != b.count || !bytes.Equal(got, want) {
		return fmt.Errorf("%w: its sum does not match its %d items", ErrBadBackup, b.count)
	}
	if _, err := b.r.ReadByte(); err != io.EOF {
		return fmt.Errorf("%w: something follows its end", ErrBadBackup)
	}
	return nil
}

func (b *backupReader) length(limit uint64) (int, error) {
	n, err := binary.ReadUvarint(byteReader{b})
	if err != nil {
		return 0, cutOff(err)
	}
	if n > limit {
		return 0, fmt.Errorf("%w: a length of %d after %d items", ErrBadBackup, n, b.count)
	}
	return int(n), nil
}

func (b *backupReader) bytes(n int) ([]byte, error) {
	p := make([]byte, n)
	if _, err := io.ReadFull(b.r, p); err != nil {
		return nil, cutOff(err)
	}
	b.sum.Write(p)
	return p, nil
}

func cutOff(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return fmt.Errorf("%w: it is cut off", ErrBadBackup)
	}
	return fmt.Errorf("%w: %w", ErrBadBackup, err)
}

type byteReader struct{ b *backupReader }

// ReadByte implements io.ByteReader.
func (r byteReader) ReadByte() (byte, error) {
	c, err := r.b.r.ReadByte()
	if err == nil {
		r.b.sum.Write([]byte{c})
	}
	return c, err
}
