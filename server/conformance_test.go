package server

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const conformancePage = "../docs/conformance.md"

const conformanceHead = `# Conformance

What the [A2A specification](https://a2a-protocol.org/v1.0.0/specification/), version 1.0.1, asks for with MUST and SHOULD (and SHALL,
REQUIRED, RECOMMENDED), by section, and the tests that hold carrel to it. The words are ours and short: the specification's count. A row with
several lines of the specification says how many. Where there is a remark, the obligation is another's, or met in the way that it says; where
there is no test, none holds it.

What each operation answers over each binding and version is in the exchanges below [server/testdata](../server/testdata), which are
text: requests and responses as they are on the wire. Clients that we did not write drive the server in
[internal/clients](../internal/clients): the official SDKs for Go, Python and JavaScript, FastA2A's client, and schemathesis.

The file is rewritten by ` + "`go test ./server -run TestConformanceIsOnItsPage -update`" + `; the test also fails when a section has a line that no row is for.

| section | asks | what | remark | tests |
|---|---|---|---|---|
`

// TestConformanceIsOnItsPage holds docs/conformance.md to the rows, the rows to the
// specification's sections, and their tests to those that there are.
func TestConformanceIsOnItsPage(t *testing.T) {
	t.Parallel()
	there := testsByName(t)
	var out bytes.Buffer
	out.WriteString(conformanceHead)
	covered := map[string]int{}
	for _, o := range conformance {
		covered[o.section] += o.lines
		asks := o.level
		if o.lines > 1 {
			asks = fmt.Sprintf("%s, %d lines", o.level, o.lines)
		}
		fmt.Fprintf(&out, "| %s | %s | %s | %s | %s |\n", o.section, asks, o.what, o.instead, o.testLinks(t, there))
	}
	if diff := cmp.Diff(keywords, covered); diff != "" {
		t.Errorf("lines of the specification by section (-there +in rows):\n%s", diff)
	}
	if *update {
		if err := os.WriteFile(conformancePage, out.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	page, err := os.ReadFile(conformancePage)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(page), out.String()); diff != "" {
		t.Errorf("%s differs from the rows (-page +rows):\n%s", conformancePage, diff)
	}
}

// testLinks are the row's tests, as links to their files.
func (o obligation) testLinks(t *testing.T, there map[string]string) string {
	t.Helper()
	names := strings.Fields(o.tests)
	if len(names) == 0 && o.instead == "" {
		t.Errorf("%s, %s: neither a test nor a remark", o.section, o.what)
	}
	for i, name := range names {
		if there[name] == "" {
			t.Errorf("%s, %s: there is no %s", o.section, o.what, name)
		}
		names[i] = fmt.Sprintf("[%s](../%s)", name, there[name])
	}
	return strings.Join(names, " ")
}
