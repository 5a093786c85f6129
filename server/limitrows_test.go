package server

import (
	"strings"
	"time"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"
	"google.golang.org/protobuf/proto"

	"github.com/carrelhq/carrel/agent"
	"github.com/carrelhq/carrel/internal/egress"
	"github.com/carrelhq/carrel/task"
	"github.com/carrelhq/carrel/task/push"
	"github.com/carrelhq/carrel/tenant"
)

const (
	overJSON = "JSONRPC HTTP+JSON"
	overRPC  = "JSONRPC"
	overHTTP = "HTTP+JSON"
	overGRPC = "GRPC"
	// overAdmin is the admin API.
	overAdmin = "admin"
)

var defaults = Options{}.withDefaults()

// limits are the rows of docs/limits.md: every bound that a client can meet.
var limits = []limit{
	{section: "Requests"},
	{what: "body of a request", most: size(defaults.MaxBody), setting: "max_body", refusal: errTooLarge,
		probe: &probe{ask: bodyOf, fine: "TASK_NOT_FOUND", bare: true}, tests: "TestAnOversizedBodyIsAnsweredNotReset"},
	{what: "request line, address and query included, and header fields", most: size(maxHeader), over: overHTTP, refusal: errHeadersTooLarge, tests: "TestLargeHeadersAreRefused"},
	{what: "metadata of a call, as HTTP/2 counts it", most: size(maxHeader), over: overGRPC, instead: "the stream is reset; clients that heed the setting do not send it", tests: "TestWhatGRPCConnectionsAreTold"},
	{what: "nesting of JSON", most: maxDepth, refusal: errParse, over: overJSON, probe: &probe{ask: deep, fine: "TASK_NOT_FOUND"}},
	{what: "nesting of messages", most: maxNesting, refusal: task.ErrInvalidParams, over: overGRPC, probe: &probe{ask: nesting, fine: "TASK_NOT_FOUND"}},
	{what: "values in JSON", most: maxValues, refusal: errTooLarge, over: overJSON, probe: &probe{ask: values, fine: "TASK_NOT_FOUND"}},
	{what: "messages in a request, elements of lists included", most: maxValues, refusal: errTooLarge, over: overGRPC, probe: &probe{ask: elements, fine: "TASK_NOT_FOUND"}, tests: "TestMessagesAreCountedBeforeTheyAreDecoded"},
	{what: "requests in a JSON-RPC body: there are no batches", most: 1, refusal: errInvalidRequest, over: overRPC, probe: &probe{ask: several, fine: "TASK_NOT_FOUND"}},
	{what: "id of a JSON-RPC request", most: size(maxRPCID), refusal: errInvalidRequest, over: overRPC, probe: &probe{ask: requestID, fine: "TASK_NOT_FOUND"}},
	{what: "invalid fields that an answer names", most: task.MaxFieldErrors, instead: "the others are not named", tests: "TestFieldErrors"},

	{section: "Messages"},
	{what: "message with its configuration and metadata, as protobuf; bytes of parts above " + size(task.MaxInline).String() + " are not counted", most: size(task.MaxMessage), refusal: task.ErrInvalidParams, probe: &probe{ask: messageOf}},
	{what: "`messageId`", most: size(task.MaxID), refusal: task.ErrInvalidParams,
		probe: &probe{ask: with(func(r *a2apb.SendMessageRequest, n int) { r.Message.MessageId = strings.Repeat("x", n) })}},
	{what: "`contextId`", most: size(task.MaxID), refusal: task.ErrInvalidParams,
		probe: &probe{ask: with(func(r *a2apb.SendMessageRequest, n int) { r.Message.ContextId = strings.Repeat("x", n) })}},
	{what: "`referenceTaskIds`", most: task.MaxReferences, refusal: task.ErrInvalidParams, probe: &probe{ask: references}},
	{what: "`acceptedOutputModes`", most: task.MaxModes, refusal: task.ErrInvalidParams,
		probe: &probe{ask: with(func(r *a2apb.SendMessageRequest, n int) {
			r.Configuration.AcceptedOutputModes = strings.Fields(strings.Repeat("text/plain ", n))
		})}},
	{what: "one of `acceptedOutputModes`", most: size(task.MaxMode), refusal: task.ErrInvalidParams,
		probe: &probe{ask: with(func(r *a2apb.SendMessageRequest, n int) {
			r.Configuration.AcceptedOutputModes = []string{strings.Repeat("x", n)}
		})}},
	{what: "`Idempotency-Key`", most: size(task.MaxOnceKey), refusal: task.ErrInvalidParams, probe: &probe{ask: onceKeyed}},
	{what: "time that such a key is remembered", most: task.DefaultOnceWindow, instead: "the message is a new one", tests: "TestAKeyIsForgottenAfterItsTime"},
	{what: "unfinished tasks of an agent", most: task.DefaultQueued, setting: "max_queued", refusal: task.ErrBusy, probe: &probe{ask: queued, small: smallQueue}},
	{what: "unfinished tasks of a context", most: task.MaxTurns, refusal: task.ErrBusy, over: overRPC, probe: &probe{ask: turns}},
	{what: "messages that wait for a task at work", most: task.DefaultPending, refusal: task.ErrBusy, probe: &probe{ask: pending}},
	{what: "bytes of parts above " + size(task.MaxInline).String() + " in a message", most: size(task.DefaultLog), refusal: task.ErrInvalidParams, tests: "TestFilesCountAmongTheBytesOfATask"},
	{what: "events and large parts of a task, when another message comes", most: size(task.DefaultLog), refusal: task.ErrUnsupportedOperation, tests: "TestAConversationThatIsTooLongEnds"},

	{what: "id of a task or of a config that is asked for", most: "any", refusal: task.ErrTaskNotFound, tests: "TestIDsOfAnyLengthAreLookedUp"},

	{section: "Lists"},
	{what: "`pageSize` of `ListTasks`", most: task.MaxPage, refusal: task.ErrInvalidParams,
		probe: &probe{ask: func(_ *bench, n int) asked { return list(&a2apb.ListTasksRequest{PageSize: proto.Int32(int32(n))}) }}},
	{what: "tasks read for a page", most: size(task.MaxPageBytes), instead: "the page ends early, with a `nextPageToken`", tests: "TestAPageOfLargeTasksIsShort"},
	{what: "`contextId` that is asked for", most: size(task.MaxID), refusal: task.ErrInvalidParams,
		probe: &probe{ask: func(_ *bench, n int) asked {
			return list(&a2apb.ListTasksRequest{ContextId: strings.Repeat("x", n)})
		}}},
	{what: "`pageSize` of `ListTaskPushNotificationConfigs`", most: task.MaxPushConfigs, instead: "the page has no more than that", tests: "TestPushConfigsAreCreatedReadListedAndDeleted"},

	{section: "Webhooks"},
	{what: "push notification configs of a task", most: task.DefaultPushConfigs, refusal: task.ErrTooManyConfigs, probe: &probe{ask: hooks}},
	{what: "`url`", most: size(egress.MaxURL), refusal: task.ErrInvalidParams,
		probe: &probe{ask: hookWith(func(c *a2apb.TaskPushNotificationConfig, n int) { c.Url += strings.Repeat("x", n-len(c.Url)) })}},
	{what: "`id`", most: size(task.MaxID), refusal: task.ErrInvalidParams,
		probe: &probe{ask: hookWith(func(c *a2apb.TaskPushNotificationConfig, n int) { c.Id = strings.Repeat("x", n) })}},
	{what: "`token`", most: size(task.MaxPushSecret), refusal: task.ErrInvalidParams,
		probe: &probe{ask: hookWith(func(c *a2apb.TaskPushNotificationConfig, n int) { c.Token = strings.Repeat("x", n) })}},
	{what: "`authentication.scheme`", most: size(task.MaxPushScheme), refusal: task.ErrInvalidParams,
		probe: &probe{ask: hookWith(func(c *a2apb.TaskPushNotificationConfig, n int) { c.Authentication.Scheme = strings.Repeat("x", n) })}},
	{what: "`authentication.credentials`", most: size(task.MaxPushSecret), refusal: task.ErrInvalidParams,
		probe: &probe{ask: hookWith(func(c *a2apb.TaskPushNotificationConfig, n int) {
			c.Authentication.Credentials = strings.Repeat("x", n)
		})}},
	{what: "attempts of a tenant in a second", most: push.DefaultRate, setting: "webhook_rate", instead: "the others wait for their turn; it may be five seconds ahead", tests: "TestATenantMakesNoMoreAttemptsThanItMay"},
	{what: "time in which a webhook answers", most: push.DefaultTimeout, instead: "the attempt has failed", tests: "TestABodyHasTheTimeOfItsRequest"},
	{what: "attempts to deliver an event", most: push.DefaultAttempts, instead: "the webhook is given up until its config is created anew; while the task goes on, an event that it refuses is left out instead", tests: "TestAWebhookIsGivenUp TestARefusedEventDoesNotEndTheWebhookOfATaskAtWork"},
	{what: "time in which an event is delivered", most: push.DefaultAge, instead: "the same", tests: "TestAWebhookIsGivenUp"},
	{what: "time between two attempts, `Retry-After` included", most: push.DefaultMaxBackOff, instead: "it is tried then all the same", tests: "TestBackOff TestRetryAfterIsHonoured"},

	{section: "What is open at a time"},
	{what: "streams, logs that are followed included; a large part that is fetched counts as 8", most: defaults.MaxStreams, setting: "max_streams", refusal: errTooManyStreams, tests: "TestStreamsAreLimitedInNumber TestGRPCStreamsAreLimitedInNumber TestStreamsAreSharedAmongCallers TestDownloadsAreLimitedInNumber"},
	{what: "calls that wait for their task", most: defaults.MaxStreams, setting: "max_streams", refusal: errTooManyWaiting, tests: "TestCallsThatWaitAreSharedAmongCallers"},
	{what: "answers whose tasks have events of more than 64 KiB, together", most: size(maxAnswers), refusal: task.ErrNoRoom, tests: "TestLargeAnswersAreSharedAmongCallers TestALargeAnswerHoldsItsRoomUntilItIsRead"},
	{what: "HTTP connections", most: defaults.MaxConns, setting: "max_conns", instead: "HTTP 503, and the connection is closed", tests: "TestConnectionsAreLimitedInNumber"},
	{what: "gRPC connections", most: defaults.MaxConns, setting: "max_conns", instead: "the connection is closed", tests: "TestGRPCConnectionsAreLimitedInNumber"},
	{what: "gRPC calls", most: defaults.MaxConns, setting: "max_conns", over: overGRPC, refusal: errTooManyCalls, tests: "TestGRPCCallsAreSharedAmongAddresses"},
	{what: "gRPC calls of one connection", most: maxGRPCStreams, instead: "HTTP/2 has the client wait", tests: "TestWhatGRPCConnectionsAreTold"},
	{what: "requests with a wrong key, from one address in a minute", most: maxFailures, refusal: errTooManyFailures, tests: "TestWrongKeysAreCounted TestFailuresAreCountedByNetworkAndWindow"},

	{section: "Time"},
	{what: "for a request to arrive", most: defaults.timing.read, refusal: errSlow, over: overJSON, tests: "TestSlowRequestsAreCutOff"},
	{what: "for the request of a gRPC call to arrive", most: defaults.timing.read, instead: "the call is ended", tests: "TestAGRPCRequestThatDoesNotComeIsCutOff"},
	{what: "for the next 64 KiB of an upload to arrive", most: defaults.timing.read, refusal: errSlow, over: overHTTP, tests: "TestSlowRequestsAreCutOff TestAnUploadMayTakeItsTimeAsLongAsItComes"},
	{what: "until the next request", most: defaults.timing.idle, instead: "the connection is closed", tests: "TestIdleConnectionsAreClosed"},
	{what: "for a client to take an answer, or a frame of a stream", most: defaults.timing.write, instead: "the connection, or the gRPC stream, is ended", tests: "TestAClientThatDoesNotReadLosesItsStream TestAGRPCClientThatDoesNotReadLosesItsStream"},
	{what: "that a stream is silent", most: defaults.KeepAlive, instead: "a comment, or an HTTP/2 ping, is sent", tests: "TestAnIdleStreamIsKeptAliveAndRepeatsNothing"},
	{what: "between two HTTP/2 pings of a client, at least", most: minPing, instead: "the connection is closed when they keep coming: `ENHANCE_YOUR_CALM`", tests: "TestWhatGRPCConnectionsAreTold"},
	{what: "that a link to a large part is good, or up to 5 min more", most: DefaultLinkTime, setting: "link_time", instead: "there is nothing at it; the task has another", tests: "TestLinksExpireAndStayTheSameForAWhile"},
	{what: "that a blocking `SendMessage` waits", most: defaults.BlockingTimeout, setting: "blocking_timeout", instead: "the task as it is then", tests: "TestABlockingCallWaitsForItsTime"},
	{what: "that a run takes", most: 10 * time.Minute, setting: "run_timeout", instead: "the task fails", tests: "TestARunThatTakesTooLongFails"},
	{what: "that a run may take for its message to be a direct reply", most: task.DefaultReplyWithin, instead: "the answer is a task", tests: "TestKeysAndRepliesAreThoseOfTheModel"},
	{what: "for requests to end at shutdown", most: defaults.Grace, setting: "soft_stop", instead: "calls that wait get the task as it is; what is left is cut off", tests: "TestShutdownEndsStreamsAndLetsRequestsAnswer TestShutdownEndsGRPCStreamsAndLetsCallsAnswer"},

	{section: "What a run writes"},
	{what: "artifact or chunk, or message of a status", most: size(task.MaxChunk), instead: "the agent is told; a result with one fails the task", tests: "TestResultsThatAreNotValidFailTheTask TestAResultWithinItsBoundsIsCommitted"},
	{what: "events and large parts of a task", most: size(task.DefaultLog), instead: "the task fails", tests: "TestATaskThatWritesTooMuchFails TestFilesCountAmongTheBytesOfATask"},
	{what: "bytes that one `blob_read` gives", most: "256 KiB", instead: "the agent is told", tests: "TestCalls"},
	{what: "what is kept of a context", most: size(task.MaxContext), instead: "the agent is told", tests: "TestAContextIsSavedWithTheEndOfItsRun"},
	{what: "lines of an attempt's log", most: task.MaxLines, instead: "the last one says so", tests: "TestALogIsKeptUpToItsQuota"},
	{what: "line of the log", most: size(task.MaxLine), instead: "it is cut", tests: "TestALogIsKeptUpToItsQuota"},
	{what: "attempts at a run", most: task.DefaultAttempts, setting: "max_attempts", instead: "the task fails", tests: "TestLostAttemptsAreRetriedWithBackOffAndThenGivenUp"},

	{section: "The admin API"},
	{what: "module that is uploaded", most: size(defaults.MaxModule), setting: "max_module", refusal: agent.ErrTooLarge, over: overAdmin, tests: "TestUploadsAreBounded"},
	{what: "body of another request", most: size(maxAdminBody), refusal: errTooLarge, over: overAdmin, tests: "TestAnAdminBodyIsShort"},
	{what: "versions of an agent", most: agent.MaxVersions, refusal: agent.ErrInvalid, over: overAdmin, tests: "TestAnUploadThatFailsAtItsEndLeavesNothing"},
	{what: "keys of a tenant that are valid", most: tenant.MaxKeys, refusal: tenant.ErrTooManyKeys, over: overAdmin, tests: "TestATenantHasABoundedNumberOfKeysThatAreValid TestTooManyKeysAreRefused"},
}
