package task

import (
	"errors"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
)

// errRecord is a record that is not what was written.
var errRecord = errors.New("malformed record")

// wire is a record in the protobuf wire format, written by hand: zero values are
// left out and a reader skips what it does not know.
type wire []byte

func (w *wire) number(field protowire.Number, n uint64) {
	if n != 0 {
		*w = protowire.AppendVarint(protowire.AppendTag(*w, field, protowire.VarintType), n)
	}
}

func (w *wire) flag(field protowire.Number, is bool) {
	if is {
		w.number(field, 1)
	}
}

func (w *wire) text(field protowire.Number, s string) {
	if s != "" {
		*w = protowire.AppendString(protowire.AppendTag(*w, field, protowire.BytesType), s)
	}
}

func (w *wire) bytes(field protowire.Number, b []byte) {
	if len(b) != 0 {
		*w = protowire.AppendBytes(protowire.AppendTag(*w, field, protowire.BytesType), b)
	}
}

// time keeps nanoseconds since 1970; the zero time is left out.
func (w *wire) time(field protowire.Number, t time.Time) {
	if !t.IsZero() {
		w.number(field, uint64(t.UnixNano()))
	}
}

func wireTime(n uint64) time.Time { return time.Unix(0, int64(n)).UTC() }

// readWire calls visit for every field, with its number or its bytes. The bytes are part of data.
func readWire(data []byte, visit func(field protowire.Number, n uint64, b []byte)) error {
	for len(data) > 0 {
		field, kind, size := protowire.ConsumeTag(data)
		if size < 0 {
			return errRecord
		}
		data = data[size:]
		switch kind {
		case protowire.VarintType:
			n, size := protowire.ConsumeVarint(data)
			if size < 0 {
				return errRecord
			}
			data = data[size:]
			visit(field, n, nil)
		case protowire.BytesType:
			b, size := protowire.ConsumeBytes(data)
			if size < 0 {
				return errRecord
			}
			data = data[size:]
			visit(field, 0, b)
		default:
			return errRecord
		}
	}
	return nil
}
