package agent_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/carrelhq/carrel/abi"
	"github.com/carrelhq/carrel/agent"
	"github.com/carrelhq/carrel/storage"
	"github.com/carrelhq/carrel/storage/storagetest"
	"github.com/carrelhq/carrel/tenant"
)

// inspector takes every module but those that begin with "bad", and describes it by its text.
type inspector struct{}

func (inspector) Inspect(_ context.Context, _ string, module []byte) (abi.Inspection, error) {
	if bytes.HasPrefix(module, []byte("bad")) {
		return abi.Inspection{}, &abi.Refusal{Rule: "bad", Problem: "it begins with bad"}
	}
	if bytes.HasPrefix(module, []byte("busy")) {
		return abi.Inspection{}, &abi.Refusal{Rule: abi.RuleBusy, Problem: "too many wait"}
	}
	return abi.Inspection{Wants: []string{"log"}, Description: abi.Description{Description: string(module)}}, nil
}

func newRegistry(t *testing.T, db storage.DB, opts agent.Options) *agent.Registry {
	t.Helper()
	r, err := agent.NewRegistry(db, inspector{}, opts)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func push(t *testing.T, r *agent.Registry, tenant, name, module string) agent.Agent {
	t.Helper()
	a, err := r.Push(t.Context(), tenant, name, strings.NewReader(module), agent.PushOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestAPushMakesAnImmutableCurrentVersion(t *testing.T) {
	t.Parallel()
	r := newRegistry(t, storagetest.Memory(), agent.Options{})
	one := push(t, r, "acme", "bot", "one")
	two := push(t, r, "acme", "bot", "two")
	if one.Current.Number != 1 || two.Current.Number != 2 || one.Visibility != agent.CardOnly {
		t.Fatalf("got %+v, then %+v", one, two)
	}
	got, err := r.Get(t.Context(), "acme", "bot")
	if err != nil || cmp.Diff(two, got) != "" {
		t.Errorf("get: %v\n%s", err, cmp.Diff(two, got))
	}
	old, err := r.Version(t.Context(), "acme", "bot", one.Current.Digest)
	if err != nil || cmp.Diff(one.Current, old) != "" {
		t.Errorf("the older version: %v\n%s", err, cmp.Diff(one.Current, old))
	}
	data, err := r.Module(t.Context(), old.Digest)
	if err != nil || string(data) != "one" {
		t.Errorf("its bytes: got %q, %v", data, err)
	}
}

func TestPushingTheSameBytesAgainMakesThemCurrentAgain(t *testing.T) {
	t.Parallel()
	r := newRegistry(t, storagetest.Memory(), agent.Options{})
	first := push(t, r, "acme", "bot", "one")
	push(t, r, "acme", "bot", "two")
	again := push(t, r, "acme", "bot", "one")
	if cmp.Diff(first.Current, again.Current) != "" {
		t.Errorf("the version changed:\n%s", cmp.Diff(first.Current, again.Current))
	}
	versions, err := r.Versions(t.Context(), "acme", "bot")
	if err != nil || len(versions) != 2 || versions[0].Number != 2 {
		t.Errorf("got %+v, %v, want two versions, the newest first", versions, err)
	}
}

func TestRollbackNamesAVersionByTheBeginningOfItsDigest(t *testing.T) {
	t.Parallel()
	r := newRegistry(t, storagetest.Memory(), agent.Options{})
	one := push(t, r, "acme", "bot", "one")
	push(t, r, "acme", "bot", "two")
	a, err := r.Rollback(t.Context(), "acme", "bot", one.Current.Digest[:8])
	if err != nil || a.Current.Digest != one.Current.Digest {
		t.Errorf("got %+v, %v", a, err)
	}
	for digest, want := range map[string]error{"12345": agent.ErrInvalid, "zzzzzz": agent.ErrNotFound} {
		if _, err := r.Rollback(t.Context(), "acme", "bot", digest); !errors.Is(err, want) {
			t.Errorf("%q: got %v, want %v", digest, err, want)
		}
	}
}

func TestAnAmbiguousBeginningOfADigestIsRefused(t *testing.T) {
	t.Parallel()
	r := newRegistry(t, storagetest.Memory(), agent.Options{})
	// Texts whose SHA-256 both begin with a32077, found by trying.
	push(t, r, "acme", "bot", "module 4122")
	two := push(t, r, "acme", "bot", "module 4960")
	if _, err := r.Rollback(t.Context(), "acme", "bot", two.Current.Digest[:6]); !errors.Is(err, agent.ErrInvalid) {
		t.Errorf("got %v, want ErrInvalid", err)
	}
	if a, err := r.Rollback(t.Context(), "acme", "bot", two.Current.Digest); err != nil || a.Current.Digest != two.Current.Digest {
		t.Errorf("the whole digest: got %+v, %v", a, err)
	}
}

func TestNamesThatCannotBeAreNotFound(t *testing.T) {
	t.Parallel()
	r := newRegistry(t, storagetest.Memory(), agent.Options{})
	push(t, r, "acme", "bot", "one")
	ctx := t.Context()
	for _, bad := range []string{"", "Bot", "../bot", "bot\x00", strings.Repeat("b", 64), strings.Repeat("b", 1<<20)} {
		for call, err := range map[string]error{
			"get":              second(r.Get(ctx, "acme", bad)),
			"get of a tenant":  second(r.Get(ctx, bad, "bot")),
			"version":          second(r.Version(ctx, "acme", "bot", bad)),
			"module":           second(r.Module(ctx, bad)),
			"versions":         second(r.Versions(ctx, "acme", bad)),
			"rollback":         second(r.Rollback(ctx, "acme", bad, "abcdef")),
			"visibility":       second(r.SetVisibility(ctx, "acme", bad, agent.Public)),
			"protocols":        second(r.SetProtocols(ctx, "acme", bad, []string{"1.0"})),
			"delete":           r.Delete(ctx, "acme", bad),
			"delete, a tenant": r.Delete(ctx, bad, "bot"),
		} {
			byName := call != "version" && call != "module"
			if !errors.Is(err, agent.ErrNotFound) || errors.Is(err, tenant.ErrInvalidName) != byName {
				t.Errorf("%s of %.20q: got %.200v, want not found, without a look at the store", call, bad, err)
			}
		}
		if list, err := r.List(ctx, bad, "", 10); err != nil || len(list) != 0 {
			t.Errorf("list of %.20q: got %+v, %v, want nothing", bad, list, err)
		}
		if _, err := r.List(ctx, "acme", bad, 10); bad != "" && !errors.Is(err, agent.ErrInvalid) {
			t.Errorf("list after %.20q: got %v, want invalid", bad, err)
		}
	}
}

func TestPushesThatAreRefusedLeaveNothing(t *testing.T) {
	t.Parallel()
	db := storagetest.Memory()
	r := newRegistry(t, db, agent.Options{MaxModule: 10})
	for name, c := range map[string]struct {
		tenant, agent, module string
		opts                  agent.PushOptions
		want                  error
	}{
		"a refused module":      {"acme", "bot", "bad", agent.PushOptions{}, agent.ErrInvalid},
		"an unlucky module":     {"acme", "bot", "busy", agent.PushOptions{}, agent.ErrBusy},
		"a module too large":    {"acme", "bot", "12345678901", agent.PushOptions{}, agent.ErrTooLarge},
		"a bad agent name":      {"acme", "Bot", "one", agent.PushOptions{}, agent.ErrInvalid},
		"a bad tenant name":     {"../", "bot", "one", agent.PushOptions{}, agent.ErrInvalid},
		"another digest":        {"acme", "bot", "one", agent.PushOptions{Digest: "00"}, agent.ErrInvalid},
		"an unknown visibility": {"acme", "bot", "one", agent.PushOptions{Visibility: "open"}, agent.ErrInvalid},
	} {
		if _, err := r.Push(t.Context(), c.tenant, c.agent, strings.NewReader(c.module), c.opts); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", name, err, c.want)
		}
	}
	if n := agent.Count(t, db); n != 0 {
		t.Errorf("%d records are left", n)
	}
}

func TestARefusalCanBeRead(t *testing.T) {
	t.Parallel()
	r := newRegistry(t, storagetest.Memory(), agent.Options{})
	_, err := r.Push(t.Context(), "acme", "bot", strings.NewReader("bad"), agent.PushOptions{})
	var refusal *abi.Refusal
	if !errors.As(err, &refusal) || refusal.Rule != "bad" {
		t.Errorf("got %v", err)
	}
}

func TestTenantsDoNotSeeEachOthersAgents(t *testing.T) {
	t.Parallel()
	r := newRegistry(t, storagetest.Memory(), agent.Options{})
	a := push(t, r, "t1", "bot", "one")
	ctx := t.Context()
	for name, err := range map[string]error{
		"get":        second(r.Get(ctx, "t10", "bot")),
		"version":    second(r.Version(ctx, "t10", "bot", a.Current.Digest)),
		"versions":   second(r.Versions(ctx, "t10", "bot")),
		"rollback":   second(r.Rollback(ctx, "t10", "bot", a.Current.Digest)),
		"visibility": second(r.SetVisibility(ctx, "t10", "bot", agent.Public)),
		"delete":     r.Delete(ctx, "t10", "bot"),
	} {
		if !errors.Is(err, agent.ErrNotFound) {
			t.Errorf("%s: got %v, want not found", name, err)
		}
	}
	if list, err := r.List(ctx, "t10", "", 10); err != nil || len(list) != 0 {
		t.Errorf("list: got %+v, %v", list, err)
	}
}

func second[T any](_ T, err error) error { return err }

func TestListPages(t *testing.T) {
	t.Parallel()
	r := newRegistry(t, storagetest.Memory(), agent.Options{})
	for _, name := range []string{"c", "a", "b"} {
		push(t, r, "acme", name, name)
	}
	first, err := r.List(t.Context(), "acme", "", 2)
	if err != nil || len(first) != 2 || first[0].Name != "a" || first[1].Name != "b" {
		t.Fatalf("got %+v, %v", first, err)
	}
	rest, err := r.List(t.Context(), "acme", "b", 2)
	if err != nil || len(rest) != 1 || rest[0].Name != "c" {
		t.Errorf("got %+v, %v", rest, err)
	}
}

func TestModuleBytesGoWithTheirLastVersion(t *testing.T) {
	t.Parallel()
	db := storagetest.Memory()
	r := newRegistry(t, db, agent.Options{})
	digest := push(t, r, "acme", "one", "same").Current.Digest
	push(t, r, "other", "two", "same")
	if err := r.Delete(t.Context(), "acme", "one"); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Module(t.Context(), digest); err != nil {
		t.Errorf("one version is left: %v", err)
	}
	if err := r.Delete(t.Context(), "other", "two"); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Module(t.Context(), digest); !errors.Is(err, agent.ErrNotFound) {
		t.Errorf("no version is left: got %v", err)
	}
}

func TestTheSoleAgent(t *testing.T) {
	t.Parallel()
	r := newRegistry(t, storagetest.Memory(), agent.Options{})
	sole := func() string {
		a, err := r.Sole(t.Context())
		if err != nil && !errors.Is(err, agent.ErrNotFound) {
			t.Error(err)
		}
		return a.Name
	}
	if got := sole(); got != "" {
		t.Errorf("no agent: got %q", got)
	}
	push(t, r, "acme", "one", "one")
	if got := sole(); got != "one" {
		t.Errorf("one agent: got %q", got)
	}
	push(t, r, "other", "two", "two")
	if got := sole(); got != "" {
		t.Errorf("two agents: got %q", got)
	}
}

// wants is an inspector of modules that import these functions.
type wants []string

func (w wants) Inspect(context.Context, string, []byte) (abi.Inspection, error) {
	return abi.Inspection{Wants: w}, nil
}

func TestWhatIsWantedAndNotGrantedIsNamed(t *testing.T) {
	t.Parallel()
	r, err := agent.NewRegistry(storagetest.Memory(), wants{"log", "kv_get", "kv_set"}, agent.Options{Grants: []string{"kv_get"}})
	if err != nil {
		t.Fatal(err)
	}
	got := push(t, r, "acme", "bot", "one").Current
	if diff := cmp.Diff([]string{"kv_set"}, got.NeedsGrants); diff != "" {
		t.Errorf("log is always granted, kv_get by the options (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"kv_get"}, got.Grants); diff != "" {
		t.Errorf("grants (-want +got):\n%s", diff)
	}
}

func TestANativeAgentHasNoModule(t *testing.T) {
	t.Parallel()
	r, err := agent.NewRegistry(storagetest.Memory(), nil, agent.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Declare(t.Context(), "acme", "bot", abi.Description{Replies: "messages"}, agent.PushOptions{}); !errors.Is(err, agent.ErrInvalid) || !strings.Contains(err.Error(), `"messages"`) {
		t.Errorf("a word that is none: got %v", err)
	}
	a, err := r.Declare(t.Context(), "acme", "bot", abi.Description{Name: "Bot"}, agent.PushOptions{Visibility: agent.Public})
	if err != nil || !a.Current.Native || a.Visibility != agent.Public {
		t.Fatalf("got %+v, %v", a, err)
	}
	again, err := r.Declare(t.Context(), "acme", "bot", abi.Description{Name: "Bot"}, agent.PushOptions{})
	if err != nil || again.Current.Number != 1 || again.Visibility != agent.Public {
		t.Errorf("the same again: got %+v, %v", again, err)
	}
	if _, err := r.Push(t.Context(), "acme", "bot", strings.NewReader("one"), agent.PushOptions{}); !errors.Is(err, agent.ErrInvalid) {
		t.Errorf("an upload without an inspector: got %v", err)
	}
}
