package task

import (
	"cmp"
	"crypto/rand"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/singleflight"

	"github.com/carrelhq/carrel/broker"
	"github.com/carrelhq/carrel/internal/telemetry"
	"github.com/carrelhq/carrel/storage"
)

// Options configure a Manager. Zero values are replaced by the defaults given.
type Options struct {
	// Logger gets one line per run; nil discards.
	Logger *slog.Logger
	// Telemetry gets spans and metrics; nil records nothing.
	Telemetry *telemetry.Telemetry
	// MaxAttempts is how often a run is tried (5), BackOff the wait after the
	// first lost attempt (1 s), doubled each time up to MaxBackOff (1 min).
	MaxAttempts         int
	BackOff, MaxBackOff time.Duration
	// Lease is how long a claim lasts without renewal (30 s).
	Lease time.Duration
	// MaxQueued bounds the tasks of an agent that are submitted or working (10,000), and
	// MaxPending the messages waiting for a task that is submitted or working (16).
	MaxQueued, MaxPending int
	// MaxMessage bounds one message in bytes; at most [MaxMessage], which is the default.
	MaxMessage int
	// MaxLog bounds the events of a task and its blobs together, in bytes (32 MiB):
	// reading a task takes about twice that of events in memory. What a run writes
	// beyond it fails the task.
	MaxLog int64
	// IdempotencyWindow is how long an idempotency key is remembered (24 h).
	IdempotencyWindow time.Duration
	// ReplyWithin is how long a run may take that is to end with a direct reply
	// (30 s): then its task is shown. KeepReplies is how long the messages of such
	// a run stay in the history of their context (24 h), or the IdempotencyWindow if
	// that is longer.
	ReplyWithin, KeepReplies time.Duration
	// TokenKey authenticates the page tokens of [Manager.List]. Managers that share a
	// store need the same. nil is a key of this manager's own: tokens end with it.
	TokenKey []byte
	// Push makes the manager take push notification configs; nil refuses them with
	// ErrPushNotSupported.
	Push *PushOptions
	// Shared says that managers of other processes work on the same store. Then a
	// lease is honoured until it runs out; otherwise one that this manager did not
	// give is of a process that is gone, and counts for nothing.
	Shared bool
}

func (o Options) complete() (Options, error) {
	o.MaxAttempts = cmp.Or(o.MaxAttempts, DefaultAttempts)
	o.BackOff = cmp.Or(o.BackOff, time.Second)
	o.MaxBackOff = cmp.Or(o.MaxBackOff, time.Minute)
	o.Lease = cmp.Or(o.Lease, 30*time.Second)
	o.MaxQueued = cmp.Or(o.MaxQueued, DefaultQueued)
	o.MaxPending = cmp.Or(o.MaxPending, DefaultPending)
	o.MaxMessage = cmp.Or(o.MaxMessage, MaxMessage)
	o.MaxLog = cmp.Or(o.MaxLog, DefaultLog)
	o.IdempotencyWindow = cmp.Or(o.IdempotencyWindow, DefaultOnceWindow)
	o.ReplyWithin = cmp.Or(o.ReplyWithin, DefaultReplyWithin)
	o.KeepReplies = max(cmp.Or(o.KeepReplies, 24*time.Hour), o.IdempotencyWindow)
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.MaxAttempts < 0 || o.BackOff < 0 || o.MaxBackOff < o.BackOff || o.Lease < 0 || o.MaxQueued < 0 || o.MaxPending < 0 || o.MaxLog < 0 || o.IdempotencyWindow < 0 || o.ReplyWithin < 0 {
		return o, errors.New("task: Options must not be negative, nor MaxBackOff below BackOff")
	}
	if o.MaxMessage < 0 || o.MaxMessage > MaxMessage {
		return o, errors.New("task: MaxMessage must be between 1 byte and 256 KiB")
	}
	if len(o.TokenKey) == 0 {
		o.TokenKey = make([]byte, 32)
		_, _ = rand.Read(o.TokenKey) // never fails
	}
	var err error
	o.Push, err = o.Push.complete()
	return o, err
}

// Manager accepts messages and answers for tasks. It is safe for concurrent use.
//
// Every method takes the agent the request came in on; a task of another agent
// is ErrTaskNotFound. The requests are not changed and may be kept.
type Manager struct {
	db         storage.DB
	broker     broker.Broker
	agents     Agents
	opts       Options
	log        *Log
	instance   string // names this manager in leases
	fresh      fresh
	front      dueFront
	onceFront  dueFront           // of idempotency keys
	replyFront dueFront           // of direct replies
	cancels    singleflight.Group // of tasks that are being canceled
	rebuilt    atomic.Bool        // no list of an older store is left
	encoded    encoded

	mu       sync.Mutex
	runs     map[runKey]*Run          // in the hands of this process's workers
	reserved map[runKey]*reservation  // accepted by this process and not claimed yet
	claims   map[runKey]chan struct{} // under way; closed at their end
}

type runKey struct{ tenant, id string }

// NewManager returns a manager on the root DB.
func NewManager(db storage.DB, b broker.Broker, agents Agents, opts Options) (*Manager, error) {
	if db == nil || b == nil || agents == nil {
		return nil, errors.New("task: a manager needs a store, a broker and agents")
	}
	opts, err := opts.complete()
	if err != nil {
		return nil, err
	}
	return &Manager{
		db: db, broker: b, agents: agents, opts: opts,
		log:      newLog(db, b, opts.Shared),
		instance: newID(),
		front:    dueFront{space: pushDueSpace}, onceFront: dueFront{space: onceDueSpace}, replyFront: dueFront{space: replyDueSpace},
		runs:     make(map[runKey]*Run),
		reserved: make(map[runKey]*reservation),
		claims:   make(map[runKey]chan struct{}),
	}, nil
}

// Log returns the event log.
func (m *Manager) Log() *Log { return m.log }

// Accepted tells what became of a message.
type Accepted struct {
	TaskID, ContextID string
	// Seq is the sequence number of the first event that the message caused:
	// following from Seq-1 shows everything that came of it.
	Seq uint64
	// Repeated says that the message had been accepted before, under the same
	// idempotency key: this is what came of it then.
	Repeated bool
	// Hidden says that the task is not shown yet, as its answer may be a bare
	// message: a follower shows nothing before an event that Shows, and nothing but
	// the message when one comes.
	Hidden bool
}

func newID() string { return uuid.NewString() }

// metrics may be nil, as may its fields.
func (m *Manager) metrics() *telemetry.Metrics {
	if m.opts.Telemetry == nil || m.opts.Telemetry.Metrics == nil {
		return &telemetry.Metrics{}
	}
	return m.opts.Telemetry.Metrics
}
