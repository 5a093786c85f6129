package share

import (
	"testing"

	"github.com/carrelhq/carrel/internal/faults"
)

var mistakes = []faults.Fault{
	{
		"more is given out than there is", "queue.go",
		"if h == nil || a.used+h.queue[0].units > a.opts.Most {", "if h == nil {", "TestNobodyIsForgotten",
	},
	{
		"who comes goes before those who wait", "share.go",
		"if a.waiting == 0 && a.within", "if a.within", "TestALargeRequestIsNotOvertakenForEver",
	},
	{
		"a tenant may hold all", "queue.go",
		"return h.used == 0 || h.used+more <= a.opts.Each", "return true", "TestANewcomerNeedNotWaitForWhoTakesAll",
	},
	{
		"who holds most goes first", "queue.go",
		"h.used < first.used ||", "h.used > first.used ||", "TestWhoHoldsLeastIsServedFirst",
	},
	{
		"tenants do not take turns", "queue.go",
		"h.used == first.used && h.turn < first.turn", "h.used == first.used && h.name < first.name", "TestTenantsTakeTurnsAndTheirRequestsKeepTheirOrder",
	},
	{
		"nobody is served when one leaves the queue", "queue.go",
		"	a.serve() // perhaps it stood before others\n", "", "TestWaitsEndWithTheirContextAndLetOthersGo",
	},
	{
		"what came with the end of a wait is lost", "queue.go",
		"		r.grant.release()\n", "", "TestAGrantThatComesTooLateIsGivenBack",
	},
	{
		"nobody is served when units become nobody's", "grant.go",
		"	a.serve() // the tenant may have more now\n", "", "TestWhatIsIdleIsNoTenants",
	},
	{
		"nobody is served when units rest", "grant.go",
		"	a.serve() // whose they were may have more now\n}\n\n// Own", "}\n\n// Own", "TestWhatIsIdleIsNoTenants",
	},
	{
		"what is claimed need not be there", "grant.go",
		"if !g.may(units) || a.used+units-g.units > a.opts.Most {", "if !g.may(units) || a.used < 0 {", "TestWhatIsIdleCanBeClaimed",
	},
	{
		"a tenant claims more than its part", "grant.go",
		"if !g.may(units) || a.used", "if a.used", "TestWhatIsIdleCanBeClaimed",
	},
	{
		"growth takes what others wait for", "grant.go",
		"if a.waiting > len(h.queue) {", "if false {", "TestGrowthDoesNotTakeWhatOthersWaitFor",
	},
	{
		"room is made for a tenant that may not have it", "grant.go",
		"return !g.may(units) || a.used", "return a.used", "TestRoomIsNotMadeForWhoMayNotHaveIt",
	},
	{
		"who comes last is turned away, and not who has most", "share.go",
		"if len(h.queue) > len(longest.queue) {", "if false {", "TestTheQueueIsBoundedAndTheLongestPays",
	},
}

func TestSeededFaultsAreNoticed(t *testing.T) {
	t.Parallel()
	faults.Noticed(t, mistakes)
}
