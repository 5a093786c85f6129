package push

import (
	"testing"

	"github.com/carrelhq/carrel/internal/faults"
)

var mistakes = []faults.Fault{
	{
		"an event that is refused holds up the others for as long as any", "deliver.go",
		"case o.refused && suspect(j.d):", "case false && suspect(j.d):", "TestARefusedEventDoesNotHoldUpTheOthers",
	},
	{
		"an event that is refused once is passed at once", "refused.go",
		" || d.Attempts+1 >= refusedAttempts", " || true", "TestARefusedEventDoesNotHoldUpTheOthers",
	},
	{
		"each event that is refused is tried a few times", "refused.go",
		"d.LeftOut > 0 || ", "", "TestARefusedEventDoesNotHoldUpTheOthers",
	},
	{
		"whatever fails is passed", "refused.go",
		"slices.Contains(refusals, status)", "!slices.Contains(refusals, http.StatusOK)", "TestARefusedEventDoesNotHoldUpTheOthers",
	},
	{
		"what is too large for now is passed", "refused.go",
		"after == 0 && slices", "slices", "TestARefusedEventDoesNotHoldUpTheOthers",
	},
	{
		"what is too large is not passed", "refused.go",
		"http.StatusRequestEntityTooLarge, ", "", "TestARefusedEventDoesNotHoldUpTheOthers",
	},
	{
		"each round begins where the first did", "refused.go",
		"max(e.Seq, j.d.Probed)", "e.Seq", "TestARefusedEventDoesNotHoldUpTheOthers",
	},
	{
		"the end is not tried before a webhook is given up", "refused.go",
		"err == nil && p.last(d) && d.Ended()", "false", "TestARefusedEventDoesNotHoldUpTheOthers",
	},
	{
		"another fault of what is behind is one more refusal", "refused.go",
		`then.fault != "" && !then.refused`, "false", "TestARefusedEventDoesNotHoldUpTheOthers",
	},
	{
		"a webhook that refuses all loses what it refused", "refused.go",
		"	return p.failed(d, e.Seq, probed, o)\n}", "	return p.leaveOut(d, e.Seq, false, o.fault)\n}", "TestAWebhookThatRefusesAllForAWhileLosesNothing",
	},
	{
		"an event that is refused ends its webhook before the task has ended", "deliver.go",
		"case p.last(d) && o.refused && !d.Ended():", "case false && !d.Ended():", "TestARefusedEventDoesNotEndTheWebhookOfATaskAtWork",
	},
	{
		"a tenant makes as many attempts as it likes", "rates.go",
		"	if missing <= 0 {", "	if missing <= 1 {", "TestATenantMakesNoMoreAttemptsThanItMay",
	},
	{
		"a turn is one attempt however many events it has", "deliver.go",
		" || e.Body != nil && !p.queue.may(j, time.Now())", "", "TestWhatIsOverTheRateIsDeliveredLater",
	},
	{
		"events that may not be sent yet are read, and read again", "deliver.go",
		"most := min(turn-sent, p.queue.attempts(j, time.Now()))", "most := turn - sent", "TestWhatIsOverTheRateIsDeliveredLater",
	},
	{
		"an attempt that was not made is lost", "queue.go",
		"		q.rates.giveBack(j.tenant.name, now)\n", "", "TestWhatIsNotSentIsNoAttempt",
	},
	{
		"each event is an attempt, sent or not", "deliver.go",
		"	taken := false\n", "	taken := false\n	defer func() { j.attempt = false }()\n", "TestWhatIsNotSentIsNoAttempt",
	},
	{
		"what a turn puts back at the end stays claimed", "push.go",
		"	p.giveBackWaiting() // what", "	// what", "TestShutdownGivesBackWhatATurnPutBack",
	},
	{
		"a few tenants over their rate fill the queue", "queue.go",
		"min(q.most/4, max(1, free/2))", "q.most/4", "TestTenantsThatWaitLeaveRoomForOthers",
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
