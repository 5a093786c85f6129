package server

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const limitsPage = "../docs/limits.md"

const limitsHead = `# Limits

Every bound that a client can meet, what it gets beyond it, and the test that holds it. The numbers are those of the
code, and the defaults of settings; the file is rewritten by ` + "`go test ./server -run TestTheLimitsAreOnTheirPage -update`" + `.

An answer begins with its reason, which is in the details of the error on every binding. The status of a JSON-RPC reply
is 200 unless another is given. With 429 and 503 comes ` + "`Retry-After`" + `, and over gRPC ` + "`RetryInfo`" + `. What is
refused by gRPC itself, before any code of ours sees it, has the code and no reason: a body that is too large, a call
without a message or with two, a compression that is unknown, and what is no gRPC at all. What the admin API refuses is an RFC 9457 problem
with the status of HTTP. Sizes are in bytes, of UTF-8 where they are of text.

Of streams, calls that wait and gRPC calls no party has all: one that is alone has three quarters, two that want all have
three sevenths each, and so on. A party is a tenant; those without a key that call its agents are together another, of
which each address (of IPv6, each /64) has an eighth. For gRPC calls, whose keys nobody has looked at yet, it is an address.
`

// TestTheLimitsAreOnTheirPage holds docs/limits.md to the table, the table's
// settings to docs/carrel.yaml, and its tests to those that there are.
func TestTheLimitsAreOnTheirPage(t *testing.T) {
	t.Parallel()
	there, settings := testsByName(t), settingsByName(t)
	var out bytes.Buffer
	out.WriteString(limitsHead)
	for _, l := range limits {
		if l.section != "" {
			fmt.Fprintf(&out, "\n## %s\n\n| what | at most | setting | beyond it | test |\n|---|---|---|---|---|\n", l.section)
			continue
		}
		setting := ""
		if l.setting != "" {
			setting = "`" + l.setting + "`"
			l.checkSetting(t, settings[l.setting])
		}
		fmt.Fprintf(&out, "| %s | %s | %s | %s | %s |\n", l.what, l.bound(), setting, l.answer(), l.testNames(t, there))
	}
	wantPage(t, limitsPage, out.Bytes())
}

// wantPage holds a generated page to what the code makes of it, or writes it.
func wantPage(t *testing.T, file string, made []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, made, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	page, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(page), string(made)); diff != "" {
		t.Errorf("%s differs from the code (-page +code):\n%s", file, diff)
	}
}

// testNames are the row's tests, as links to their files.
func (l limit) testNames(t *testing.T, there map[string]string) string {
	t.Helper()
	names := strings.Fields(l.tests)
	if l.probe != nil {
		names = append([]string{"TestLimits"}, names...)
	}
	if len(names) == 0 {
		t.Errorf("%s: no test", l.what)
	}
	return testLinks(t, there, l.what, names)
}

// testLinks are the tests of a row, as links to their files.
func testLinks(t *testing.T, there map[string]string, row string, names []string) string {
	t.Helper()
	links := make([]string, len(names))
	for i, name := range names {
		if there[name] == "" {
			t.Errorf("%s: there is no %s", row, name)
		}
		links[i] = fmt.Sprintf("[%s](../%s)", name, there[name])
	}
	return strings.Join(links, " ")
}

// checkSetting fails when the setting's default is another than the row's.
func (l limit) checkSetting(t *testing.T, value string) {
	t.Helper()
	same := false
	switch most := l.most.(type) {
	case size:
		same = strings.ReplaceAll(most.String(), " ", "") == value
	case int:
		same = strconv.Itoa(most) == value
	case time.Duration:
		same = most.String() == value
	}
	if !same {
		t.Errorf("%s: the default of %s is %q, the row says %v", l.what, l.setting, value, l.most)
	}
}

// settingsByName reads the defaults of the program.
func settingsByName(t *testing.T) map[string]string {
	t.Helper()
	data, err := os.ReadFile("../docs/carrel.yaml")
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]string{}
	for line := range strings.Lines(string(data)) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ": "); ok && !strings.HasPrefix(line, "#") {
			values[name] = strings.Trim(value, `"`)
		}
	}
	return values
}

var testFunction = regexp.MustCompile(`(?m)^func (Test\w+)\(t \*testing\.T\)`)

// testsByName finds the file of every test of the module.
func testsByName(t *testing.T) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		for _, m := range testFunction.FindAllSubmatch(text, -1) {
			files[string(m[1])] = strings.TrimPrefix(filepath.ToSlash(path), "../")
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
