package server

import (
	"bytes"
	"fmt"
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
		names, row := strings.Fields(o.tests), o.section+", "+o.what
		if len(names) == 0 && o.instead == "" {
			t.Errorf("%s: neither a test nor a remark", row)
		}
		asks := o.level
		if o.lines > 1 {
			asks = fmt.Sprintf("%s, %d lines", o.level, o.lines)
		}
		fmt.Fprintf(&out, "| %s | %s | %s | %s | %s |\n", o.section, asks, o.what, o.instead, testLinks(t, there, row, names))
	}
	if diff := cmp.Diff(keywords, covered); diff != "" {
		t.Errorf("lines of the specification by section (-there +in rows):\n%s", diff)
	}
	wantPage(t, conformancePage, out.Bytes())
}
