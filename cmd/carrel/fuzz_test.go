package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"unicode"

	"github.com/a2aproject/a2a-go/v2/a2a"
	"github.com/a2aproject/a2a-go/v2/a2acompat/a2av0"
	"github.com/knadh/koanf/v2"
	"github.com/spf13/pflag"

	"github.com/carrelhq/carrel/abi"
)

// FuzzConfig: a configuration file is taken, or it is wrong and the message says
// where. What is taken is written and read again as the same configuration.
func FuzzConfig(f *testing.F) {
	for _, text := range []string{
		"addr: 127.0.0.1:1\nmax_body: 2MiB\nrun_timeout: 1m\ncors_origin: [a, b]\n", "trusted_proxy: 10.0.0.0/8,::1\n",
		"memory: {a: 1}\n", "max_body: [1]\n", "dev: yes\nmemory: 1e9\n", "unknown: 1\n", "- a\n", "a: &a [*a]\n", "? \n", "addr: null\n", "concurrency: .inf\n",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		config, err := configOf(text)
		if err == nil {
			err = config.validate()
		}
		if err != nil {
			if !errors.Is(err, errUsage) {
				t.Errorf("%q: %v is not the caller's fault", text, err)
			}
			return
		}
		again := map[string]any{}
		visitSettings(config, func(name string, f *pflag.Flag) {
			again[name] = f.Value.String()
			if list, ok := f.Value.(pflag.SliceValue); ok {
				again[name] = list.GetSlice()
			}
		})
		encoded, err := json.Marshal(again)
		if err != nil {
			t.Fatal(err)
		}
		same, err := configOf(encoded)
		visitSettings(same, func(name string, f *pflag.Flag) {
			if list, ok := f.Value.(pflag.SliceValue); ok && strings.Join(list.GetSlice(), "\n") != strings.Join(again[name].([]string), "\n") || !ok && f.Value.String() != again[name] {
				t.Errorf("%q: %s is %v, and then %s, %v", text, name, again[name], f.Value, err)
			}
		})
	})
}

// configOf is the configuration of a file with that text.
func configOf(text []byte) (Config, error) {
	config := DefaultConfig()
	fs := pflag.NewFlagSet("", pflag.ContinueOnError)
	config.bind(fs)
	k := koanf.New(".")
	if err := parseConfig(k, fs, "carrel.yaml", bytes.NewReader(text)); err != nil {
		return config, err
	}
	var errs []error
	fs.VisitAll(func(f *pflag.Flag) {
		if name := settingName(f.Name); k.Exists(name) {
			errs = append(errs, assign(f, k.Get(name), name))
		}
	})
	return config, errors.Join(errs...)
}

func visitSettings(config Config, visit func(name string, f *pflag.Flag)) {
	fs := pflag.NewFlagSet("", pflag.ContinueOnError)
	config.bind(fs)
	fs.VisitAll(func(f *pflag.Flag) { visit(settingName(f.Name), f) })
}

// FuzzByteSize: a size is not negative, and is written and read again as itself.
func FuzzByteSize(f *testing.F) {
	for _, s := range []string{"64MiB", "1 GB", "0", "9223372036854775807B", "9007199254740992KiB", "-1", "+1", "1e3", " 1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var size, again byteSize
		if size.Set(s) != nil {
			return
		}
		if err := again.Set(size.String()); err != nil || size < 0 || again != size {
			t.Errorf("%q is %d, written %s and read as %d, %v", s, size, size, again, err)
		}
	})
}

// fuzzClient is a client whose output is looked at.
func fuzzClient(asJSON bool) (*client, *bytes.Buffer) {
	var out bytes.Buffer
	return &client{output: output{program{stdout: &out, stderr: &out}, &asJSON}, server: "http://127.0.0.1:1"}, &out
}

// checkPrinted holds that what others wrote does not steer the terminal.
func checkPrinted(t *testing.T, out string) {
	t.Helper()
	if i := strings.IndexFunc(out, func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' }); i >= 0 {
		t.Errorf("the terminal is steered by %q", out)
	}
}

// FuzzForeignStream: events of a stream of another server, one in a line, are shown.
func FuzzForeignStream(f *testing.F) {
	for _, text := range []string{
		`{"task":{"id":"t","contextId":"c","status":{"state":"TASK_STATE_WORKING"},"artifacts":[{"artifactId":"a","parts":[{"text":"x"},{"url":"u"},{"raw":"AA=="},{"data":{"a":1}}]}]}}
{"artifactUpdate":{"taskId":"t","contextId":"c","append":true,"artifact":{"parts":[{"text":"a\u001b[2J"}]}}}
{"statusUpdate":{"taskId":"t","contextId":"c","status":{"state":"TASK_STATE_FAILED","message":{"parts":[{"text":"no"}]}}}}`,
		`{"message":{"messageId":"m","role":"ROLE_AGENT","parts":[{"text":"hi"}]}}`,
		`{"artifactUpdate":{}}`, `{"task":{"artifacts":[null],"status":{}}}`, `{"message":{"parts":[null]}}`, `{"statusUpdate":null}`, `{}`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, asJSON := range []bool{false, true} {
			c, out := fuzzClient(asJSON)
			err := c.follow(func(yield func(a2a.Event, error) bool) {
				for line := range bytes.SplitSeq(text, []byte("\n")) {
					var r a2a.StreamResponse
					if json.Unmarshal(line, &r) == nil && !yield(r.Event, nil) {
						return
					}
				}
			})
			if err != nil {
				out.WriteString(printable(err.Error())) // as run does
			}
			if !asJSON {
				checkPrinted(t, out.String())
			}
		}
	})
}

