package task_test

import (
	"testing"

	"github.com/carrelhq/carrel/internal/faults"
)

var mistakes = []faults.Fault{
	{
		"what a late worker writes is accepted", "run.go",
		"if e.h.fence != r.fence {", "if false {", "TestWhatALateWorkerWritesIsRefused",
	},
	{
		"a sequence number is used twice", "edit.go",
		"	e.h.seq++\n", "	e.h.seq += uint64(len(e.events)+1) % 2\n", "TestAnEchoTaskHasFourEvents",
	},
	{
		"an event is lost that was committed before another", "record.go",
		"		w.bytes(recordBefore, before)\n", "		_ = before\n", "TestEventsThatAreCommittedTogetherLieTogether",
	},
	{
		"an entry of the log grows without bound", "record.go",
		"> entryBytes {", "> 1<<30 {", "TestEventsThatAreCommittedTogetherLieTogether",
	},
	{
		"what a result writes also is lost when it is not valid", "finish.go",
		", Also: result.Also}", "}", "TestWhatAResultWritesAlsoGoesBeforeIt",
	},
	{
		"what a result writes also comes twice", "finish.go",
		"len(rest) > 0; result.Also = nil {", "len(rest) > 0; {", "TestWhatAResultWritesAlsoGoesBeforeIt",
	},
	{
		"a follower is not woken", "log.go",
		"	l.broker.Notify(topic(ref.Tenant, id))\n", "", "TestAFollowerThatWaitsIsWoken",
	},
	{
		"a head that waits for event 0 is read", "head.go",
		"slices.Contains(h.inbox, 0)", "slices.Contains(h.inbox, 1<<63)", "FuzzHead",
	},
	{
		"a chunk without an artifact ends the process", "fold.go",
		"	have := f.artifacts[a.GetArtifactId()]\n", "	have := f.artifacts[a.ArtifactId]\n", "FuzzFold",
	},
	{
		"what a lost attempt streamed counts", "fold.go",
		"e.attempt == 0 || e.attempt == valid[e.run]", "e.attempt <= valid[e.run]", "TestATaskLostInACrashIsRunAgainAtOnce",
	},
	{
		"a retry of a later run appends to what a lost attempt streamed", "run.go",
		"r.Number > 1 && r.Attempt == 1", "r.Number > 1", "TestARetryOfALaterRunBeginsWhereTheRunBegan",
	},
	{
		"what an earlier run made is not restored for a retry", "restore.go",
		"		if !touched[a.ArtifactId] {", "		if touched != nil {", "TestARetryOfALaterRunBeginsWhereTheRunBegan",
	},
	{
		"a turn is not passed on", "turns.go",
		"	return e.passTurn(ids[0])\n", "	return nil\n", "TestATurnPassesHoweverATaskEnds",
	},
	{
		"what does not say so has no turn", "turns.go",
		"if e.h.indexed && !e.h.grouped {", "if !e.h.grouped {", "TestTurnsOfAnOlderStorePass",
	},
	{
		"a second task does not see that the first has the turn", "turns.go",
		"if !h.due.IsZero() {", "if h.due.Unix() == 1 {", "TestATurnPassesHoweverATaskEnds",
	},
	{
		"a lease never runs out", "claim.go",
		"m.opts.Shared && h.due.After(e.now):", "m.opts.Shared:", "TestOnASharedStoreALeaseIsHonouredUntilItRunsOut",
	},
	{
		"a lease is not honoured", "claim.go",
		"m.opts.Shared && h.due.After(e.now):", "false:", "TestOnASharedStoreALeaseIsHonouredUntilItRunsOut",
	},
	{
		"a state is left that is final", "states.go",
		"if !slices.Contains(transitions[from], to) {", "if !slices.Contains(transitions[from], to) && to == from {", "TestTheStateMachineIsTheOneThatIsDrawn",
	},
	{
		"a task that kills its process is tried for ever", "claim.go",
		"		e.h.lost++\n	}\n	if", "	}\n	if", "TestATaskThatKillsItsProcessIsGivenUp",
	},
	{
		"a retry comes before its back-off", "claim.go",
		"if h.lost > 0 && h.due.After(e.now) {", "if false {", "TestARetryDoesNotComeBeforeItsBackOff",
	},
	{
		"a cancel is told that it lost to another at the same time", "cancel.go",
		"m.cancels.Do(flight,", "m.cancels.Do(flight+newID(),", "TestConcurrentCancelsShareOneOutcome",
	},
	{
		"a deleted agent leaves its contexts behind", "records.go",
		"oldListSpace.Str(agent), contextsKey(agent),", "oldListSpace.Str(agent),", "TestADeletedAgentLeavesNothing",
	},
	{
		"a deleted task leaves its blobs behind", "delete.go",
		"	if err := m.clearBlobs(ctx, tasks); err != nil {\n		return err\n	}\n", "", "TestADeletedTaskLeavesNoBlob",
	},
	{
		"blobs of a message that is refused stay", "send.go",
		"		m.drop(ctx, ref.Tenant, files)\n", "", "TestBlobsOfAMessageThatIsRefusedAreCleared",
	},
	{
		"blobs of tenants are not swept", "blobclear.go",
		"_, err := storage.SweepBlobs(ctx, tenant.Scope(m.db, name), before)", "var err error", "TestACrashLeavesNoBlobForEver",
	},
	{
		"a sweep takes what is being written", "blobclear.go",
		"time.Now().Add(-looseFor)", "time.Now()", "TestASweepSparesWhatIsBeingWritten",
	},
	{
		"an agent refers to a blob of another task", "runblob.go",
		"if !ok || ref.TaskID != r.TaskID {", "if !ok {", "TestReferencesAreNotMadeUp",
	},
	{
		"a run reads what is not of its context", "runblob.go",
		"if err == nil && h.contextID != r.ContextID {", "if err == nil && h.contextID == \"\" {", "TestReferencesAreNotMadeUp",
	},
	{
		"a client refers to a blob", "sendcheck.go",
		"case strings.HasPrefix(p.GetUrl(), BlobScheme):", "case false:", "TestReferencesAreNotMadeUp",
	},
	{
		"files are not counted", "blob.go",
		"e.h.blobs += uint64(blob.Size); ", "", "TestFilesCountAmongTheBytesOfATask",
	},
	{
		"a clearing that goes on takes the next agent of the name for the deleted one", "clear.go",
		"	case err == nil:\n		return errPresent", "	case err == nil:\n		return nil", "TestClearingSparesAnAgentThatIsThere",
	},
	{
		"a message comes into an agent that was deleted", "send.go",
		"m.agents.Present(e.root, ref.Tenant, ref.Agent); err != nil {", "m.agents.Present(e.root, ref.Tenant, ref.Agent); false {", "TestAMessageThatADeletionOvertakesIsRefused",
	},
	{
		"a context is saved over another run's", "context.go",
		"	if stored.version != saved.base {", "	if stored.version > saved.base+1 {", "TestAContextIsNotSavedOverAnother",
	},
	{
		"an event may be seen before it is durable", "edit.go",
		"		if len(e.events) > 0 {", "		if false {", "TestAnEventIsDurableBeforeItIsSeen",
	},
	{
		"a run reads before its task is durable", "reserve.go",
		"r.version, r.created", "r.version, nil", "TestARunMayBeginBeforeTheDiskHasItsTask",
	},
	{
		"a task is acknowledged before it is durable", "send.go",
		"if err := durable(); err != nil {", "if err := durable(); err != nil && false {", "TestATaskThatTheDiskRefusesIsNotThere",
	},
	{
		"a follower trusts its memory where others write", "tail.go",
		"tl = &tail{alone: !t.shared}", "tl = &tail{alone: true}", "TestAFollowerSeesWhatAnotherProcessWrites",
	},
	{
		"a page token serves another query", "listtoken.go",
		"!hmac.Equal(mac, q.mac(body))", "len(mac) == 0", "TestListsThatAreRefused",
	},
	{
		"a page token serves another caller", "listtoken.go",
		"q.caller, q.req.ContextId} {", "q.req.ContextId} {", "TestAPageTokenServesOneCallerAndOneQuery",
	},
	{
		"a page token serves another context", "listtoken.go",
		"q.caller, q.req.ContextId} {", "q.caller} {", "TestAPageTokenServesOneCallerAndOneQuery",
	},
	{
		"a page token serves another state", "listtoken.go",
		"	bound = binary.AppendUvarint(bound, uint64(q.req.Status))\n", "", "TestAPageTokenServesOneCallerAndOneQuery",
	},
	{
		"a page token serves another time", "listtoken.go",
		"	bound = binary.BigEndian.AppendUint64(bound, q.last)\n", "", "TestAPageTokenServesOneCallerAndOneQuery",
	},
	{
		"a task that leaves a list is counted still", "lists.go",
		"g.addCount(e.tx, l, -1)", "g.addCount(e.tx, l, 0)", "TestListsAreThoseOfTheModel",
	},
	{
		"a bucket is counted whose edge is in the time", "listcount.go",
		"item.Key[len(prefix):]) >= end {", "item.Key[len(prefix):]) > end {", "TestListsAreThoseOfTheModel",
	},
	{
		"a bucket at the first edge is counted twice", "listcount.go",
		"prefix.Uint(first - 1)", "prefix.Uint(first - 2)", "TestTimesAtTheEdgesOfBuckets",
	},
	{
		"an entry is left behind in a list", "lists.go",
		"e.tx.Delete(g.entry(l, e.id))", "error(nil)", "TestListsAreThoseOfTheModel",
	},
	{
		"a task is left behind in the set of open ones", "lists.go",
		"return e.setOpen(l, false)", "return nil", "TestListsAreThoseOfTheModel",
	},
	{
		"the first task of a context is not in its list", "turns.go",
		"		if err := e.group(id, h); err != nil {", "		if err := error(nil); err != nil {", "TestListsAreThoseOfTheModel",
	},
	{
		"a rebuilt task stays in the old list", "lists.go",
		"return e.tx.Delete(oldListKey(e.h.agent, l.changed, e.id))", "return nil", "TestListsOfAnOlderStoreAreRebuilt",
	},
	{
		"a list that is not rebuilt is shown", "listrebuild.go",
		"		return ErrRebuilding\n", "		break\n", "TestListsOfAnOlderStoreAreRebuilt",
	},
	{
		"an event does not make a webhook due", "outbox.go",
		"if e.h.pushes == 0 || len(e.events) == 0 {", "if true {", "TestAWebhookThatComesLaterGetsWhatComesLater",
	},
	{
		"a config that was changed takes nothing back", "delivered.go",
		"if c == nil || c.fence != d.fence {", "if c == nil {", "TestADeliveryIsFencedAgainstChanges",
	},
	{
		"what was left out is forgotten", "pushrecord.go",
		"	w.number(cursorLeftOut, c.leftOut)\n", "", "TestWhatAWebhookRefusedIsLeftOut",
	},
	{
		"a config that is created anew is still suspected", "outbox.go",
		", c.leftOut = \"\", false, 0", " = \"\", false", "TestWhatAWebhookRefusedIsLeftOut",
	},
	{
		"a task that ends hurries nothing", "outbox.go",
		`return c.owner == "" && Terminal(h.state)`, "return false", "TestTheEndOfATaskHurriesARefusedEvent",
	},
	{
		"all that comes hurries what was refused", "outbox.go",
		`return c.owner == "" && Terminal(h.state)`, `return c.owner == ""`, "TestTheEndOfATaskHurriesARefusedEvent",
	},
	{
		"a task that ends during an attempt hurries nothing", "delivered.go",
		"if Terminal(h.state) && !d.ended {", "if Terminal(h.state) && d.ended && !d.ended {", "TestTheEndOfATaskHurriesARefusedEvent",
	},
	{
		"a claim outlives its process", "delivery.go",
		`c.owner != "" && c.owner != m.instance && !m.opts.Shared`, "false", "TestClaimsOfAProcessThatIsGoneCountForNothing",
	},
	{
		"another process's claim is not honoured", "delivery.go",
		`c.owner != "" && c.owner != m.instance && !m.opts.Shared`, "true", "TestClaimsOfAProcessThatIsGoneCountForNothing",
	},
	{
		"a hidden task is in the list", "lists.go",
		"	if h.hidden {\n		return listed{hidden", "	if false {\n		return listed{hidden", "TestWhatIsADirectReply",
	},
	{
		"a hidden task is there for callers", "head.go",
		"return h.agent == agent && !h.hidden }", "return h.agent == agent }", "TestWhatIsADirectReply",
	},
	{
		"a task that has said something is answered with a message", "reply.go",
		"	case *a2apb.StreamResponse_ArtifactUpdate:\n		return true\n", "", "TestWhatIsADirectReply",
	},
	{
		"a task that was shown ends with a direct reply", "finish.go",
		"if e.h.hidden && result.isReply() {", "if result.isReply() {", "TestWhoWaitsNoLongerIsShownTheTask",
	},
	{
		"followers are not told that a task is shown", "edit.go",
		"e.h.hidden, r.shows = false, true", "e.h.hidden = false", "TestTheEventsOfAHiddenTask",
	},
	{
		"hidden tasks do not count", "send.go",
		"open, err := storage.Counter(tx, hiddenCountKey(agentName))", "open, err := int64(0), error(nil)", "TestHiddenTasksCountAsUnfinishedOnes",
	},
	{
		"a direct reply is kept for ever", "reply.go",
		"if err := e.root.Set(replyDueKey(e.now.Add(keep), e.tenant, e.id), nil); err != nil {", "if err := error(nil); err != nil {", "TestManyRepliesAreRemovedInSteps",
	},
	{
		"another message gets what came of the first under its key", "once.go",
		"case r.sum != k.sum:", "case false:", "TestAKeyIsForOneMessage",
	},
	{
		"a key is not remembered with its message", "send.go",
		"		return k.note(e, accepted.Seq)\n", "		return nil\n", "TestManyWhoSendUnderOneKeyMakeOneTask",
	},
	{
		"a repetition promises what a crash takes back", "send.go",
		"return accepted, durable() //", "return accepted, nil //", "TestARepetitionIsNotAnsweredBeforeTheDiskHasWhatItRepeats",
	},
	{
		"a key is forgotten before its time", "forget.go",
		"if d.at.After(now) ||", "if", "TestAKeyIsForgottenAfterItsTime",
	},
	{
		"secrets are stored as they are", "pushrecord.go",
		"return secrets.Seal(w, place.sealPlace(c.config.Id)), nil", "return w, nil", "TestSecretsOfWebhooksAreNotInTheStore",
	},
}

func TestSeededFaultsAreNoticed(t *testing.T) {
	t.Parallel()
	faults.Noticed(t, mistakes)
}
