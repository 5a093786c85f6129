package carrel

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"time"

	"github.com/carrelhq/carrel/abi"
	"github.com/carrelhq/carrel/agent"
	"github.com/carrelhq/carrel/broker"
	"github.com/carrelhq/carrel/internal/egress"
	"github.com/carrelhq/carrel/storage"
	"github.com/carrelhq/carrel/task"
	"github.com/carrelhq/carrel/tenant"
)

// DefaultAddr is where a server listens when Options name neither address nor listener.
const DefaultAddr = "127.0.0.1:7333"

// DefaultGRPCAddr is where the carrel program serves gRPC.
const DefaultGRPCAddr = "127.0.0.1:7334"

// Options configure a Server. Either DataDir or DB is required; every other
// zero value is replaced by the default given. New copies them.
type Options struct {
	// DataDir is the folder of everything that lasts: the store, the operator's
	// key and compiled code. It is made with mode 0700 when absent.
	DataDir string
	// DB is the store to use instead of one in DataDir. The caller closes it, after Run has returned.
	DB storage.DB
	// Broker queues jobs and passes wake-ups on; nil is the in-process one. The caller closes a given one.
	Broker broker.Broker
	// Worker does the work of all tasks, and uploads are refused; nil runs
	// uploaded modules, each task in a sandbox of its own.
	Worker task.Worker
	// Agents are declared at the start; their tasks go to Worker, which they require.
	Agents []AgentSpec

	// Addr is the address to listen on ("127.0.0.1:7333"); port 0 takes a free one.
	Addr string
	// Listener is used instead of Addr; the server closes it.
	Listener net.Listener
	// GRPCAddr is the address to serve gRPC on, for example [DefaultGRPCAddr];
	// empty serves none, and port 0 takes a free one.
	GRPCAddr string
	// GRPCListener is used instead of GRPCAddr; the server closes it.
	GRPCListener net.Listener
	// Dev serves without credentials as the tenant "default". It is refused on
	// an address that is not loopback.
	Dev bool
	// PublicURL is the server's address in cards; empty takes it from each request.
	PublicURL string
	// GRPCPublicURL is the gRPC address in cards, as clients dial it: usually a
	// host and port. Empty names the listener's, where whoever asks can reach it.
	GRPCPublicURL string
	// TrustedProxies are the addresses or networks whose forwarded headers are believed.
	TrustedProxies []string
	// TLSCert and TLSKey are PEM files; both or neither.
	TLSCert, TLSKey string
	// CORSOrigins are the browser origins that may call; nil is any.
	CORSOrigins []string
	// WebhookRate bounds the attempts to deliver to webhooks that a tenant makes per
	// second (1000), in this process; it may be five seconds ahead.
	WebhookRate int
	// AllowEgress are the addresses or networks that webhooks may be at although they
	// are not public, for example 127.0.0.0/8; nil is none.
	AllowEgress []string
	// KeyFile holds the key that secrets are encrypted with in the store; it is made,
	// for its owner only, when absent. Empty is the file SecretKeyFile in DataDir;
	// without either the server takes no push notification configs and signs no cards.
	// A backup does not have it: keep it apart.
	KeyFile string
	// DefaultAgent ("tenant/agent") is served at "/"; empty serves the sole agent there.
	DefaultAgent string

	// Grants are the host functions given to every new version beyond those always granted.
	Grants []string
	// MemoryBytes is the most linear memory a sandbox may have (64 MiB).
	MemoryBytes int64
	// AllMemoryBytes is the most memory of all sandboxes and snapshots together, at
	// least twice MemoryBytes (half of what the machine or the process's control
	// group gives, and at least 256 MiB). When more is wanted, runs wait.
	AllMemoryBytes int64
	// TenantMemoryBytes is the most of it that one tenant's sandboxes may have, from
	// MemoryBytes to AllMemoryBytes (three quarters of AllMemoryBytes), so that others
	// find some when it wants all.
	TenantMemoryBytes int64
	// ModuleBytes is roughly the most memory of the modules kept ready to run, beside
	// AllMemoryBytes (a quarter of that, and at least 256 MiB). A larger one is refused.
	ModuleBytes int64
	// StoreMemoryBytes is roughly the memory the store in DataDir may use (64 MiB).
	StoreMemoryBytes int64
	// Concurrency is the number of runs at a time (256).
	Concurrency int
	// RunTimeout bounds a run (10 min), SoftStop how long runs may go on after
	// shutdown began (10 s), BlockingTimeout a blocking SendMessage (10 min).
	RunTimeout, SoftStop, BlockingTimeout time.Duration
	// IdempotencyWindow is how long an idempotency key is remembered (24 h).
	IdempotencyWindow time.Duration
	// LinkTime is how long a link to a large part of a task is good at least (1 h).
	LinkTime time.Duration
	// CompileTimeout bounds compiling and describing an upload (30 s).
	CompileTimeout time.Duration
	// CompileMemoryBytes bounds the memory of compiling an upload, where there is a
	// CompileCommand (1 GiB), and CacheBytes the compiled code in DataDir (2 GiB).
	CompileMemoryBytes, CacheBytes int64
	// CompileCommand is a program and its arguments that compiles uploads, each in a
	// process of its own with bounded memory and time: a program of the same build
	// whose main function is compile.Child, as `carrel compile-child` is. Empty
	// compiles in this process.
	CompileCommand []string
	// MaxAttempts is how often a lost run is tried (5).
	MaxAttempts int
	// MaxBody bounds a JSON request (1 MiB), MaxModule an upload (64 MiB).
	MaxBody, MaxModule int64
	// MaxStreams bounds open streams (20,000), MaxConns connections (50,000),
	// MaxQueued the unfinished tasks of an agent (10,000).
	MaxStreams, MaxConns, MaxQueued int

	// OnOperatorToken is called by New with the operator's token when it has
	// just been made, which happens once per store. With DataDir the token is
	// also kept in the file OperatorKeyFile there.
	OnOperatorToken func(token string)
	// OnLine, where set, is called with the lines of each run's log when the run
	// has ended, from several goroutines at a time. It is meant for development.
	OnLine func(Line)
	// Logger gets the server's log; nil discards it.
	Logger *slog.Logger
	// Version is what the server says it is ("devel").
	Version string
}

