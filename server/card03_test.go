package server

import "testing"

func TestACardThatCannotBeUnitedIsAnError(t *testing.T) {
	t.Parallel()
	for _, card := range []string{`{"name":"a"}`, `{`, `{"name":1}`} {
		if got, err := unionCard([]byte(card)); err == nil {
			t.Errorf("%s: got %s", card, got)
		}
	}
}
