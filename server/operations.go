package server

import (
	"context"
	"net/netip"
	"strconv"
	"time"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"
	"github.com/google/uuid"

	"github.com/carrelhq/carrel/abi"
	"github.com/carrelhq/carrel/task"
	"github.com/carrelhq/carrel/tenant"
)

// tasks is what A2A needs of the task manager.
type tasks interface {
	CheckMessage(once task.Once, req *a2apb.SendMessageRequest) error
	SendOnce(ctx context.Context, ref task.Ref, once task.Once, req *a2apb.SendMessageRequest) (task.Accepted, error)
	Answer(ctx context.Context, ref task.Ref, accepted task.Accepted, historyLength *int32) (*a2apb.SendMessageResponse, error)
	Get(ctx context.Context, ref task.Ref, id string, historyLength *int32) (*a2apb.Task, error)
	Encoded(ctx context.Context, ref task.Ref, id string, historyLength *int32, form string, encode task.EncodeTask) ([]byte, error)
	List(ctx context.Context, ref task.Ref, caller string, req *a2apb.ListTasksRequest) (*a2apb.ListTasksResponse, error)
	Cancel(ctx context.Context, ref task.Ref, id string) (*a2apb.Task, error)
	SendAndAwait(ctx context.Context, ref task.Ref, once task.Once, req *a2apb.SendMessageRequest) (*a2apb.SendMessageResponse, error)
	pushConfigs
}

// events is what it needs of the event log.
type events interface {
	Position(ctx context.Context, ref task.Ref, id string) (seq uint64, state a2apb.TaskState, err error)
	Snapshot(ctx context.Context, ref task.Ref, id string) (t *a2apb.Task, seq uint64, err error)
	Cursor(ref task.Ref, id string, seq uint64) *task.Cursor
}

// operations are the operations of A2A, the same for every binding: a binding
// decodes a request, calls one, and encodes what it returns. Errors are those
// that [onWire] knows. They are safe for concurrent use.
type operations struct {
	tasks  tasks
	events events
	cards  extendedCards
	// links are those to large parts, and url where they lead for who came in by a
	// door without an address of the server.
	links           *Links
	url             string
	blockingTimeout time.Duration
	// waiting are the calls that wait for their task.
	waiting *quota
}

// caller is who asks, and the agent it asks.
type caller struct {
	ref task.Ref
	// principal is whose key was shown. Anonymous callers have shown none that
	// counts here; they know tasks by their ids only.
	principal tenant.Principal
	anonymous bool
	// addr is where the call comes from.
	addr netip.Addr
	// extensions are those that the agent knows.
	extensions []abi.Extension
	// onceKey is the header or metadata of that name, see [caller.once].
	onceKey string
	// protocols are the versions of A2A that the agent speaks.
	protocols []string
	// in03 is set for requests in A2A 0.3.
	in03 bool
	// door is how it came in.
	door func() door
}

// extendedCards is what it needs of cards: the extended one of an agent, nil and
// whether there is to be one when there is none.
type extendedCards interface {
	extendedCard(ctx context.Context, by caller) (card *a2apb.AgentCard, declared bool, err error)
}

// sendMessage accepts a message and answers with the task: when it has ended or
// waits, or at once where that is asked for; or with the message that is the
// agent's direct reply. Section 3.1.1.
func (o *operations) sendMessage(ctx context.Context, by caller, req *a2apb.SendMessageRequest) (*a2apb.SendMessageResponse, error) {
	if req.GetConfiguration().GetReturnImmediately() {
		accepted, err := o.accept(ctx, by, req)
		if err != nil {
			return nil, err
		}
		answer, err := o.tasks.Answer(ctx, by.ref, accepted, historyLength(req))
		return o.linksFor(by).Answer(answer), err
	}
	once, err := o.checkMessage(by, req)
	if err != nil {
		return nil, err
	}
	if !o.waiting.take(by.party(), 1) {
		return nil, errTooManyWaiting
	}
	defer o.waiting.give(by.party(), 1)
	waiting, cancel := context.WithTimeout(ctx, o.blockingTimeout)
	defer cancel()
	answer, err := o.tasks.SendAndAwait(waiting, by.ref, once, req)
	return o.linksFor(by).Answer(answer), err
}

