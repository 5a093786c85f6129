package push

import (
	"testing"

	"github.com/carrelhq/carrel/internal/faults"
)

var mistakes = []faults.Fault{
	{
		"a tenant makes as many attempts as it likes", "rates.go",
		"	if missing <= 0 {", "	if missing <= 1 {", "TestATenantMakesNoMoreAttemptsThanItMay",
	},
	{
		"a turn is one attempt however many events it has", "deliver.go",
		" || sent > 0 && e.Body != nil && !p.queue.more(d.Tenant, time.Now())", "", "TestWhatIsOverTheRateIsDeliveredLater",
	},
	{
		"a target has no bound", "queue.go",
		"return p.used < p.most &&", "return", "TestPlacesAreBounded",
	},
	{
		"those that are tried again have all places", "queue.go",
		"p.again < max(1, p.most/2)", "true", "TestThoseThatAreTriedAgainHaveHalfOfThePlaces",
	},
	{
		"what was found due meanwhile is forgotten", "queue.go",
		"			q.known[id] = true\n", "", "TestWhatIsFoundDueMeanwhileIsLookedAtAgain",
	},
	{
		"a token to sign with is sent", "send.go",
		` && !strings.HasPrefix(c.Token, task.SigningSecret)`, "", "TestWhatAWebhookIsSent",
	},
	{
		"a webhook says how long to wait, and nobody listens", "deliver.go",
		"min(o.after, p.opts.MaxBackOff)", "0", "TestRetryAfterIsHonoured",
	},
}

func TestSeededFaultsAreNoticed(t *testing.T) {
	t.Parallel()
	faults.Noticed(t, mistakes)
}
