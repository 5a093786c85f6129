package task

import (
	"errors"
	"testing"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"
)

// FuzzPageToken: a token is refused, or it is the one spelling of a position that
// this query was answered with.
func FuzzPageToken(f *testing.F) {
	q, err := newQuery(Ref{"acme", "bot"}, &a2apb.ListTasksRequest{})
	if err != nil {
		f.Fatal(err)
	}
	q.caller, q.key = "ann", make([]byte, 32)
	token, err := q.token(position{rank: 7, id: newID()})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(token)
	f.Add(token[:len(token)-1] + "_")
	f.Add("")
	f.Fuzz(func(t *testing.T, token string) {
		at, err := q.readToken(token)
		switch {
		case err != nil:
			if !errors.Is(err, ErrInvalidParams) {
				t.Errorf("got %v", err)
			}
		case token == "":
			if at != nil {
				t.Errorf("got %v", at)
			}
		default:
			if again, err := q.token(*at); err != nil || again != token {
				t.Errorf("%q is %+v, whose token is %q, %v", token, at, again, err)
			}
		}
	})
}
