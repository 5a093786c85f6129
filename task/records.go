package task

import (
	"encoding/hex"
	"time"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"

	"github.com/carrelhq/carrel/storage"
)

// Records in the tenant's scope:
//
//	task/<id>                                     head, see head.go
//	event/<id>/<seq>                              events that were committed together, up to that one, see record.go
//	line/<id>/<seq>                               one line of the task's log
//	task-blob/<id>/<sha256>                       the bytes of a large part, see blob.go
//	list/<agent>/<context>/<state>/<status time, newest first>/<id>   a task that rests, see lists.go
//	list-count/<agent>/<context>/<state and size>/<bucket>   counter of the same, see listcount.go
//	list-open/<agent>/<part>                      the tasks that do not rest, see listopen.go
//	task-list/<agent>/<status time, newest first>/<id>   of stores from before list, see listrebuild.go
//	context-task/<agent>/<context>/<created>/<id> empty
//	task-count/<agent>/<state>                    counter
//	task-hidden/<agent>                           counter of the unfinished ones that are hidden, see reply.go
//	turn/<agent>/<context>                        ids of the tasks that take turns, the running one first
//	context/<agent>/<context>                     the agent's own bytes and their version
//	push-config/<id>/<config>                     a push notification config, encrypted
//	push-cursor/<id>/<config>                     how far its webhook has come, see pushrecord.go
//	once/<agent>/<caller>/<key>                   what came of an idempotency key, see oncerecord.go
//
// and in the global spaces:
//
//	due/<time>/<tenant>/<id>                      a job or lease that is looked after at that time
//	push-due/<time>/<tenant>/<id>/<config>        a webhook that is to be sent something
//	gone/<tenant>/<id>                            a deleted task whose events are to be cleared away
//	reply-due/<time>/<tenant>/<id>                a direct reply that is removed at that time
//	once-due/<time>/<tenant>/<agent>/<caller>/<key>  an idempotency key that is forgotten at that time
//	list-format                                   there when no task-list is left
var (
	headSpace        = storage.NewKey("task")
	eventSpace       = storage.NewKey("event")
	lineSpace        = storage.NewKey("line")
	blobSpace        = storage.NewKey("task-blob")
	listSpace        = storage.NewKey("list")
	listCountSpace   = storage.NewKey("list-count")
	listOpenSpace    = storage.NewKey("list-open")
	oldListSpace     = storage.NewKey("task-list")
	contextTaskSpace = storage.NewKey("context-task")
	countSpace       = storage.NewKey("task-count")
	hiddenCountSpace = storage.NewKey("task-hidden")
	turnSpace        = storage.NewKey("turn")
	contextSpace     = storage.NewKey("context")
	pushConfigSpace  = storage.NewKey("push-config")
	pushCursorSpace  = storage.NewKey("push-cursor")
	onceSpace        = storage.NewKey("once")

	dueSpace      = storage.NewKey("due")
	pushDueSpace  = storage.NewKey("push-due")
	goneSpace     = storage.NewKey("gone")
	replyDueSpace = storage.NewKey("reply-due")
	onceDueSpace  = storage.NewKey("once-due")
	listFormatKey = storage.NewKey("list-format")
)

func headKey(id string) storage.Key   { return headSpace.Str(id) }
func eventsKey(id string) storage.Key { return eventSpace.Str(id) }
func eventKey(id string, seq uint64) storage.Key {
	return eventSpace.With(storage.Str(id), storage.Uint(seq))
}
func linesKey(id string) storage.Key { return lineSpace.Str(id) }
func lineKey(id string, seq uint64) storage.Key {
	return lineSpace.With(storage.Str(id), storage.Uint(seq))
}

func blobsKey(id string) storage.Key { return blobSpace.Str(id) }
func blobKey(ref BlobRef) storage.Key {
	return blobSpace.With(storage.Str(ref.TaskID), storage.Str(hex.EncodeToString(ref.Digest[:])))
}

