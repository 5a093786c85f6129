package agent_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/carrelhq/carrel/agent"
	"github.com/carrelhq/carrel/storage/storagetest"
)

// model is the register as a few maps.
type model map[string]map[string]*modelAgent // by tenant, by name

type modelAgent struct {
	visibility agent.Visibility
	current    string
	modules    []string // in the order of their versions
}

func digest(module string) string {
	sum := sha256.Sum256([]byte(module))
	return hex.EncodeToString(sum[:])
}

func (m model) push(tenant, name, module string, v agent.Visibility) error {
	if m[tenant] == nil {
		m[tenant] = map[string]*modelAgent{}
	}
	a := m[tenant][name]
	if a == nil {
		a = &modelAgent{visibility: agent.CardOnly}
		m[tenant][name] = a
	}
	if v != "" {
		a.visibility = v
	}
	if !slices.Contains(a.modules, module) {
		a.modules = append(a.modules, module)
	}
	a.current = module
	return nil
}

func (m model) rollback(tenant, name, module string) error {
	a := m[tenant][name]
	if a == nil || !slices.Contains(a.modules, module) {
		return agent.ErrNotFound
	}
	a.current = module
	return nil
}

func (m model) setVisibility(tenant, name string, v agent.Visibility) error {
	a := m[tenant][name]
	if a == nil {
		return agent.ErrNotFound
	}
	a.visibility = v
	return nil
}

func (m model) delete(tenant, name string) error {
	if m[tenant][name] == nil {
		return agent.ErrNotFound
	}
	delete(m[tenant], name)
	return nil
}

// text is everything the register can be asked, as lines.
func (m model) text(tenants, modules []string) string {
	var b strings.Builder
	total, sole := 0, ""
	held := map[string]bool{}
	for _, tenant := range tenants {
		for _, name := range slices.Sorted(maps.Keys(m[tenant])) {
			a := m[tenant][name]
			total, sole = total+1, tenant+"/"+name
			number := slices.Index(a.modules, a.current) + 1
			fmt.Fprintf(&b, "%s/%s %s current %d %s of", tenant, name, a.visibility, number, a.current)
			for _, module := range slices.Backward(a.modules) {
				held[module] = true
				fmt.Fprintf(&b, " %s", module)
			}
			b.WriteString("\n")
		}
	}
	for _, module := range modules {
		fmt.Fprintf(&b, "bytes of %s: %t\n", module, held[module])
	}
	if total == 1 {
		fmt.Fprintf(&b, "sole %s\n", sole)
	}
	return b.String()
}

// text is [model.text] of the register.
func text(t *testing.T, r *agent.Registry, tenants, modules []string) string {
	t.Helper()
	var b strings.Builder
	for _, tenant := range tenants {
		list, err := r.List(t.Context(), tenant, "", 100)
		if err != nil {
			t.Fatal(err)
		}
		for _, listed := range list {
			a, err := r.Get(t.Context(), tenant, listed.Name)
			if err != nil || cmp.Diff(listed, a) != "" {
				t.Fatalf("get of what is listed: %v\n%s", err, cmp.Diff(listed, a))
			}
			current := a.Current
			fmt.Fprintf(&b, "%s/%s %s current %d %s of", a.Tenant, a.Name, a.Visibility, current.Number, current.Description.Description)
			versions, err := r.Versions(t.Context(), tenant, a.Name)
			if err != nil {
				t.Fatal(err)
			}
			for _, v := range versions {
				fmt.Fprintf(&b, " %s", v.Description.Description)
			}
			b.WriteString("\n")
		}
	}
	for _, module := range modules {
		data, err := r.Module(t.Context(), digest(module))
		if err != nil && !errors.Is(err, agent.ErrNotFound) {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "bytes of %s: %t\n", module, string(data) == module)
	}
	if sole, err := r.Sole(t.Context()); err == nil {
		fmt.Fprintf(&b, "sole %s/%s\n", sole.Tenant, sole.Name)
	}
	return b.String()
}

// TestTheRegisterBehavesAsItsModel does the same at random to both and compares
// all that can be asked after each step.
func TestTheRegisterBehavesAsItsModel(t *testing.T) {
	t.Parallel()
	tenants, names, modules := []string{"t1", "t10"}, []string{"a", "b"}, []string{"one", "two", "three"}
	visibilities := []agent.Visibility{"", agent.Public, agent.CardOnly, agent.Private}
	for seed := range uint64(10) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(seed, 0))
			r, m := newRegistry(t, storagetest.Memory(), agent.Options{}), model{}
			for step := range 150 {
				tenant, name := tenants[random.IntN(2)], names[random.IntN(2)]
				module, v := modules[random.IntN(3)], visibilities[random.IntN(4)]
				var did string
				var want, got error
				switch random.IntN(6) {
				case 0, 1:
					did = "push " + module
					want = m.push(tenant, name, module, v)
					_, got = r.Push(t.Context(), tenant, name, strings.NewReader(module), agent.PushOptions{Visibility: v})
				case 2:
					did = "rollback to " + module
					want = m.rollback(tenant, name, module)
					_, got = r.Rollback(t.Context(), tenant, name, digest(module)[:6+random.IntN(59)])
				case 3:
					did = "make private"
					want = m.setVisibility(tenant, name, agent.Private)
					_, got = r.SetVisibility(t.Context(), tenant, name, agent.Private)
				default:
					did = "delete"
					want = m.delete(tenant, name)
					got = errors.Join(r.Delete(t.Context(), tenant, name), r.Cleared(t.Context(), tenant, name))
				}
				if !errors.Is(got, want) {
					t.Fatalf("step %d: %s/%s: %s: got %v, want %v", step, tenant, name, did, got, want)
				}
				if diff := cmp.Diff(m.text(tenants, modules), text(t, r, tenants, modules)); diff != "" {
					t.Fatalf("step %d: %s/%s: %s: (-model +register)\n%s", step, tenant, name, did, diff)
				}
			}
		})
	}
}