// FuzzForeignTask: a task of another server is shown.
func FuzzForeignTask(f *testing.F) {
	f.Add([]byte(`{"id":"t","contextId":"c","status":{"state":"TASK_STATE_COMPLETED","timestamp":"2026-01-02T03:04:05Z","message":{"parts":[{"text":"x"}]}},"history":[{"role":"ROLE_USER","parts":[{"text":"hi"}]}],"artifacts":[{"name":"n","parts":[{"data":[1]}]}]}`))
	f.Add([]byte(`{"history":[null]}`))
	f.Add([]byte(`{"artifacts":[null]}`))
	f.Add([]byte(`{"status":{"message":{"parts":[null]}}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		task := &a2a.Task{}
		if json.Unmarshal(text, task) != nil {
			return
		}
		c, out := fuzzClient(false)
		c.showTask(task)
		if err := c.answer(task); err != nil {
			out.WriteString(printable(err.Error()))
		}
		checkPrinted(t, out.String())
	})
}

// FuzzForeignCard: a card of another server, of 1.0 or 0.3, is shown.
func FuzzForeignCard(f *testing.F) {
	f.Add([]byte(`{"name":"n","version":"1","description":"d\u0007","supportedInterfaces":[{"url":"http://a/","protocolBinding":"JSONRPC","protocolVersion":"1.0"}],"skills":[{"id":"s","name":"s","description":"x","tags":[]}],"securitySchemes":{"k":{"httpAuthSecurityScheme":{"scheme":"bearer"}}},"signatures":[{"protected":"e30","signature":""}]}`))
	f.Add([]byte(`{"name":"n","url":"http://a/","protocolVersion":"0.3.0","preferredTransport":"JSONRPC","skills":[{"id":"s"}],"securitySchemes":{"k":{"type":"http","scheme":"bearer"}},"additionalInterfaces":[{"url":"u","transport":"GRPC"}]}`))
	f.Add([]byte(`{"supportedInterfaces":[null],"skills":[null],"securitySchemes":{"":null},"capabilities":null}`))
	parse := a2av0.NewAgentCardParser()
	f.Fuzz(func(t *testing.T, text []byte) {
		card, err := parse(text)
		if err != nil {
			return
		}
		c, out := fuzzClient(false)
		c.showCard(card)
		checkPrinted(t, out.String())
	})
}

// FuzzForeignKeys: a card leads to keys at its own origin, or nowhere.
func FuzzForeignKeys(f *testing.F) {
	f.Add("https://a.example/agents/x/y", []byte(`{"signatures":[{"protected":"eyJhbGciOiJFUzI1NiIsImtpZCI6ImsiLCJqa3UiOiJodHRwczovL2EuZXhhbXBsZS9rIn0","signature":"AA"}]}`))
	f.Add("https://b.example/", []byte(`{"signatures":[{"protected":"eyJhbGciOiJFUzI1NiIsImtpZCI6ImsiLCJqa3UiOiJodHRwczovL2EuZXhhbXBsZS9rIn0","signature":"AA"}]}`))
	f.Fuzz(func(t *testing.T, agent string, card []byte) {
		c, _ := fuzzClient(false)
		if !isURL(agent) || checkURL(agent) != nil {
			return // no card came from there
		}
		keys, err := c.keysOf(agent, card, ofTheServer)
		if err != nil {
			checkPrinted(t, printable(err.Error()))
		} else if originOf(keys) != originOf(agent) {
			t.Errorf("a card of %q has its keys at %q", agent, keys)
		}
	})
}

// FuzzProblem: an error of a server is shown, whatever it is.
func FuzzProblem(f *testing.F) {
	for _, text := range []string{
		`{"title":"Bad","detail":"no","errors":[{"message":"m","location":"body.x"}]}`, `{"error":{"code":-32600,"message":"no"}}`,
		`{"rule":"no_memory","problem":"p","advice":"a"}`, "plain\x1b[2J", "", "[]",
	} {
		f.Add(400, []byte(text))
	}
	f.Add(401, []byte(nil))
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		c, _ := fuzzClient(false)
		resp := &http.Response{StatusCode: status, Body: io.NopCloser(bytes.NewReader(body)), Request: &http.Request{URL: &url.URL{Scheme: "http", Host: "127.0.0.1:1"}}}
		err := c.problem(resp)
		var refusal *abi.Refusal
		var said statusError
		switch {
		case errors.As(err, &refusal):
		case !errors.As(err, &said):
			t.Errorf("got %v", err)
		default:
			checkPrinted(t, err.Error())
		}
	})
}

// FuzzLogLine: a line of a task's log is shown in one line.
func FuzzLogLine(f *testing.F) {
	f.Add([]byte(`{"seq":1,"time":"2026-01-02T03:04:05Z","level":"info","message":"a\nb"}`))
	f.Add([]byte(`{"level":"\u001b[2J\n"}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		c, out := fuzzClient(false)
		if c.logLine(text) != nil || len(text) == 0 {
			return
		}
		checkPrinted(t, out.String())
		if strings.Count(out.String(), "\n") != 1 {
			t.Errorf("%q is shown as %q", text, out)
		}
	})
}
