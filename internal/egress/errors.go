package egress

import (
	"errors"
	"fmt"
	"net/netip"
)

// ErrUnreachable is the one answer for a target that is not allowed, has no
// address, does not answer, or does not speak HTTP.
var ErrUnreachable = errors.New("the target cannot be reached")

// unreachable keeps the cause for the operator's log and out of the text.
type unreachable struct{ cause error }

func (*unreachable) Error() string        { return ErrUnreachable.Error() }
func (*unreachable) Is(target error) bool { return target == ErrUnreachable }

// Cause returns what made a target unreachable, for the operator's eyes only; nil
// for any other error.
func Cause(err error) error {
	if u := (*unreachable)(nil); errors.As(err, &u) {
		return u.cause
	}
	return nil
}

var (
	errNoAddress = errors.New("egress: the name has no address")
	errNetwork   = errors.New("egress: only TCP is dialed")
)

// errAddress says which address was refused.
type errAddress struct{ addr netip.Addr }

func (e errAddress) Error() string {
	return fmt.Sprintf("egress: %s is not a public address; the operator may open it with --allow-egress", e.addr)
}
