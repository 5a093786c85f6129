package arch

import (
	"fmt"
	"go/ast"
	"go/token"
	"strconv"
	"strings"
	"testing"
)

// space is a named part of the keys: the package whose records lie there, and
// whether it spans tenants.
type space struct {
	owner  string
	global bool
}

// spaces are all key spaces. Global ones belong to packages that hold the root
// DB; everything else lies in its tenant's scope.
var spaces = map[string]space{
	"tenant":     {"tenant", true}, // the scopes of all tenants
	"key":        {"tenant", true}, // keys by their id
	"tenant-key": {"tenant", true}, // the keys of a tenant

	"module":        {"agent", true}, // bytes by digest
	"module-ref":    {"agent", true}, // who uses them
	"module-loose":  {"agent", true}, // bytes of uploads under way, or that no version has
	"agent-place":   {"agent", true}, // which agents there are
	"agent-deleted": {"agent", true}, // which were deleted and are being cleared away
	"agent-listed":  {"agent", true}, // those that are not private
	"agent":         {"agent", false},
	"version":       {"agent", false},

	"card-keys": {"agent/signing", true}, // the keys that sign cards

	"due":          {"task", true}, // jobs and leases by time
	"push-due":     {"task", true}, // webhooks that are to be sent something, by time
	"gone":         {"task", true}, // deleted tasks to be cleared away
	"once-due":     {"task", true}, // idempotency keys by the end of their time
	"reply-due":    {"task", true}, // direct replies by the end of their time
	"task-hidden":  {"task", false},
	"once":         {"task", false},
	"task":         {"task", false},
	"event":        {"task", false},
	"line":         {"task", false},
	"task-blob":    {"task", false}, // large parts of tasks, by the task and their SHA-256
	"list":         {"task", false},
	"list-open":    {"task", false},
	"list-count":   {"task", false},
	"list-format":  {"task", true}, // says that all tenants have these lists
	"task-list":    {"task", false},
	"context-task": {"task", false},
	"task-count":   {"task", false},
	"turn":         {"task", false},
	"context":      {"task", false},
	"push-config":  {"task", false},
	"push-cursor":  {"task", false},
}

// rootHolders are the packages that may name storage.DB: they hold the root, or
// hand it to those that do.
var rootHolders = map[string]bool{"": true, "agent": true, "agent/signing": true, "task": true, "tenant": true}

// trespasses lists uses of storage by p that the tables above do not have, and
// notes the spaces it opens.
func trespasses(p pkg, opened map[string]bool) (list []string) {
	if p.path() == "storage" || strings.HasPrefix(p.path(), "storage/") {
		return nil
	}
	for _, file := range p.files {
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.SelectorExpr:
				if ofStorage(n, "DB") && !rootHolders[p.path()] {
					list = append(list, fmt.Sprintf("%q must not hold a storage.DB", p.path()))
				}
			case *ast.CallExpr:
				if ofStorage(n.Fun, "NewKey") {
					list = append(list, trespass(p, n, opened)...)
				}
			}
			return true
		})
	}
	return list
}

func ofStorage(e ast.Expr, name string) bool {
	sel, ok := e.(*ast.SelectorExpr)
	if !ok || sel.Sel.Name != name {
		return false
	}
	x, ok := sel.X.(*ast.Ident)
	return ok && x.Name == "storage"
}

// trespass: the name of a space is a literal, so that the table can be held to it.
func trespass(p pkg, call *ast.CallExpr, opened map[string]bool) []string {
	literal, ok := call.Args[0].(*ast.BasicLit)
	if !ok || literal.Kind != token.STRING {
		return []string{fmt.Sprintf("%q names a key space by something else than a literal", p.path())}
	}
	name, err := strconv.Unquote(literal.Value)
	if err != nil || spaces[name].owner != p.path() {
		return []string{fmt.Sprintf("%q does not own the key space %s", p.path(), literal.Value)}
	}
	opened[name] = true
	return nil
}

func TestKeySpacesAreThoseOfTheTable(t *testing.T) {
	t.Parallel()
	opened := make(map[string]bool)
	for _, p := range packages(t) {
		for _, fault := range trespasses(p, opened) {
			t.Error(fault)
		}
	}
	for name, s := range spaces {
		if !opened[name] {
			t.Errorf("the table has the space %q, which nobody opens", name)
		}
		if s.global && !rootHolders[s.owner] {
			t.Errorf("the global space %q belongs to %q, which must not hold the root DB", name, s.owner)
		}
	}
}

func TestTheCheckerFindsTrespasses(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ path, body string }{
		"a DB in a package that works for a tenant": {"host", "type s struct{ db storage.DB }"},
		"a space that nobody owns":                  {"task", `var k = storage.NewKey("tsak")`},
		"a space of another package":                {"task", `var k = storage.NewKey("module").Str("x")`},
		"a space named at run time":                 {"task", `func f(name string) storage.Key { return storage.NewKey(name) }`},
	}
	for name, test := range tests {
		p := pkg{ImportPath: module + "/" + test.path, files: map[string]*ast.File{"p.go": parse(t, "package p\n\n"+test.body)}}
		if got := trespasses(p, make(map[string]bool)); len(got) != 1 {
			t.Errorf("%s: got %q", name, got)
		}
	}
	fine := pkg{ImportPath: module + "/task", files: map[string]*ast.File{"p.go": parse(t, `package p

var k = storage.NewKey("due")

func f(storage.DB) {}
`)}}
	if got := trespasses(fine, make(map[string]bool)); len(got) > 0 {
		t.Errorf("where nothing is wrong: got %q", got)
	}
}
