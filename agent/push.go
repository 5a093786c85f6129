package agent

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/carrelhq/carrel/abi"
	"github.com/carrelhq/carrel/tenant"
)

// PushOptions are what an upload may say beside the module.
type PushOptions struct {
	// Visibility changes the agent's visibility; empty keeps it, or CardOnly for a new agent.
	Visibility Visibility
	// Digest, when not empty, is what the uploader expects the SHA-256 to be; another one is refused.
	Digest string
}

func (o PushOptions) check(tenantName, name string) error {
	if !tenant.ValidName(tenantName) || !tenant.ValidName(name) {
		return fmt.Errorf("%w: %w", ErrInvalid, tenant.ErrInvalidName)
	}
	if o.Visibility == "" {
		return nil
	}
	return o.Visibility.check()
}

// Push stores a module as the agent's current version, creating the agent when
// it is new. Pushing bytes that are a version already makes that version
// current again. It reads module to its end or to the limit.
func (r *Registry) Push(ctx context.Context, tenantName, name string, module io.Reader, opts PushOptions) (Agent, error) {
	if err := opts.check(tenantName, name); err != nil {
		return Agent{}, err
	}
	if r.inspector == nil {
		return Agent{}, fmt.Errorf("%w: this server runs its own worker and takes no modules", ErrInvalid)
	}
	data, err := readModule(module, r.opts.MaxModule)
	if err != nil {
		return Agent{}, err
	}
	if digest := digestOf(data); opts.Digest != "" && opts.Digest != digest {
		return Agent{}, fmt.Errorf("%w: the module's SHA-256 is %s, not %s as announced", ErrInvalid, digest, opts.Digest)
	}
	version, err := r.inspect(ctx, tenantName, data)
	if err != nil {
		return Agent{}, err
	}
	return r.store(ctx, place{tenantName, name}, version, data, opts)
}

// readModule reads up to max bytes.
func readModule(module io.Reader, max int64) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(module, max+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > max {
		return nil, fmt.Errorf("%w: more than %d bytes", ErrTooLarge, max)
	}
	return data, nil
}

// digestLength is the length of a digest in hex digits.
const digestLength = 2 * sha256.Size

func digestOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// inspect makes a version of a module, or returns why it is refused. It runs for
// bytes that are stored already as well: an upload must not tell by its time
// whether another tenant has the same module.
func (r *Registry) inspect(ctx context.Context, tenantName string, data []byte) (Version, error) {
	in, err := r.inspector.Inspect(ctx, tenantName, data)
	if refusal := (*abi.Refusal)(nil); errors.As(err, &refusal) {
		kind := ErrInvalid
		if refusal.Rule == abi.RuleBusy {
			kind = ErrBusy
		}
		return Version{}, fmt.Errorf("%w: %w", kind, err)
	}
	if err != nil {
		return Version{}, err
	}
	v := Version{
		Digest:      digestOf(data),
		Size:        int64(len(data)),
		Description: in.Description,
		Wants:       append([]string{}, in.Wants...), // never null in JSON
		Grants:      append([]string{}, r.opts.Grants...),
		Created:     time.Now().UTC(),
	}
	v.NeedsGrants = missingGrants(v)
	return v, nil
}

// missingGrants lists what the version wants and may not call.
func missingGrants(v Version) (missing []string) {
	for _, name := range v.Wants {
		f, _ := abi.Lookup(name)
		if !f.Always && !slices.Contains(v.Grants, name) {
			missing = append(missing, name)
		}
	}
	return missing
}

// Declare makes or updates a native agent: one without a module, whose tasks the
// embedder's worker runs. A description with a word that is none is ErrInvalid.
func (r *Registry) Declare(ctx context.Context, tenantName, name string, desc abi.Description, opts PushOptions) (Agent, error) {
	if err := opts.check(tenantName, name); err != nil {
		return Agent{}, err
	}
	if err := desc.CheckWords(); err != nil {
		return Agent{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	text, err := json.Marshal(desc)
	if err != nil {
		return Agent{}, err
	}
	v := Version{
		Digest: digestOf(text), Native: true, Description: desc,
		Wants: []string{}, Grants: []string{}, Created: time.Now().UTC(),
	}
	return r.store(ctx, place{tenantName, name}, v, nil, opts)
}
