package badgerdb

import (
	"bytes"
	"errors"
	"reflect"
	"testing"

	"github.com/carrelhq/carrel/storage"
)

func encodeBackup(items ...storage.Item) []byte {
	var buf bytes.Buffer
	w := newBackupWriter(&buf)
	for _, item := range items {
		_ = w.item(item)
	}
	_ = w.end()
	return buf.Bytes()
}

func decodeBackup(raw []byte) (items []storage.Item, err error) {
	r, err := newBackupReader(bytes.NewReader(raw))
	for more := err == nil; more; {
		var batch []storage.Item
		if batch, more, err = r.batch(); err != nil {
			return nil, err
		}
		items = append(items, batch...)
	}
	return items, err
}

func TestABackupFileIsReadAsItWasWritten(t *testing.T) {
	t.Parallel()
	want := []storage.Item{
		{Key: []byte{}, Value: []byte("root")}, {Key: []byte("a"), Value: []byte{}},
		{Key: []byte("b"), Value: bytes.Repeat([]byte("v"), storage.MaxValue)},
		{Key: []byte("c"), Value: bytes.Repeat([]byte("w"), storage.MaxValue)},
		{Key: bytes.Repeat([]byte("k"), storage.MaxKey), Value: bytes.Repeat([]byte("w"), storage.MaxValue)},
	}
	got, err := decodeBackup(encodeBackup(want...))
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%d items are read, %v, want the %d that were written", len(got), err, len(want))
	}
}

func TestABackupFileOutOfOrderIsBad(t *testing.T) {
	t.Parallel()
	for _, keys := range [][2]string{{"b", "a"}, {"a", "a"}} {
		raw := encodeBackup(storage.Item{Key: []byte(keys[0])}, storage.Item{Key: []byte(keys[1])})
		if _, err := decodeBackup(raw); !errors.Is(err, ErrBadBackup) {
			t.Errorf("keys %q = %v, want ErrBadBackup", keys, err)
		}
	}
}

func FuzzBackupFile(f *testing.F) {
	f.Add(encodeBackup())
	f.Add(encodeBackup(storage.Item{Key: []byte("a"), Value: []byte("1")}, storage.Item{Key: []byte("b")}))
	f.Add([]byte(backupHeader))
	f.Add([]byte(backupHeader + "\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		items, err := decodeBackup(raw)
		if err != nil {
			if !errors.Is(err, ErrBadBackup) {
				t.Errorf("the error is %v, want ErrBadBackup", err)
			}
			return
		}
		again, err := decodeBackup(encodeBackup(items...))
		if err != nil || !reflect.DeepEqual(items, again) {
			t.Errorf("what was read is not read again: %v", err)
		}
	})
}
