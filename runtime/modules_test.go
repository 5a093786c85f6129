package runtime

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carrelhq/carrel/abi"
)

// twoSmall is room for two small modules, of which a tenant may use one at a time.
const twoSmall = 2*moduleBase + 32*moduleFactor*64

func TestTheModulesUsedLongestAgoMakeRoom(t *testing.T) {
	t.Parallel()
	e := newEngine(t, Options{ModuleBytes: twoSmall})
	asked := map[string]int{}
	for _, name := range []string{"a", "b", "a", "c", "a", "b"} {
		m, err := e.Load(t.Context(), "tenant", name, func(context.Context) ([]byte, error) {
			asked[name]++
			return newReplier(name).bytes(), nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := runGuest(t.Context(), t, m, "{}", &fakeTasks{}); got != name || err != nil {
			t.Errorf("got %q, %v, want %q", got, err, name)
		}
		m.Release()
	}
	if got := e.ready(); !slices.Equal(got, []string{"b", "a"}) || fmt.Sprint(asked) != "map[a:1 b:2 c:1]" {
		t.Errorf("ready are %q, asked for were %v", got, asked)
	}
}

func TestAModuleInUseIsWaitedFor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(t, Options{ModuleBytes: twoSmall, InspectTimeout: time.Minute})
		held := map[string]*Module{}
		for _, tenant := range []string{"a", "b"} {
			m, err := e.Load(t.Context(), tenant, tenant, sourceOf(newReplier(tenant).bytes()))
			if err != nil {
				t.Fatal(err)
			}
			held[tenant] = m
		}
		time.AfterFunc(time.Second, func() { held["a"].Release() })
		begin := time.Now()
		m, err := e.Load(t.Context(), "c", "c", sourceOf(newReplier("c").bytes()))
		if err != nil || time.Since(begin) != time.Second {
			t.Fatalf("got %v after %s", err, time.Since(begin))
		}
		var refusal *abi.Refusal
		if _, err := e.Inspect(t.Context(), "d", newReplier("d").bytes()); !errors.As(err, &refusal) || refusal.Rule != abi.RuleBusy {
			t.Errorf("while all are in use an upload got %v", err)
		}
		m.Release()
		held["b"].Release()
	})
}

func TestWhoJoinsALoadTakesItsOwnTurn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(t, Options{ModuleBytes: twoSmall, InspectTimeout: time.Minute})
		one, err := e.Load(t.Context(), "greedy", "one", sourceOf(newReplier("one").bytes()))
		if err != nil {
			t.Fatal(err)
		}
		defer one.Release()
		source := sourceOf(newReplier("two").bytes())
		first := make(chan error, 1)
		go func() { // waits for its own bound
			_, err := e.Load(t.Context(), "greedy", "two", source)
			first <- err
		}()
		synctest.Wait()
		m, err := e.Load(t.Context(), "other", "two", source)
		if err != nil {
			t.Fatalf("the other tenant got %v", err)
		}
		m.Release()
		if err := <-first; err == nil {
			t.Error("the first tenant was served")
		}
	})
}

func TestAModuleThatIsMoreThanAllMayHaveIsRefused(t *testing.T) {
	t.Parallel()
	e := newEngine(t, Options{ModuleBytes: twoSmall})
	g := newReplier("x")
	g.function("ballast", noneToNone, bytes.Repeat(slices.Concat(i64Const(1), drop), twoSmall/moduleFactor))
	var refusal *abi.Refusal
	if _, err := e.Inspect(t.Context(), "tenant", g.bytes()); !errors.As(err, &refusal) || refusal.Rule != "module_memory" || refusal.Advice == "" {
		t.Errorf("got %v", err)
	}
}