// sendStreamingMessage accepts a message and answers with what comes of it. Section 3.1.2.
func (o *operations) sendStreamingMessage(ctx context.Context, by caller, req *a2apb.SendMessageRequest) (*feed, error) {
	accepted, err := o.accept(ctx, by, req)
	if err != nil {
		return nil, err
	}
	f := &feed{ref: by.ref, id: accepted.TaskID, link: o.lasting(by), untilInput: true, history: historyLength(req), hidden: accepted.Hidden}
	if f.hidden {
		return f, nil // and shows nothing before it must
	}
	if req.GetMessage().GetTaskId() == "" && !accepted.Repeated {
		return f, nil // the first event of a new task is the task
	}
	return f, f.snapshot(ctx, o.events)
}

// linksFor makes the links that the caller is shown, while its request is there.
func (o *operations) linksFor(by caller) task.Link {
	return func(ref task.BlobRef, p *a2apb.Part) string { return o.lasting(by)(ref, p) }
}

// lasting is linksFor, for a feed, which outlives the request. Links lead to where
// the caller came in.
func (o *operations) lasting(by caller) task.Link {
	base := o.url
	if by.door != nil {
		base = or(by.door().base, base)
	}
	return o.links.At(base, by.ref.Tenant)
}

// accept checks a message and hands it on.
func (o *operations) accept(ctx context.Context, by caller, req *a2apb.SendMessageRequest) (task.Accepted, error) {
	once, err := o.checkMessage(by, req)
	if err != nil {
		return task.Accepted{}, err
	}
	return o.tasks.SendOnce(ctx, by.ref, once, req)
}

// checkMessage checks what a transport can know of a message, and returns its key.
// Where something is wrong, the error says what else is.
func (o *operations) checkMessage(by caller, req *a2apb.SendMessageRequest) (task.Once, error) {
	var bad task.FieldErrors
	bad.Join(checkTenant(by.ref, req.GetTenant()))
	if id := req.GetMessage().GetContextId(); by.anonymous && id != "" && !unguessable(id) {
		// Callers without a key share the agent: a context id that can be
		// guessed would let one read the memory of another.
		bad.Add("message.contextId", "must be an id that this server made, for callers without a key")
	}
	once, err := by.once(req)
	if bad.Join(err); len(bad) > 0 {
		return once, also(bad.Err(), o.tasks.CheckMessage(once, req))
	}
	return once, nil
}

// unguessable reports whether the id is a random UUID, in the usual form: who knows
// it was told.
func unguessable(id string) bool {
	u, err := uuid.Parse(id)
	return err == nil && len(id) == len("xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx") && (u.Version() == 4 || u.Version() == 7)
}

// also returns err, with the fields that more names where err names some.
func also(err, more error) error {
	bad := task.Fields(err)
	if len(bad) == 0 {
		return err
	}
	bad.Join(more)
	return bad.Err()
}

// subscribeToTask answers with the task and what follows, or, when the caller
// names the last event it has seen, with what came after it. Section 3.1.6. In 0.3
// streams end when a task waits for input, and a finished task is shown as it is.
func (o *operations) subscribeToTask(ctx context.Context, by caller, req *a2apb.SubscribeToTaskRequest, lastEventID string) (*feed, error) {
	if err := checkTask(by.ref, req.GetTenant(), req.GetId()).Err(); err != nil {
		return nil, err
	}
	last, state, err := o.events.Position(ctx, by.ref, req.GetId())
	if err != nil {
		return nil, err
	}
	f := &feed{ref: by.ref, id: req.GetId(), link: o.lasting(by), untilInput: by.in03}
	if seen, ok := seenOf(lastEventID, last); ok {
		f.seq = seen
		return f, nil
	}
	if task.Terminal(state) && !by.in03 {
		return nil, refuse(task.ErrUnsupportedOperation, "the task is finished; read it with GetTask")
	}
	return f, f.snapshot(ctx, o.events)
}

