package task

import (
	"bytes"
	"testing"
)

// FuzzPushRecords has what is on disk of webhooks, and the tokens of their lists.
func FuzzPushRecords(f *testing.F) {
	cursor := &pushCursor{seq: 1, owner: "o", attempts: 2, fault: "f", dead: true}
	f.Add(cursor.encode())
	f.Add([]byte{0xff, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		if c, err := decodePushCursor(data); err == nil {
			again, err := decodePushCursor(c.encode())
			if err != nil || again.seq != c.seq || again.owner != c.owner || again.fault != c.fault || again.dead != c.dead {
				t.Errorf("a cursor does not survive: %+v, %+v, %v", c, again, err)
			}
		}
		const id = "a-task"
		key, err := readPushToken(id, string(data))
		if err == nil && key != nil && !bytes.HasPrefix(key, pushConfigKey(id, "")[:len(pushConfigKey(id, ""))-2]) {
			t.Errorf("token %q leads to %q", data, key)
		}
	})
}
