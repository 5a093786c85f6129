package arch

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/carrelhq/carrel"

// pkg is a package as go list tells of it, with the files of other platforms too:
// a rule that holds on one of them only is not a rule.
type pkg struct {
	Dir, ImportPath, Name   string
	GoFiles, IgnoredGoFiles []string

	files   map[string]*ast.File // by name, without tests
	Imports []string
}

// path is the package's path below the module, "" for the root.
func (p pkg) path() string {
	return strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/")
}

func packages(t *testing.T) (list []pkg) {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=Dir,ImportPath,Name,GoFiles,IgnoredGoFiles", "./...")
	cmd.Dir = "../.."
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		if err := d.Decode(&p); err == io.EOF {
			return list
		} else if err != nil {
			t.Fatal(err)
		}
		if err := p.parse(); err != nil {
			t.Fatal(err)
		}
		list = append(list, p)
	}
}

// parse reads the files of p, whatever platform they are for.
func (p *pkg) parse() error {
	p.files = make(map[string]*ast.File)
	for _, name := range slices.Concat(p.GoFiles, p.IgnoredGoFiles) {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, name), nil, parser.ParseComments)
		if err != nil {
			return err
		}
		p.files[name] = file
		for _, spec := range file.Imports {
			p.Imports = append(p.Imports, strings.Trim(spec.Path.Value, "`\""))
		}
	}
	slices.Sort(p.Imports)
	p.Imports = slices.Compact(p.Imports)
	return nil
}

// faults lists the imports of a package that the table does not have.
func faults(p pkg, table map[string]rule, suites map[string]bool) (list []string) {
	r, ok := table[p.path()]
	if !ok {
		return []string{fmt.Sprintf("package %q is not in the table", p.path())}
	}
	for _, i := range p.Imports {
		switch first, _, _ := strings.Cut(i, "/"); {
		case i == "testing" || strings.HasPrefix(i, "testing/"):
			if !suites[p.path()] {
				list = append(list, fmt.Sprintf("%q imports %s outside its tests", p.path(), i))
			}
		case i == module || strings.HasPrefix(i, module+"/"):
			if !slices.Contains(r.ours, strings.TrimPrefix(strings.TrimPrefix(i, module), "/")) {
				list = append(list, fmt.Sprintf("%q must not import %s", p.path(), i))
			}
		case strings.Contains(first, "."):
			if !owned(r.outside, i) {
				list = append(list, fmt.Sprintf("%q does not own %s", p.path(), i))
			}
		}
	}
	return list
}

// owned reports whether one of the modules holds the import.
func owned(modules []string, path string) bool {
	return slices.ContainsFunc(modules, func(m string) bool { return path == m || strings.HasPrefix(path, m+"/") })
}

func TestImportsAreThoseOfTheTable(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		for _, fault := range faults(p, table, suites) {
			t.Error(fault)
		}
	}
}

func TestTheTableHasNoRuleForNothing(t *testing.T) {
	t.Parallel()
	there := map[string]bool{}
	for _, p := range packages(t) {
		there[p.path()] = true
	}
	for path := range table {
		if !there[path] {
			t.Errorf("the table has a rule for %q, which is not there", path)
		}
	}
}

// TestTheCheckerFindsFaults holds the checker to packages that break a rule each.
func TestTheCheckerFindsFaults(t *testing.T) {
	t.Parallel()
	for name, p := range map[string]pkg{
		"a package that is not in the table": {ImportPath: module + "/util"},
		"an import of ours, upwards":         {ImportPath: module + "/storage", Imports: []string{module + "/task"}},
		"an import of the root":              {ImportPath: module + "/task", Imports: []string{module}},
		"somebody else's module":             {ImportPath: module + "/task", Imports: []string{"github.com/gofiber/fiber/v2"}},
		"a module that begins alike":         {ImportPath: module + "/server", Imports: []string{"github.com/gofiber/fiber/v22"}},
		"testing in the program":             {ImportPath: module + "/agent", Imports: []string{"testing"}},
	} {
		if len(faults(p, table, suites)) == 0 {
			t.Errorf("%s: no fault was found", name)
		}
	}
}

func TestTheCheckerReadsTheFilesOfOtherPlatforms(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, source := range map[string]string{
		"p.go":       "package p",
		"p_plan9.go": "package p\n\nimport \"github.com/gofiber/fiber/v2\"",
		"p_test.go":  "package p\n\nimport \"testing\"",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(source), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	p := pkg{Dir: dir, ImportPath: module + "/task", GoFiles: []string{"p.go"}, IgnoredGoFiles: []string{"p_plan9.go", "p_test.go"}}
	if err := p.parse(); err != nil {
		t.Fatal(err)
	}
	want := []string{`"task" does not own github.com/gofiber/fiber/v2`}
	if got := faults(p, table, suites); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
