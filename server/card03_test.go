package server

import (
	"bytes"
	"fmt"
	"sync"
	"testing"
)

func plainCard(name string) []byte {
	return fmt.Appendf(nil, `{"name":%q,"supportedInterfaces":[{"url":"https://x.example","protocolBinding":"JSONRPC","protocolVersion":"0.3"}]}`, name)
}

func TestUnionsAreKeptInBounds(t *testing.T) {
	t.Parallel()
	var u unions
	var asking sync.WaitGroup
	for range 4 {
		asking.Go(func() {
			for i := range maxUnions + 10 {
				card, err := u.of(plainCard(fmt.Sprint(i)))
				if want := fmt.Sprintf(`"name":"%d"`, i); err != nil || !bytes.Contains(card, []byte(want)) || !bytes.Contains(card, []byte(`"url":"https://x.example"`)) {
					t.Errorf("got %s, %v", card, err)
					return
				}
			}
		})
	}
	asking.Wait()
	if n := len(u.byCard); n > maxUnions {
		t.Errorf("%d are kept", n)
	}
	one, err := u.of(plainCard("a"))
	again, errAgain := u.of(plainCard("a"))
	if err != nil || errAgain != nil || &one[0] != &again[0] {
		t.Errorf("the same card twice: %v, %v", err, errAgain)
	}
}

func TestACardThatCannotBeUnitedIsAnError(t *testing.T) {
	t.Parallel()
	var u unions
	for _, card := range []string{`{"name":"a"}`, `{`, `{"name":1}`} {
		if got, err := u.of([]byte(card)); err == nil {
			t.Errorf("%s: got %s", card, got)
		}
	}
}
