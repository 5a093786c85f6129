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
//	event/<id>/<seq>                              one event, see record.go
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
func headKey(id string) storage.Key   { return storage.NewKey("task").Str(id) }
func eventsKey(id string) storage.Key { return storage.NewKey("event").Str(id) }
func eventKey(id string, seq uint64) storage.Key {
	return eventsKey(id).Uint(seq)
}
func linesKey(id string) storage.Key            { return storage.NewKey("line").Str(id) }
func lineKey(id string, seq uint64) storage.Key { return linesKey(id).Uint(seq) }

func blobsKey(id string) storage.Key { return storage.NewKey("task-blob").Str(id) }
func blobKey(ref BlobRef) storage.Key {
	return blobsKey(ref.TaskID).Str(hex.EncodeToString(ref.Digest[:]))
}

func listsKey(agent string) storage.Key      { return storage.NewKey("list").Str(agent) }
func listCountsKey(agent string) storage.Key { return storage.NewKey("list-count").Str(agent) }
func listOpensKey(agent string) storage.Key  { return storage.NewKey("list-open").Str(agent) }
func listOpenKey(agent string, part uint64) storage.Key {
	return listOpensKey(agent).Uint(part)
}

// contextTasksOf is the prefix of all contexts; every task of the agent is in one.
func contextTasksOf(agent string) storage.Key { return storage.NewKey("context-task").Str(agent) }

func contextTasksKey(agent, contextID string) storage.Key {
	return contextTasksOf(agent).Str(contextID)
}
func contextTaskKey(agent, contextID string, created time.Time, id string) storage.Key {
	return contextTasksKey(agent, contextID).Time(created).Str(id)
}

func countsKey(agent string) storage.Key { return storage.NewKey("task-count").Str(agent) }
func countKey(agent string, state a2apb.TaskState) storage.Key {
	return countsKey(agent).Uint(uint64(state))
}

func turnsKey(agent string) storage.Key           { return storage.NewKey("turn").Str(agent) }
func turnKey(agent, contextID string) storage.Key { return turnsKey(agent).Str(contextID) }

func hiddenCountKey(agent string) storage.Key { return storage.NewKey("task-hidden").Str(agent) }

func contextsKey(agent string) storage.Key           { return storage.NewKey("context").Str(agent) }
func contextKey(agent, contextID string) storage.Key { return contextsKey(agent).Str(contextID) }

// agentSpaces are the prefixes of an agent's records that do not go with its
// tasks. What the indexes by time have of them goes in its time.
func agentSpaces(agent string) []storage.Key {
	return []storage.Key{
		countsKey(agent), hiddenCountKey(agent), turnsKey(agent), oncesKey(agent),
		listsKey(agent), listCountsKey(agent), listOpensKey(agent), oldListSpace.Str(agent), contextsKey(agent),
	}
}

func pushConfigsKey(id string) storage.Key        { return storage.NewKey("push-config").Str(id) }
func pushConfigKey(id, config string) storage.Key { return pushConfigsKey(id).Str(config) }
func pushCursorsKey(id string) storage.Key        { return storage.NewKey("push-cursor").Str(id) }
func pushCursorKey(id, config string) storage.Key { return pushCursorsKey(id).Str(config) }

var (
	dueSpace      = storage.NewKey("due")
	pushDueSpace  = storage.NewKey("push-due")
	goneSpace     = storage.NewKey("gone")
	onceDueSpace  = storage.NewKey("once-due")
	replyDueSpace = storage.NewKey("reply-due")
	listFormatKey = storage.NewKey("list-format")
	oldListSpace  = storage.NewKey("task-list")
)

func dueKey(at time.Time, tenant, id string) storage.Key {
	return dueSpace.Time(at).Str(tenant).Str(id)
}

func pushDueKey(at time.Time, id DeliveryID) storage.Key {
	return pushDueSpace.Time(at).Str(id.Tenant).Str(id.TaskID).Str(id.ConfigID)
}

func goneKey(tenant, id string) storage.Key { return goneSpace.Str(tenant).Str(id) }

func oncesKey(agent string) storage.Key { return storage.NewKey("once").Str(agent) }
func onceKey(agent string, once Once) storage.Key {
	return oncesKey(agent).Str(once.Caller).Str(once.Key)
}

func onceDueKey(at time.Time, ref Ref, once Once) storage.Key {
	return onceDueSpace.Time(at).Str(ref.Tenant).Str(ref.Agent).Str(once.Caller).Str(once.Key)
}

func oldListKey(agent string, status time.Time, id string) storage.Key {
	return oldListSpace.Str(agent).TimeDesc(status).Str(id)
}

func replyDueKey(at time.Time, tenant, id string) storage.Key {
	return replyDueSpace.Time(at).Str(tenant).Str(id)
}

// topic is the broker's topic of a task: somebody who watches it looks again
// when something of the task was committed.
func topic(tenant, id string) string { return "task/" + tenant + "/" + id }
