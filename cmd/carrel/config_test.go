package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// golden compares got with a file of the repository, or rewrites it with -update.
func golden(t *testing.T, file string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s differs from what the program says; go test ./cmd/carrel -update rewrites it (-file +program):\n%s", file, diff)
	}
}

// invoked is what one invocation of the program did.
type invoked struct {
	code           int
	stdout, stderr string
}

// invoke runs the program in this process.
func invoke(t *testing.T, env []string, args ...string) invoked {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code := run(t.Context(), program{args: args, env: env, stdin: strings.NewReader(""), stdout: &stdout, stderr: &stderr})
	return invoked{code, stdout.String(), stderr.String()}
}

// effective returns what `carrel config` says of one setting.
func effective(t *testing.T, env []string, name string, args ...string) setting {
	t.Helper()
	got := invoke(t, env, append([]string{"config", "--json"}, args...)...)
	var all []setting
	if err := json.Unmarshal([]byte(got.stdout), &all); err != nil {
		t.Fatalf("%v: %s%s", err, got.stdout, got.stderr)
	}
	for _, s := range all {
		if s.Name == name {
			return s
		}
	}
	t.Fatalf("there is no setting %s", name)
	return setting{}
}

func writeFile(t *testing.T, name, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestAFlagWinsOverTheEnvironmentAndTheEnvironmentOverTheFile(t *testing.T) {
	t.Parallel()
	file := writeFile(t, "carrel.yaml", "max_body: 2MiB\n")
	env := []string{"CARREL_MAX_BODY=3MiB"}
	for _, test := range []struct {
		name string
		env  []string
		args []string
		want setting
	}{
		{"nothing is said", nil, nil, setting{"max_body", "1MiB", "default"}},
		{"the file says it", nil, []string{"--config", file}, setting{"max_body", "2MiB", file}},
		{"the environment names the file", []string{"CARREL_CONFIG=" + file}, nil, setting{"max_body", "2MiB", file}},
		{"the environment says it too", env, []string{"--config", file}, setting{"max_body", "3MiB", "CARREL_MAX_BODY"}},
		{"all three say it", env, []string{"--config", file, "--max-body", "4MiB"}, setting{"max_body", "4MiB", "--max-body"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(test.want, effective(t, test.env, "max_body", test.args...)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestSettingsOfEveryKindAreReadFromFileAndEnvironment(t *testing.T) {
	t.Parallel()
	file := writeFile(t, "carrel.yaml", `
trusted_proxy: [10.0.0.0/8, 192.0.2.1]
concurrency: 7
run_timeout: 90s
dev: true
data: /srv/carrel
`)
	args := []string{"--config", file}
	for name, want := range map[string]any{
		"trusted_proxy": []any{"10.0.0.0/8", "192.0.2.1"},
		"concurrency":   7.0,
		"run_timeout":   "1m30s",
		"dev":           true,
		"data":          "/srv/carrel",
	} {
		if diff := cmp.Diff(want, effective(t, nil, name, args...).Value); diff != "" {
			t.Errorf("%s from the file: -want +got:\n%s", name, diff)
		}
	}
	env := []string{"CARREL_TRUSTED_PROXY=10.0.0.0/8,192.0.2.1"}
	if diff := cmp.Diff([]any{"10.0.0.0/8", "192.0.2.1"}, effective(t, env, "trusted_proxy").Value); diff != "" {
		t.Errorf("from the environment: -want +got:\n%s", diff)
	}
}

func TestAWrongConfigurationIsRefusedByName(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, file string
		env        []string
		args       []string
		want       string
	}{
		{name: "a misspelt setting in the file", file: "adr: 127.0.0.1:80\n", want: "unknown setting adr; there are addr"},
		{name: "a nested setting", file: "limits: {max_body: 1}\n", want: "unknown setting limits"},
		{name: "a list where one value goes", file: "addr: [a, b]\n", want: "addr: takes one value, not a list"},
		{name: "a map where a value goes", file: "addr: {a: b}\n", want: "addr: takes a value"},
		{name: "a setting without a value", file: "addr:\n", want: "addr: takes a value"},
		{name: "a file that is no YAML", file: "\t:", want: "carrel.yaml"},
		{name: "a list as the whole file", file: "- a\n", want: "carrel.yaml"},
		{name: "a file beyond every size", file: "#" + strings.Repeat("x", maxConfigFile), want: "larger than 1MiB"},
		{name: "a number that is none in the environment", env: []string{"CARREL_CONCURRENCY=many"}, want: "CARREL_CONCURRENCY"},
		{name: "no port for gRPC", args: []string{"--grpc-addr", "localhost"}, want: `grpc_addr: "localhost" is not host:port`},
		{name: "no port", args: []string{"--addr", "localhost"}, want: `addr: "localhost" is not host:port`},
		{name: "no folder", args: []string{"--data", ""}, want: "data: must not be empty"},
		{name: "a relative public URL", args: []string{"--public-url", "/x"}, want: "public_url"},
		{name: "a certificate alone", args: []string{"--tls-cert", "c.pem"}, want: "tls_cert and tls_key"},
		{name: "a proxy by name", args: []string{"--trusted-proxy", "proxy"}, want: "trusted_proxy"},
		{name: "an agent without its tenant", args: []string{"--default-agent", "counter"}, want: "default_agent"},
		{name: "a sandbox without memory", args: []string{"--memory", "1KiB"}, want: "memory: 1KiB is too small; 64KiB is the least"},
		{name: "a sandbox beyond 32 bits", args: []string{"--memory", "5GiB"}, want: "memory: 5GiB is too much"},
		{name: "no room for two sandboxes", args: []string{"--all-memory", "100MiB"}, want: "all_memory: 100MiB is too small; 128MiB is the least"},
		{name: "a tenant with more than all", args: []string{"--all-memory", "1GiB", "--tenant-memory", "2GiB"}, want: "tenant_memory: 2GiB is more than all_memory, 1GiB"},
		{name: "a tenant without room for a sandbox", args: []string{"--tenant-memory", "1MiB"}, want: "tenant_memory: 1MiB is too small; 64MiB is the least"},
		{name: "modules without memory", env: []string{"CARREL_MODULE_MEMORY=1MiB"}, want: "module_memory: 1MiB is too small"},
		{name: "compiling without memory", file: "compile_memory: 0\n", want: "compile_memory: 0 is too small"},
		{name: "no room for compiled code", args: []string{"--cache-size", "1"}, want: "cache_size: 1 is too small; 16MiB is the least"},
		{name: "no concurrency", args: []string{"--concurrency", "0"}, want: "concurrency: must be more than 0"},
		{name: "a negative time", args: []string{"--run-timeout", "-1s"}, want: "run_timeout"},
		{name: "an unknown level", args: []string{"--log-level", "loud"}, want: "log_level"},
		{name: "an unknown format", args: []string{"--log-format", "xml"}, want: `log_format: "xml" is not one of text, json`},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			args := append([]string{"config"}, test.args...)
			if test.file != "" {
				args = append(args, "--config", writeFile(t, "carrel.yaml", test.file))
			}
			got := invoke(t, test.env, args...)
			if got.code != exitUsage || !strings.Contains(got.stderr, test.want) {
				t.Errorf("exit code %d, %q; want %d and %q", got.code, got.stderr, exitUsage, test.want)
			}
		})
	}
}

func TestVariablesOfOthersWithThePrefixAreLeftAlone(t *testing.T) {
	t.Parallel()
	env := []string{"CARREL_PORT=tcp://10.0.0.1:7333", "CARREL_SERVICE_HOST=10.0.0.1"}
	if got := invoke(t, env, "config"); got.code != exitOK {
		t.Errorf("exit code %d: %s", got.code, got.stderr)
	}
}

func TestSecretsAreMasked(t *testing.T) {
	t.Parallel()
	got := invoke(t, []string{"CARREL_TOKEN=ck_secret"}, "config")
	if strings.Contains(got.stdout, "ck_secret") || !strings.Contains(got.stdout, "***") {
		t.Errorf("got\n%s\nwant the token as ***", got.stdout)
	}
}

func TestTheExampleFileHasTheDefaults(t *testing.T) {
	t.Parallel()
	const file = "../../docs/carrel.yaml"
	got := invoke(t, nil, "config", "--example")
	golden(t, file, []byte(got.stdout))

	var want, fromFile Config
	want = DefaultConfig()
	fs := pflag.NewFlagSet("", pflag.ContinueOnError)
	fromFile.bind(fs)
	sources, err := program{}.load(fs, file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want.settings(nil), fromFile.settings(nil)); diff != "" {
		t.Errorf("-defaults +read from the example:\n%s", diff)
	}
	for name, source := range sources {
		if source != file {
			t.Errorf("%s is not in the example", name)
		}
	}
}

func TestSizesAreWrittenAsPeopleWriteThem(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]byteSize{
		"0": 0, "1": 1, "512B": 512, "64MiB": 64 << 20, "2 GiB": 2 << 30, "1KB": 1000, "3KiB": 3072,
	} {
		var got byteSize
		if err := got.Set(text); err != nil || got != want {
			t.Errorf("%q: got %d, %v, want %d", text, got, err, want)
		}
		var again byteSize
		if err := again.Set(got.String()); err != nil || again != got {
			t.Errorf("%q is written as %q and read as %d", text, got.String(), again)
		}
	}
	for _, text := range []string{"", "MiB", "-1", "1.5MiB", "1TiB", "9223372036854775807KiB", "64 M"} {
		if err := new(byteSize).Set(text); err == nil {
			t.Errorf("%q was taken", text)
		}
	}
}
