package tenant_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/carrelhq/carrel/tenant"
)

var namePattern = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)

// TestNamesAreThoseOfThePattern has every byte at the beginning and in the middle,
// and every length.
func TestNamesAreThoseOfThePattern(t *testing.T) {
	t.Parallel()
	names := []string{"", "-", "a", "a-", "\u00e9", "a\u00e9", "a\n"}
	for b := range 256 {
		names = append(names, string([]byte{byte(b)}), string([]byte{'a', byte(b), 'z'}))
	}
	for n := range 70 {
		names = append(names, strings.Repeat("a", n), strings.Repeat("9-", n))
	}
	for _, name := range names {
		if got, want := tenant.ValidName(name), namePattern.MatchString(name); got != want {
			t.Errorf("%q: got %v, want %v", name, got, want)
		}
	}
}
