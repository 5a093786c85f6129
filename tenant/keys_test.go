package tenant_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carrelhq/carrel/storage"
	"github.com/carrelhq/carrel/storage/storagetest"
	"github.com/carrelhq/carrel/tenant"
)

func create(t *testing.T, keys *tenant.Keys, spec tenant.KeySpec) (tenant.Key, string) {
	t.Helper()
	key, token, err := keys.Create(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	return key, token
}

func TestAKeyActsForItsTenantOnly(t *testing.T) {
	t.Parallel()
	keys := tenant.NewKeys(storagetest.Memory())
	key, token := create(t, keys, tenant.KeySpec{Tenant: "acme", Name: "ci"})
	p, err := keys.Authenticate(t.Context(), token)
	if err != nil || p != (tenant.Principal{Tenant: "acme", KeyID: key.ID}) {
		t.Fatalf("got %+v, %v", p, err)
	}
	if !p.May("acme") || p.May("acme2") || p.May("") {
		t.Errorf("%+v acts for more or less than acme", p)
	}
}

func TestTokensThatAreNotValid(t *testing.T) {
	t.Parallel()
	keys := tenant.NewKeys(storagetest.Memory())
	_, token := create(t, keys, tenant.KeySpec{Tenant: "acme"})
	last := token[len(token)-1]
	other := byte('a')
	if last == other {
		other = 'b'
	}
	for name, bad := range map[string]string{
		"empty": "", "prefix only": "ck_", "wrong secret": token[:len(token)-1] + string(other),
		"too long": token + "a", "upper case": strings.ToUpper(token), "unknown": "ck_" + strings.Repeat("a", 8) + "_" + strings.Repeat("a", 32),
		"huge": strings.Repeat("x", 1<<20), "no separator": strings.Replace(token[3:], "_", "a", 1),
	} {
		if _, err := keys.Authenticate(t.Context(), bad); !errors.Is(err, tenant.ErrUnauthenticated) {
			t.Errorf("%s: got %v, want ErrUnauthenticated", name, err)
		}
	}
}

func TestARevokedKeyEndsAtOnce(t *testing.T) {
	t.Parallel()
	keys := tenant.NewKeys(storagetest.Memory())
	key, token := create(t, keys, tenant.KeySpec{Tenant: "acme"})
	if err := keys.Revoke(t.Context(), "other", key.ID); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("another tenant's key: got %v, want not found", err)
	}
	if _, err := keys.Authenticate(t.Context(), token); err != nil {
		t.Errorf("after another tenant's attempt: %v", err)
	}
	if err := keys.Revoke(t.Context(), "acme", key.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := keys.Authenticate(t.Context(), token); !errors.Is(err, tenant.ErrUnauthenticated) {
		t.Errorf("got %v, want ErrUnauthenticated", err)
	}
	if err := keys.Revoke(t.Context(), "acme", key.ID); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("a second time: got %v, want not found", err)
	}
}

func TestAKeyExpires(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		keys := tenant.NewKeys(storagetest.Memory())
		_, token := create(t, keys, tenant.KeySpec{Tenant: "acme", TTL: time.Hour})
		time.Sleep(time.Hour - 1)
		if _, err := keys.Authenticate(t.Context(), token); err != nil {
			t.Errorf("before its end: %v", err)
		}
		time.Sleep(time.Nanosecond)
		if _, err := keys.Authenticate(t.Context(), token); !errors.Is(err, tenant.ErrUnauthenticated) {
			t.Errorf("at its end: got %v", err)
		}
	})
}

func TestListShowsATenantItsOwnKeysOldestFirst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		keys := tenant.NewKeys(storagetest.Memory())
		var want []string
		for range 3 {
			key, _ := create(t, keys, tenant.KeySpec{Tenant: "t1"})
			want = append(want, key.ID)
			create(t, keys, tenant.KeySpec{Tenant: "t10"})
			time.Sleep(time.Second)
		}
		list, err := keys.List(t.Context(), "t1")
		var got []string
		for _, k := range list {
			got = append(got, k.ID)
		}
		if err != nil || strings.Join(got, " ") != strings.Join(want, " ") {
			t.Errorf("got %v, %v, want %v", got, err, want)
		}
	})
}

func TestTheOperatorKeyIsMadeOnce(t *testing.T) {
	t.Parallel()
	keys := tenant.NewKeys(storagetest.Memory())
	var (
		mu     sync.Mutex
		tokens []string
		wg     sync.WaitGroup
	)
	for range 8 {
		wg.Go(func() {
			token, err := keys.EnsureOperator(t.Context(), nil)
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			if token != "" {
				tokens = append(tokens, token)
			}
		})
	}
	wg.Wait()
	if len(tokens) != 1 {
		t.Fatalf("%d operator keys were made, want 1", len(tokens))
	}
	p, err := keys.Authenticate(t.Context(), tokens[0])
	if err != nil || !p.Operator || !p.May("anyone") {
		t.Errorf("got %+v, %v", p, err)
	}
}

