// Package agent is the register of agents: their modules, immutable versions,
// grants and cards.
//
// A version is named by the SHA-256 of the uploaded file and never changes; an
// agent points at its current version. Tasks keep the version they began with.
// The package owns one global space, module bytes by digest, shared by all
// tenants and never shown to one who did not upload them. What a module is, it
// asks an [Inspector]; it knows no engine.
package agent

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/carrelhq/carrel/abi"
	"github.com/carrelhq/carrel/storage"
)

// Errors that callers act on.
var (
	// ErrNotFound is returned for an agent or version that the tenant does not have.
	ErrNotFound = errors.New("agent: not found")
	// ErrInvalid is wrapped around an upload that was refused; the cause is an *abi.Refusal where there is one.
	ErrInvalid = errors.New("agent: invalid")
	// ErrTooLarge is returned for a module above Options.MaxModule.
	ErrTooLarge = errors.New("agent: module too large")
)

// Visibility says who may see and call an agent.
type Visibility string

// The visibilities.
const (
	// Public: anyone may call the agent.
	Public Visibility = "public"
	// CardOnly: anyone may read the card, calls need a key of the tenant. The default.
	CardOnly Visibility = "card"
	// Private: without a key of the tenant the agent is not there.
	Private Visibility = "private"
)

// Agent is one agent of a tenant.
type Agent struct {
	Tenant     string     `json:"tenant"`
	Name       string     `json:"name"`
	Visibility Visibility `json:"visibility"`
	// Current is the version that new tasks use.
	Current Version   `json:"current"`
	Created time.Time `json:"created"`
	Updated time.Time `json:"updated"`
}

// Version is one immutable version of an agent.
type Version struct {
	// Digest is the SHA-256 of the module, or of the description for a native
	// agent: 64 lower-case hex digits.
	Digest string `json:"digest"`
	// Number counts the agent's versions from 1, in the order of their first upload.
	Number int `json:"number"`
	// Native is true for an agent without a module, served by the embedder's own worker.
	Native bool `json:"native,omitempty"`
	// Size is the module's size in bytes.
	Size int64 `json:"size"`
	// Description is the author's part of the card.
	Description abi.Description `json:"description"`
	// Wants are the host functions the module imports; Grants those it may call
	// beyond the ones always granted. NeedsGrants lists what is wanted and not granted.
	Wants       []string  `json:"wants"`
	Grants      []string  `json:"grants"`
	NeedsGrants []string  `json:"needsGrants,omitempty"`
	Created     time.Time `json:"created"`
}

// Inspector tells what a module is, or returns an *abi.Refusal.
type Inspector interface {
	Inspect(ctx context.Context, module []byte) (abi.Inspection, error)
}

// Options configure a Registry. The zero value works.
type Options struct {
	// MaxModule is the largest module accepted, in bytes; 0 is 64 MiB.
	MaxModule int64
	// Grants are given to every new version, as --dev does.
	Grants []string
}

// Registry is the register of agents. It is safe for concurrent use.
type Registry struct {
	root      storage.DB
	inspector Inspector
	opts      Options
}

// NewRegistry returns the register kept in root. inspector may be nil when only
// native agents are declared; uploads are refused then.
func NewRegistry(root storage.DB, inspector Inspector, opts Options) (*Registry, error) {
	panic("not built")
}

// PushOptions are what an upload may say beside the module.
type PushOptions struct {
	// Visibility changes the agent's visibility; empty keeps it, or CardOnly for a new agent.
	Visibility Visibility
	// Digest, when not empty, is what the uploader expects the SHA-256 to be; another one is refused.
	Digest string
}

// Push stores a module as the agent's current version, creating the agent when
// it is new. Pushing bytes that are a version already makes that version
// current again. It reads module to its end or to the limit.
func (r *Registry) Push(ctx context.Context, tenant, name string, module io.Reader, opts PushOptions) (Agent, error) {
	panic("not built")
}

// Declare makes or updates a native agent: one without a module, whose tasks the
// embedder's worker runs.
func (r *Registry) Declare(ctx context.Context, tenant, name string, desc abi.Description, opts PushOptions) (Agent, error) {
	panic("not built")
}

// Get returns an agent with its current version.
func (r *Registry) Get(ctx context.Context, tenant, name string) (Agent, error) { panic("not built") }

// Version returns a version of an agent by digest, current or not.
func (r *Registry) Version(ctx context.Context, tenant, name, digest string) (Version, error) {
	panic("not built")
}

// List returns up to limit agents of the tenant by name, after the given name.
func (r *Registry) List(ctx context.Context, tenant, after string, limit int) ([]Agent, error) {
	panic("not built")
}

// Versions returns all versions of an agent, newest first.
func (r *Registry) Versions(ctx context.Context, tenant, name string) ([]Version, error) {
	panic("not built")
}

// Rollback makes an older version current; digest may be any unambiguous prefix of at least 6 digits.
func (r *Registry) Rollback(ctx context.Context, tenant, name, digest string) (Agent, error) {
	panic("not built")
}

// SetVisibility changes who may see and call an agent.
func (r *Registry) SetVisibility(ctx context.Context, tenant, name string, v Visibility) (Agent, error) {
	panic("not built")
}

// Delete removes an agent and its versions. Module bytes go when no version of
// any tenant refers to them any more. Tasks that run keep their loaded module;
// a task that finds its version gone fails.
func (r *Registry) Delete(ctx context.Context, tenant, name string) error { panic("not built") }

// Module returns the bytes of a module by digest, checked against it.
func (r *Registry) Module(ctx context.Context, digest string) ([]byte, error) { panic("not built") }

// Sole returns the one agent of the whole server when there is exactly one; ErrNotFound otherwise.
func (r *Registry) Sole(ctx context.Context) (Agent, error) { panic("not built") }
