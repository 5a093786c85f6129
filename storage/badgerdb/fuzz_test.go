package badgerdb

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/carrelhq/carrel/storage"
)

// FuzzFormat: a folder is one of a format that this program knows, of a newer one,
// or none of ours.
func FuzzFormat(f *testing.F) {
	f.Add([]byte(fmt.Sprintf("%s %d\n", formatWord, formatNow)))
	f.Add([]byte(fmt.Sprintf("%s %d\n", formatWord, formatNow+1)))
	f.Add([]byte(formatWord + " 0"))
	f.Add([]byte(formatWord + " 99999999999999999999"))
	f.Fuzz(func(t *testing.T, text []byte) {
		err := parseFormat(text, "dir")
		switch {
		case err == nil:
			if !strings.HasPrefix(strings.TrimSpace(string(text)), formatWord+" ") {
				t.Errorf("%q is taken", text)
			}
		case !errors.Is(err, ErrNotAStore) && !errors.Is(err, ErrNewerFormat):
			t.Errorf("%q: got %v", text, err)
		}
	})
}

// FuzzTable: the lengths at the end of a table lead to places within it.
func FuzzTable(f *testing.F) {
	name := filepath.Join(f.TempDir(), "000001.sst")
	be := binary.BigEndian
	good := append(be.AppendUint32([]byte("blocks,index"), 5), "sum"...)
	f.Add(be.AppendUint32(good, 3))
	f.Add(be.AppendUint32(good, 1<<31))
	f.Add([]byte{0, 0, 0})
	f.Fuzz(func(t *testing.T, text []byte) {
		if err := os.WriteFile(name, text, 0o600); err != nil {
			t.Fatal(err)
		}
		if checkTable(name) != nil {
			return
		}
		end := len(text) - 4
		end -= int(be.Uint32(text[end:])) + 4
		if end -= int(be.Uint32(text[end:])); end <= 0 {
			t.Errorf("%x is taken", text)
		}
	})
}

// FuzzBackupItems reads the items of a backup whose sum is never reached: what is
// read before that is bounded and in order, too.
func FuzzBackupItems(f *testing.F) {
	items := encodeBackup(storage.Item{Key: []byte("a"), Value: []byte("1")}, storage.Item{Key: []byte("b")})[len(backupHeader):]
	f.Add(items)
	f.Add([]byte("\x01\x80\x80\x80\x80\x01a"))
	f.Add([]byte("\x01\x01\x00b\x01\x01\x00a"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		b, err := newBackupReader(strings.NewReader(backupHeader + string(raw)))
		if err != nil {
			t.Fatal(err)
		}
		var last *storage.Item
		for {
			kind, err := b.bytes(1)
			if err != nil {
				return
			}
			item, err := b.item(kind[0])
			if err != nil {
				if !errors.Is(err, ErrBadBackup) {
					t.Errorf("the error is %v, want ErrBadBackup", err)
				}
				return
			}
			if len(item.Key) > storage.MaxKey || len(item.Value) > storage.MaxValue || last != nil && string(last.Key) >= string(item.Key) {
				t.Errorf("%.50q is read after %v", item.Key, last)
			}
			last = &item
		}
	})
}
