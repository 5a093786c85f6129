package runtime

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	extism "github.com/extism/go-sdk"

	"github.com/carrelhq/carrel/abi"
	"github.com/carrelhq/carrel/host"
)

// TestPluginsAnswerAsInExtism runs plug-ins that come with Extism's own SDK for
// Go, there and here: of Rust, TinyGo, Go and C.
func TestPluginsAnswerAsInExtism(t *testing.T) {
	t.Parallel()
	e := newEngine(t, Options{InspectTimeout: 10 * time.Minute})
	for _, c := range []struct {
		file, run, input string
		want             string // what both say, of all or of the error
	}{
		{"alloc.wasm", "run_test", "", ""},
		{"count_vowels.wasm", "count_vowels", "hello", `{"count":2,`},
		{"count_vowels_std.wasm", "_start", "hello", `{"count": 2,`},
		{"exit.wasm", "_start", "", "exit"},
		{"fail.wasm", "run_test", "", "Some error message"},
		{"hello.wasm", "run_test", "", "Hello, world!"},
		{"http.wasm", "run_test", "", "HTTP request to"},
		{"http_headers.wasm", "http_get", `{"url":"https://extism.org"}`, "HTTP request to"},
		{"input_offset.wasm", "input_offset_length", "hello world", "\x0b"},
		{"log.wasm", "run_test", "", ""},
		{"replace.wasm", "run_test", "a test of a test", ""},
		{"std_command.wasm", "_start", "", ""},
		{"var.wasm", "run_test", "", ""},
	} {
		t.Run(c.file, func(t *testing.T) {
			t.Parallel()
			module, err := os.ReadFile(filepath.Join(sdkDir(t), "wasm", c.file))
			if err != nil {
				t.Fatal(err)
			}
			if raced && len(module) > 1<<20 {
				t.Skip("NOT RUN: the race detector makes the engine's compiler forty times slower")
			}
			theirs := inExtism(t, module, c.run, c.input)
			ours := inCarrel(t, load(t, e, named(module, c.run)), c.input)
			if ours.output != theirs.output || ours.failed != theirs.failed {
				t.Errorf("got %+v, in Extism %+v", ours, theirs)
			}
			if !strings.Contains(ours.output+ours.text, c.want) || !strings.Contains(theirs.output+theirs.text, c.want) {
				t.Errorf("got %+v, in Extism %+v, want %q", ours, theirs, c.want)
			}
		})
	}
}

// answer is what a call comes to.
type answer struct {
	output string
	failed bool
	text   string // of the error
}

func inExtism(t *testing.T, module []byte, run, input string) (o answer) {
	t.Helper()
	manifest := extism.Manifest{Wasm: []extism.Wasm{extism.WasmData{Data: module}}}
	p, err := extism.NewPlugin(t.Context(), manifest, extism.PluginConfig{EnableWasi: true}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close(context.Background())
	code, output, err := p.CallWithContext(t.Context(), run, []byte(input))
	if err != nil || code != 0 {
		return answer{failed: true, text: fmt.Sprintf("%d %v", code, err)}
	}
	return answer{output: string(output)}
}

func inCarrel(t *testing.T, m *Module, input string) answer {
	t.Helper()
	reply, err := runGuest(t.Context(), t, m, input, &fakeTasks{})
	var failed abi.RunReply
	switch {
	case errors.Is(err, ErrTrap) && strings.HasSuffix(err.Error(), "answered nothing"):
		return answer{}
	case errors.Is(err, ErrTrap), errors.Is(err, host.ErrGuest):
		return answer{failed: true, text: err.Error()}
	case err != nil:
		t.Fatal(err)
	case json.Unmarshal([]byte(reply), &failed) == nil && failed.Error != nil:
		return answer{failed: true, text: failed.Error.Message}
	}
	return answer{output: reply}
}

// named adds the metadata that names the function to call.
func named(module []byte, run string) []byte {
	meta := fmt.Sprintf(`{"extism":{"run":%q}}`, run)
	return append(slices.Clone(module), section(sectionCustom, vector([]byte(abi.SectionMeta)), []byte(meta))...)
}

// sdkDir is where the SDK's source lies.
func sdkDir(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/extism/go-sdk").Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}
