package push

import (
	"testing"
	"time"
)

func FuzzRetryAfter(f *testing.F) {
	for _, header := range []string{"", "0", "120", "-1", "99999999999999999999", "Fri, 31 Dec 9999 23:59:59 GMT", "Mon, 01 Jan 0001 00:00:00 GMT"} {
		f.Add(header)
	}
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, header string) {
		if got := retryAfter(header, now); got < 0 {
			t.Errorf("%q is %v", header, got)
		}
	})
}
