package egress

import (
	"testing"

	"github.com/carrelhq/carrel/internal/faults"
)

var mistakes = []faults.Fault{
	{
		"addresses are not checked", "dial.go",
		"refused != nil {", "refused != nil && false {", "TestAddressesThatAreNotPublicAreNotDialed",
	},
	{
		"the name is dialed, not the address", "dial.go",
		"g.dialOne(ctx, share, netip.AddrPortFrom(addr, port))",
		"g.opts.Dial(ctx, network, share.String()[:0]+netip.AddrPortFrom(addr, port).String()[:0]+address)",
		"TestTheAddressThatWasCheckedIsDialed",
	},
	{
		"an error tells what is there", "errors.go",
		"func (*unreachable) Error() string        { return ErrUnreachable.Error() }",
		"func (u *unreachable) Error() string { return u.cause.Error() }",
		"TestAllFailuresReadTheSame",
	},
	{
		"redirects are followed", "client.go",
		"	case most == 0:\n		return http.ErrUseLastResponse\n", "	case most == 0:\n		return nil\n", "TestRedirectsAreNotFollowed",
	},
	{
		"another origin gets the credentials", "client.go",
		"			req.Header.Del(name)\n", "			_ = name\n", "TestRedirectsThatAreFollowedAreChecked",
	},
	{
		"a body has all the time in the world", "client.go",
		"context.WithTimeout(req.Context(), t.timeout)", "context.WithCancel(req.Context())", "TestABodyHasTheTimeOfItsRequest",
	},
}

func TestSeededFaultsAreNoticed(t *testing.T) {
	t.Parallel()
	faults.Noticed(t, mistakes)
}
