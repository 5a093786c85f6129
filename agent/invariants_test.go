package agent

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carrelhq/carrel/abi"
	"github.com/carrelhq/carrel/storage"
	"github.com/carrelhq/carrel/storage/storagetest"
	"github.com/carrelhq/carrel/tenant"
)

type anything struct{}

func (anything) Inspect(context.Context, string, []byte) (abi.Inspection, error) {
	return abi.Inspection{}, nil
}

func registry(t *testing.T, db storage.DB) *Registry {
	t.Helper()
	r, err := NewRegistry(db, anything{}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// sound reports the first thing in the store that no committed state may show: a
// version without bytes or reference, a reference without version, bytes that
// nothing refers to, an agent that has no place.
func sound(root storage.Tx) error {
	refs := map[string]bool{}
	for item, err := range root.Scan(storage.NewKey("module-ref"), nil) {
		if err != nil {
			return err
		}
		key := storage.ReadKey(item.Key)
		key.Str()
		digest, owner, name := key.Str(), key.Str(), key.Str()
		refs[digest] = true
		if _, err := root.Get(placeKey(owner, name)); err != nil {
			return fmt.Errorf("place of %s/%s: %w", owner, name, err)
		}
		if _, err := tenant.ScopeTx(root, owner).Get(versionKey(name, digest)); err != nil {
			return fmt.Errorf("version that the reference %s/%s/%s names: %w", owner, name, digest, err)
		}
		if _, err := storage.StatBlob(root, moduleKey(digest)); err != nil {
			return fmt.Errorf("bytes of %s: %w", digest, err)
		}
	}
	for item, err := range root.Scan(storage.NewKey("module"), nil) {
		if err != nil {
			return err
		}
		key := storage.ReadKey(item.Key)
		key.Str()
		if digest := key.Str(); !refs[digest] {
			return fmt.Errorf("nothing refers to %s", digest)
		}
	}
	return versionsSound(root)
}

func versionsSound(root storage.Tx) error {
	for item, err := range root.Scan(placesKey, nil) {
		if err != nil {
			return err
		}
		p, err := readPlace(item.Key)
		if err != nil {
			return err
		}
		list, err := digests(tenant.ScopeTx(root, p.tenant), p.name)
		if err != nil || len(list) == 0 {
			return fmt.Errorf("%v has no versions: %w", p, err)
		}
		for _, digest := range list {
			if _, err := root.Get(refKey(digest, p.tenant, p.name)); err != nil {
				return fmt.Errorf("reference of %v to %s: %w", p, digest, err)
			}
		}
		a, err := new(records).agent(tenant.ScopeTx(root, p.tenant), p)
		if err != nil {
			return err
		}
		if _, err := root.Get(listedKey(p)); (err == nil) == (a.Visibility == Private) {
			return fmt.Errorf("%v is %s; its listing: %v", p, a.Visibility, err)
		}
	}
	for item, err := range root.Scan(listedKeys, nil) {
		if err != nil {
			return err
		}
		p, err := readPlace(item.Key)
		if err != nil {
			return err
		}
		if _, err := root.Get(placeKey(p.tenant, p.name)); err != nil {
			return fmt.Errorf("%v is listed: %w", p, err)
		}
	}
	return nil
}

// TestEveryStateIsSound pushes, rolls back and deletes the same few modules from
// many sides while others look at the whole store and read the modules of the
// versions they see.
func TestEveryStateIsSound(t *testing.T) {
	t.Parallel()
	db := storagetest.Memory()
	r := registry(t, db)
	var writers, readers sync.WaitGroup
	done := make(chan struct{})
	for i := range 8 {
		writers.Go(func() { change(t, r, rand.New(rand.NewPCG(1, uint64(i))), 100) })
	}
	for range 2 {
		readers.Go(func() {
			for over := false; !over; {
				select {
				case <-done:
					over = true
				default:
				}
				if err := db.View(t.Context(), sound); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	writers.Wait()
	close(done)
	readers.Wait()
}

func change(t *testing.T, r *Registry, random *rand.Rand, times int) {
	for range times {
		owner, name := fmt.Sprintf("t%d", random.IntN(2)), fmt.Sprintf("a%d", random.IntN(2))
		module := strings.Repeat("x", 1+random.IntN(3))
		var err error
		switch random.IntN(5) {
		case 4:
			_, err = r.SetVisibility(t.Context(), owner, name, []Visibility{Public, Private}[random.IntN(2)])
		case 0:
			err = errors.Join(r.Delete(t.Context(), owner, name), r.Cleared(t.Context(), owner, name))
		case 1:
			_, err = r.Rollback(t.Context(), owner, name, digestOf([]byte(module)))
		default:
			_, err = r.Push(t.Context(), owner, name, strings.NewReader(module), PushOptions{})
		}
		if err != nil && !errors.Is(err, ErrNotFound) && !errors.Is(err, ErrNotCleared) {
			t.Error(err)
		}
	}
}

func TestAnOpenModuleCanBeReadToItsEndWhenItsVersionIsGone(t *testing.T) {
	t.Parallel()
	db := storagetest.Memory()
	r := registry(t, db)
	a, err := r.Push(t.Context(), "acme", "bot", strings.NewReader(strings.Repeat("x", 1<<20)), PushOptions{})
	if err != nil {
		t.Fatal(err)
	}
	blob, err := storage.OpenBlob(t.Context(), db, moduleKey(a.Current.Digest))
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Delete(t.Context(), "acme", "bot"); err != nil {
		t.Fatal(err)
	}
	if data, err := readModule(blob, 2<<20); err != nil || len(data) != 1<<20 {
		t.Errorf("got %d bytes, %v", len(data), err)
	}
}

func TestBytesThatNobodyHasAreClearedAwayAfterAnHour(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db := storagetest.Memory()
		r := registry(t, db)
		for _, name := range []string{"one", "two"} {
			if _, err := r.Push(t.Context(), "acme", name, strings.NewReader(name), PushOptions{}); err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(r.Delete(t.Context(), "acme", name), r.Cleared(t.Context(), "acme", name)); err != nil {
				t.Fatal(err)
			}
		}
		// An upload that a crash cut off before its version was written.
		if _, err := r.stage(t.Context(), Version{Digest: digestOf(nil)}, []byte("three")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(looseFor)
		r.sweep(t.Context())
		if n := Count(t, db); n == 0 {
			t.Error("what is an hour old to the moment may be an upload that just makes it")
		}
		time.Sleep(time.Nanosecond)
		r.sweep(t.Context())
		if n := Count(t, db); n != 0 {
			t.Errorf("%d records are left", n)
		}
	})
}

// crashing is a store whose process dies after so many updates.
type crashing struct {
	storage.DB
	left int
}

var errCrashed = errors.New("crashed")

func (c *crashing) Update(ctx context.Context, fn func(storage.Tx) error) error {
	if c.left--; c.left < 0 {
		return errCrashed
	}
	return c.DB.Update(ctx, fn)
}

func (c *crashing) UpdateLater(ctx context.Context, fn func(storage.Tx) error) (func() error, error) {
	return func() error { return nil }, c.Update(ctx, fn)
}

func TestAnUploadThatACrashCutsOffLeavesNothingForLong(t *testing.T) {
	t.Parallel()
	whole := false
	for updates := 0; !whole; updates++ {
		synctest.Test(t, func(t *testing.T) {
			db := storagetest.Memory()
			_, err := registry(t, &crashing{db, updates}).Push(t.Context(), "acme", "bot", strings.NewReader("one"), PushOptions{})
			if whole = err == nil; whole {
				return
			}
			if !errors.Is(err, errCrashed) {
				t.Errorf("got %v", err)
			}
			time.Sleep(looseFor + 1)
			registry(t, db).sweep(t.Context())
			if n := Count(t, db); n != 0 {
				t.Errorf("after %d updates: %d records are left", updates, n)
			}
		})
		if updates > 20 {
			t.Fatal("an upload does not take as many updates as this")
		}
	}
}

func TestAModuleThatIsNotWhatItsDigestSaysIsDamaged(t *testing.T) {
	t.Parallel()
	db := storagetest.Memory()
	r := registry(t, db)
	digest := digestOf([]byte("one"))
	if _, err := storage.PutBlob(t.Context(), db, moduleKey(digest), strings.NewReader("two"), 10); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Module(t.Context(), digest); !errors.Is(err, storage.ErrDamaged) {
		t.Errorf("got %v, want ErrDamaged", err)
	}
}

func TestAnUploadThatFailsAtItsEndLeavesNothing(t *testing.T) {
	t.Parallel()
	db := storagetest.Memory()
	r := registry(t, db)
	for i := range MaxVersions {
		if _, err := r.Push(t.Context(), "acme", "bot", strings.NewReader(fmt.Sprint(i)), PushOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	before := Count(t, db)
	if _, err := r.Push(t.Context(), "acme", "bot", strings.NewReader("one more"), PushOptions{}); !errors.Is(err, ErrInvalid) {
		t.Errorf("one version too many: got %v, want ErrInvalid", err)
	}
	if _, err := r.Push(t.Context(), "acme", "bot", strings.NewReader("7"), PushOptions{}); err != nil {
		t.Errorf("a version that is there already: %v", err)
	}
	if after := Count(t, db); after != before {
		t.Errorf("got %d records, want %d as before", after, before)
	}
	if err := r.Delete(t.Context(), "acme", "bot"); err != nil {
		t.Errorf("an agent with all the versions it may have: %v", err)
	}
	if err := db.View(t.Context(), sound); err != nil {
		t.Error(err)
	}
}
