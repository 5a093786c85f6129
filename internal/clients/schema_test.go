package clients

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// schemaChecks are what schemathesis holds every answer to.
const schemaChecks = "not_a_server_error,response_schema_conformance,content_type_conformance,status_code_conformance,negative_data_rejection"

// TestSchemathesis tries the HTTP+JSON binding with requests that follow from its
// OpenAPI document, and with such as do not.
func TestSchemathesis(t *testing.T) {
	t.Parallel()
	python := pythonWith(t, "python/requirements.txt")
	s := theServer(t)
	cmd := exec.Command(filepath.Join(filepath.Dir(python), "schemathesis"), "run", s.base+"/openapi.json",
		"--header", "Authorization: Bearer "+s.key, "--checks", schemaChecks,
		"--max-examples", "25", "--seed", "1", "--request-timeout", "20", "--no-color", "--generation-database", "none")
	cmd.Dir = t.TempDir() // where it leaves notes
	output := within(t, 5*time.Minute, cmd)
	if !strings.Contains(output, "Tested: 12") {
		t.Errorf("it did not try all operations:\n%s", output)
	}
}
