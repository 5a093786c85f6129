package task

import "time"

// Limits that are not options. docs/limits.md has them all, with what a client
// gets that goes beyond one.
const (
	// MaxID bounds an id that a client makes up, in bytes: of a message, a context
	// or a push notification config; and that of an artifact.
	MaxID = 128
	// MaxReferences bounds the tasks that a message refers to.
	MaxReferences = 32
	// MaxModes bounds the media types that a client accepts, MaxMode one of them in bytes.
	MaxModes = 32
	MaxMode  = 255
	// MaxMessage bounds a message with its configuration and metadata, in bytes as
	// protobuf has it, those of large parts not counted (see MaxInline): two of them
	// and their copies fit into one update of the store.
	MaxMessage = 256 << 10
	// MaxTurns bounds the tasks that wait for a turn in one context.
	MaxTurns = 1000

	// MaxPage and DefaultPage are sizes of a page of List (section 3.1.4).
	MaxPage     = 100
	DefaultPage = 50
	// MaxPageBytes bounds what is read of tasks for one page: one that would read
	// more ends early, after one task at least.
	MaxPageBytes = 8 << 20

	// MaxPushConfigs bounds the push notification configs of a task, whatever the
	// options say, MaxPushScheme the scheme of one's authentication in bytes, and
	// MaxPushSecret its token, and its credentials.
	MaxPushConfigs = 100
	MaxPushScheme  = 64
	MaxPushSecret  = 4 << 10

	// MaxChunk bounds one status message, artifact or chunk of one, in bytes.
	MaxChunk = 320 << 10
)

// Defaults of Options, see there.
const (
	DefaultAttempts    = 5
	DefaultQueued      = 10_000
	DefaultPending     = 16
	DefaultLog         = 32 << 20
	DefaultPushConfigs = 10
	DefaultOnceWindow  = 24 * time.Hour
	DefaultReplyWithin = 30 * time.Second
)