func listsKey(agent string) storage.Key      { return listSpace.Str(agent) }
func listCountsKey(agent string) storage.Key { return listCountSpace.Str(agent) }
func listOpensKey(agent string) storage.Key  { return listOpenSpace.Str(agent) }
func listOpenKey(agent string, part uint64) storage.Key {
	return listOpenSpace.With(storage.Str(agent), storage.Uint(part))
}

// contextTasksOf is the prefix of all contexts; every task of the agent is in one.
func contextTasksOf(agent string) storage.Key { return contextTaskSpace.Str(agent) }

func contextTasksKey(agent, contextID string) storage.Key {
	return contextTaskSpace.With(storage.Str(agent), storage.Str(contextID))
}
func contextTaskKey(agent, contextID string, created time.Time, id string) storage.Key {
	return contextTaskSpace.With(storage.Str(agent), storage.Str(contextID), storage.Time(created), storage.Str(id))
}

func countsKey(agent string) storage.Key { return countSpace.Str(agent) }
func countKey(agent string, state a2apb.TaskState) storage.Key {
	return countSpace.With(storage.Str(agent), storage.Uint(uint64(state)))
}

func turnsKey(agent string) storage.Key { return turnSpace.Str(agent) }
func turnKey(agent, contextID string) storage.Key {
	return turnSpace.With(storage.Str(agent), storage.Str(contextID))
}

func hiddenCountKey(agent string) storage.Key { return hiddenCountSpace.Str(agent) }

func contextsKey(agent string) storage.Key { return contextSpace.Str(agent) }
func contextKey(agent, contextID string) storage.Key {
	return contextSpace.With(storage.Str(agent), storage.Str(contextID))
}

// agentSpaces are the prefixes of an agent's records that do not go with its
// tasks. What the indexes by time have of them goes in its time.
func agentSpaces(agent string) []storage.Key {
	return []storage.Key{
		countsKey(agent), hiddenCountKey(agent), turnsKey(agent), oncesKey(agent),
		listsKey(agent), listCountsKey(agent), listOpensKey(agent), oldListSpace.Str(agent), contextsKey(agent),
	}
}

func pushConfigsKey(id string) storage.Key { return pushConfigSpace.Str(id) }
func pushConfigKey(id, config string) storage.Key {
	return pushConfigSpace.With(storage.Str(id), storage.Str(config))
}
func pushCursorsKey(id string) storage.Key { return pushCursorSpace.Str(id) }
func pushCursorKey(id, config string) storage.Key {
	return pushCursorSpace.With(storage.Str(id), storage.Str(config))
}

func dueKey(at time.Time, tenant, id string) storage.Key {
	return dueSpace.With(storage.Time(at), storage.Str(tenant), storage.Str(id))
}

func pushDueKey(at time.Time, id DeliveryID) storage.Key {
	return pushDueSpace.With(storage.Time(at), storage.Str(id.Tenant), storage.Str(id.TaskID), storage.Str(id.ConfigID))
}

func goneKey(tenant, id string) storage.Key {
	return goneSpace.With(storage.Str(tenant), storage.Str(id))
}

func oncesKey(agent string) storage.Key { return onceSpace.Str(agent) }
func onceKey(agent string, once Once) storage.Key {
	return onceSpace.With(storage.Str(agent), storage.Str(once.Caller), storage.Str(once.Key))
}

func onceDueKey(at time.Time, ref Ref, once Once) storage.Key {
	return onceDueSpace.With(storage.Time(at), storage.Str(ref.Tenant), storage.Str(ref.Agent), storage.Str(once.Caller), storage.Str(once.Key))
}

func oldListKey(agent string, status time.Time, id string) storage.Key {
	return oldListSpace.With(storage.Str(agent), storage.TimeDesc(status), storage.Str(id))
}

func replyDueKey(at time.Time, tenant, id string) storage.Key {
	return replyDueSpace.With(storage.Time(at), storage.Str(tenant), storage.Str(id))
}

// topic is the broker's topic of a task: somebody who watches it looks again
// when something of the task was committed.
func topic(tenant, id string) string { return "task/" + tenant + "/" + id }
