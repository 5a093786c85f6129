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
	"time"

	"github.com/carrelhq/carrel/abi"
)

// Errors that callers act on.
var (
	// ErrNotFound is returned for an agent or version that the tenant does not have.
	ErrNotFound = errors.New("agent: not found")
	// ErrInvalid is wrapped around an upload that was refused; the cause is an *abi.Refusal where there is one.
	ErrInvalid = errors.New("agent: invalid")
	// ErrBusy is wrapped around an upload that was not looked at because the server
	// has too much to do; the cause is an *abi.Refusal.
	ErrBusy = errors.New("agent: too many uploads")
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

// Agent is one agent of a tenant. What a Registry returns is shared by its
// callers: the slices in it must not be changed.
type Agent struct {
	Tenant     string     `json:"tenant"`
	Name       string     `json:"name"`
	Visibility Visibility `json:"visibility"`
	// Protocols are the versions of A2A that the agent speaks, the newest first:
	// 1.0 and, unless that was switched off, 0.3.
	Protocols []string `json:"protocolVersions"`
	// Current is the version that new tasks use.
	Current Version `json:"current"`
	// Overrides are what its owner says on its card; nil is nothing.
	Overrides *Overrides `json:"overrides,omitempty"`
	Created   time.Time  `json:"created"`
	Updated   time.Time  `json:"updated"`
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

// RepliesWithMessages tells whether the version may answer with a bare message.
func (v Version) RepliesWithMessages() bool { return v.Description.Replies == abi.RepliesMessage }

// Inspector tells what a module is, or returns an *abi.Refusal. tenant is who
// uploads it.
type Inspector interface {
	Inspect(ctx context.Context, tenant string, module []byte) (abi.Inspection, error)
}

// Options configure a Registry. The zero value works.
type Options struct {
	// MaxModule is the largest module accepted, in bytes; 0 is 64 MiB.
	MaxModule int64
	// Grants are given to every new version, as --dev does.
	Grants []string
}