func TestAnOperatorKeyIsKeptBeforeItOpensAnything(t *testing.T) {
	t.Parallel()
	keys := tenant.NewKeys(storagetest.Memory())
	full := errors.New("disk full")
	if token, err := keys.EnsureOperator(t.Context(), func(string) error { return full }); token != "" || !errors.Is(err, full) {
		t.Errorf("when it cannot be kept: got a token %t, %v", token != "", err)
	}
	var kept string
	token, err := keys.EnsureOperator(t.Context(), func(token string) error {
		kept = token
		if _, err := keys.Authenticate(t.Context(), token); !errors.Is(err, tenant.ErrUnauthenticated) {
			t.Errorf("before it is kept: got %v", err)
		}
		return nil
	})
	if err != nil || token == "" || token != kept {
		t.Errorf("got a token %t, kept the same %t, %v", token != "", token == kept, err)
	}
	if p, err := keys.Authenticate(t.Context(), token); err != nil || !p.Operator {
		t.Errorf("afterwards: got %+v, %v", p, err)
	}
	again, err := keys.EnsureOperator(t.Context(), func(string) error {
		t.Error("a key that is not made is kept")
		return nil
	})
	if again != "" || err != nil {
		t.Errorf("a second time: got a token %t, %v", again != "", err)
	}
}

func TestAnExpiredOperatorKeyIsReplacedOnStart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		keys := tenant.NewKeys(storagetest.Memory())
		create(t, keys, tenant.KeySpec{Operator: true, TTL: time.Hour})
		if token, err := keys.EnsureOperator(t.Context(), nil); token != "" || err != nil {
			t.Errorf("while it is valid: got a token %t, %v", token != "", err)
		}
		time.Sleep(time.Hour)
		if token, err := keys.EnsureOperator(t.Context(), nil); token == "" || err != nil {
			t.Errorf("when it has expired: got a token %t, %v", token != "", err)
		}
	})
}

func TestATenantHasABoundedNumberOfKeysThatAreValid(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		keys := tenant.NewKeys(storagetest.Memory())
		for range tenant.MaxKeys {
			create(t, keys, tenant.KeySpec{Tenant: "acme", TTL: time.Hour})
		}
		if _, _, err := keys.Create(t.Context(), tenant.KeySpec{Tenant: "acme"}); !errors.Is(err, tenant.ErrTooManyKeys) {
			t.Errorf("one more: got %v, want ErrTooManyKeys", err)
		}
		create(t, keys, tenant.KeySpec{Tenant: "other"})
		time.Sleep(time.Hour)
		key, _ := create(t, keys, tenant.KeySpec{Tenant: "acme"})
		list, err := keys.List(t.Context(), "acme")
		if err != nil || len(list) != 1 || list[0].ID != key.ID {
			t.Errorf("after the others expired: got %d keys, %v, want the new one", len(list), err)
		}
	})
}

// TestNoTokenIsTakenAfterItsRevocation authenticates from many sides while the
// keys are revoked; a token that is taken by a call begun after Revoke returned is a fault.
func TestNoTokenIsTakenAfterItsRevocation(t *testing.T) {
	t.Parallel()
	keys := tenant.NewKeys(storagetest.Memory())
	var wg sync.WaitGroup
	for range 8 {
		key, token := create(t, keys, tenant.KeySpec{Tenant: "acme"})
		revoked := make(chan struct{})
		wg.Go(func() {
			defer close(revoked)
			if err := keys.Revoke(t.Context(), "acme", key.ID); err != nil {
				t.Error(err)
			}
		})
		for range 4 {
			wg.Go(func() {
				for over := false; !over; {
					select {
					case <-revoked:
						over = true
					default:
					}
					_, err := keys.Authenticate(t.Context(), token)
					if over && !errors.Is(err, tenant.ErrUnauthenticated) {
						t.Errorf("after the revocation: got %v", err)
					}
				}
			})
		}
	}
	wg.Wait()
}

func TestAnIDThatCannotBeIsNotFound(t *testing.T) {
	t.Parallel()
	keys := tenant.NewKeys(storagetest.Memory())
	for _, id := range []string{"", "short", strings.Repeat("a", 1<<20)} {
		if err := keys.Revoke(t.Context(), "acme", id); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("an id of %d bytes: got %v, want not found", len(id), err)
		}
	}
}

func TestSpecsThatAreRefused(t *testing.T) {
	t.Parallel()
	keys := tenant.NewKeys(storagetest.Memory())
	for name, spec := range map[string]tenant.KeySpec{
		"no tenant": {}, "a bad name": {Tenant: "../"}, "an operator with a tenant": {Operator: true, Tenant: "acme"},
		"a negative life": {Tenant: "acme", TTL: -1}, "a long name": {Tenant: "acme", Name: strings.Repeat("n", 201)},
	} {
		if _, _, err := keys.Create(t.Context(), spec); err == nil {
			t.Errorf("%s: got no error", name)
		}
	}
}

func FuzzAuthenticate(f *testing.F) {
	keys := tenant.NewKeys(storagetest.Memory())
	_, token, err := keys.Create(f.Context(), tenant.KeySpec{Tenant: "acme"})
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{"", "ck_", token[:len(token)-1], "ck__", "\x00"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if _, err := keys.Authenticate(t.Context(), s); s != token && !errors.Is(err, tenant.ErrUnauthenticated) {
			t.Errorf("%q: got %v", s, err)
		}
	})
}