// seenOf is the event that a Last-Event-ID names, which is one of a log that ends
// with last; ok is false for anything else.
func seenOf(lastEventID string, last uint64) (seen uint64, ok bool) {
	seen, err := strconv.ParseUint(lastEventID, 10, 64)
	return seen, err == nil && seen <= last
}

// getTask returns the task. Section 3.1.3.
func (o *operations) getTask(ctx context.Context, by caller, req *a2apb.GetTaskRequest) (*a2apb.Task, error) {
	if err := checkGet(by.ref, req); err != nil {
		return nil, err
	}
	t, err := o.tasks.Get(ctx, by.ref, req.GetId(), req.HistoryLength)
	return o.linksFor(by).Task(t), err
}

func checkGet(ref task.Ref, req *a2apb.GetTaskRequest) error {
	bad := checkTask(ref, req.GetTenant(), req.GetId())
	if req.GetHistoryLength() < 0 {
		bad.Add("historyLength", "must not be negative")
	}
	return bad.Err()
}

// listTasks returns a page of the tasks. Section 3.1.4. Nothing tells one caller
// without a key from another: it sees those of a context whose id it knows, where
// that cannot be guessed, and no others.
func (o *operations) listTasks(ctx context.Context, by caller, req *a2apb.ListTasksRequest) (*a2apb.ListTasksResponse, error) {
	if err := checkList(by.ref, req); err != nil {
		return nil, err
	}
	if by.anonymous && !unguessable(req.GetContextId()) {
		return task.EmptyPage(by.ref, req)
	}
	page, err := o.tasks.List(ctx, by.ref, by.name(), req)
	if err != nil {
		return nil, err
	}
	link := o.linksFor(by)
	for i, t := range page.Tasks {
		page.Tasks[i] = link.Task(t)
	}
	return page, nil
}

// checkList names all fields that are invalid, but for the page token, which is one
// caller's.
func checkList(ref task.Ref, req *a2apb.ListTasksRequest) error {
	var bad task.FieldErrors
	bad.Join(checkTenant(ref, req.GetTenant()))
	bad.Join(task.CheckList(ref, req))
	return bad.Err()
}

// cancelTask ends the task. Section 3.1.5.
func (o *operations) cancelTask(ctx context.Context, by caller, req *a2apb.CancelTaskRequest) (*a2apb.Task, error) {
	if err := checkTask(by.ref, req.GetTenant(), req.GetId()).Err(); err != nil {
		return nil, err
	}
	t, err := o.tasks.Cancel(ctx, by.ref, req.GetId())
	return o.linksFor(by).Task(t), err
}

// getExtendedAgentCard returns the card for those who have a key. Section 3.1.11. In
// 0.3 there is one error for a card that is not there, declared or not.
func (o *operations) getExtendedAgentCard(ctx context.Context, by caller, req *a2apb.GetExtendedAgentCardRequest) (*a2apb.AgentCard, error) {
	if err := checkTenant(by.ref, req.GetTenant()); err != nil {
		return nil, err
	}
	card, declared, err := o.cards.extendedCard(ctx, by)
	switch {
	case err != nil:
		return nil, err
	case !declared && by.in03:
		return nil, errNoExtendedCard
	case !declared:
		return nil, refuse(task.ErrUnsupportedOperation, "there is no extended card")
	case by.anonymous:
		return nil, errUnauthenticated
	case card == nil:
		return nil, errNoExtendedCard
	}
	return card, nil
}

// checkTask checks the fields that every request about one task has.
func checkTask(ref task.Ref, tenant, id string) (bad task.FieldErrors) {
	if id == "" {
		bad.Add("id", "must not be empty")
	}
	bad.Join(checkTenant(ref, tenant))
	return bad
}

// checkTenant accepts the tenant field where it says what the address says already. Section 4.4.6.
func checkTenant(ref task.Ref, got string) error {
	if got == "" || got == ref.Tenant || got == ref.Tenant+"/"+ref.Agent {
		return nil
	}
	return badField("tenant", "is not the one of this agent's interface")
}

func historyLength(req *a2apb.SendMessageRequest) *int32 {
	if c := req.GetConfiguration(); c != nil {
		return c.HistoryLength
	}
	return nil
}