// AgentSpec declares an agent whose tasks the embedder's own worker runs.
type AgentSpec struct {
	// Tenant owns the agent; empty is "default".
	Tenant string
	// Name is its name in addresses: [a-z0-9][a-z0-9-]{0,62}.
	Name string
	// Description is the author's part of the agent's card.
	Description abi.Description
	// Visibility is who may see and call it; empty is agent.CardOnly for a new one.
	Visibility agent.Visibility
}

// complete returns a copy with defaults in place of zero values, or what is wrong with it.
func (o Options) complete() (Options, error) {
	if o.Addr == "" {
		o.Addr = DefaultAddr
	}
	if o.Version == "" {
		o.Version = "devel"
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o, o.check()
}

func (o Options) check() error {
	if o.DataDir == "" && o.DB == nil {
		return errors.New("carrel: Options name neither DataDir nor DB")
	}
	if (o.TLSCert == "") != (o.TLSKey == "") {
		return errors.New("carrel: TLSCert and TLSKey belong together; give both or neither")
	}
	if o.Dev && o.Listener == nil && !loopback(o.Addr) {
		return fmt.Errorf("%w: %s is not a loopback address", ErrDevExposed, o.Addr)
	}
	if o.Dev && o.GRPCListener == nil && o.GRPCAddr != "" && !loopback(o.GRPCAddr) {
		return fmt.Errorf("%w: %s is not a loopback address", ErrDevExposed, o.GRPCAddr)
	}
	if len(o.Agents) > 0 && o.Worker == nil {
		return errors.New("carrel: Agents are declared but there is no Worker to run their tasks")
	}
	for _, a := range o.Agents {
		if !tenant.ValidName(a.Name) {
			return fmt.Errorf("carrel: agent %q: %w", a.Name, tenant.ErrInvalidName)
		}
	}
	if _, err := egress.ParseAllow(o.AllowEgress); err != nil {
		return fmt.Errorf("carrel: AllowEgress: %w", err)
	}
	return checkPublicURL(o.PublicURL)
}

func checkPublicURL(s string) error {
	if s == "" {
		return nil
	}
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return fmt.Errorf("carrel: PublicURL %q is not an absolute http or https address", s)
	}
	return nil
}

// loopback reports whether only this machine can reach the address.
func loopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return host == "localhost" || (ip != nil && ip.IsLoopback())
}
