package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/carrelhq/carrel"
)

// keyed is a server that keeps the key of its last request.
func keyed(t *testing.T, handle http.HandlerFunc) (address string, key func() string) {
	t.Helper()
	var got string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r.Header.Get("Authorization")
		if handle != nil {
			handle(w, r)
		}
	}))
	t.Cleanup(server.Close)
	return server.URL, func() string { return got }
}

func get(t *testing.T, client *http.Client, address string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
}

func TestTheKeyIsShownToOneOriginOnly(t *testing.T) {
	t.Parallel()
	other, otherKey := keyed(t, nil)
	home, homeKey := keyed(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/away" {
			http.Redirect(w, r, other, http.StatusFound)
		}
	})
	client := httpClient(home, "secret")
	get(t, client, home+"/x")
	if got := homeKey(); got != "Bearer secret" {
		t.Errorf("the server saw %q, want the key", got)
	}
	get(t, client, other)
	if got := otherKey(); got != "" {
		t.Errorf("another server saw %q", got)
	}
	get(t, client, home+"/away")
	if got := otherKey(); got != "" {
		t.Errorf("a redirect showed another server %q", got)
	}
}

func TestAKeyOfTheServerStaysThereWhenACardElsewhereIsNamed(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		agent string
		given bool
		want  string
	}{
		{"an agent of the server", "counter", false, "http://home"},
		{"a card elsewhere with the server's key", "http://away/agents/a/b", false, "http://home"},
		{"a card elsewhere with a key of its own", "http://away/agents/a/b", true, "http://away/agents/a/b"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c := client{server: "http://home", tokenGiven: test.given}
			if got := c.keyOrigin(test.agent); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

func TestTheOperatorsKeyIsFoundInTheDataFolder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, carrel.OperatorKeyFile), []byte("ck_operator\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name string
		c    client
		env  []string
		want string
	}{
		{name: "the folder is named by a flag", c: client{data: dir}, want: "ck_operator"},
		{name: "the folder is named in the environment", env: []string{"CARREL_DATA=" + dir}, want: "ck_operator"},
		{name: "the folder is named for a server elsewhere", c: client{data: dir, server: "https://agents.example.com"}, want: "ck_operator"},
		{name: "a token wins", c: client{data: dir}, env: []string{"CARREL_TOKEN=ck_mine"}, want: "ck_mine"},
		{name: "a flag wins over all", c: client{data: dir, token: "ck_flag"}, env: []string{"CARREL_TOKEN=ck_mine"}, want: "ck_flag"},
		{name: "there is none", c: client{data: t.TempDir()}, want: ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c := test.c
			c.program.env = test.env
			if err := c.resolve(); err != nil || c.token != test.want {
				t.Errorf("got %q, %v, want %q", c.token, err, test.want)
			}
		})
	}
}

// A folder in the working directory is not reason enough to show its key to a server elsewhere.
func TestAKeyThatLiesAboutIsShownToThisMachineOnly(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	if err := os.MkdirAll(DefaultConfig().Data, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(DefaultConfig().Data, carrel.OperatorKeyFile), []byte("ck_operator"), 0o600); err != nil {
		t.Fatal(err)
	}
	for server, want := range map[string]string{
		"": "ck_operator", "http://127.0.0.1:7333": "ck_operator", "http://localhost:80": "ck_operator",
		"https://agents.example.com": "", "http://127.0.0.1.example.com": "",
	} {
		c := client{server: server}
		if err := c.resolve(); err != nil || c.token != want {
			t.Errorf("%s: got %q, %v, want %q", server, c.token, err, want)
		}
	}
}

func TestWhatTheServerSaysIsSaid(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, token string
		status      int
		body, want  string
	}{
		{"no key was given", "", 401, `{"title":"Unauthorized"}`, "wants a key"},
		{"a wrong key was given", "x", 401, `{"title":"Unauthorized"}`, "does not take the key"},
		{"a problem with a detail", "x", 422, `{"title":"Unprocessable","detail":"name is too long"}`, "name is too long"},
		{"a problem with places", "x", 422, `{"title":"Bad","errors":[{"location":"body.ttl","message":"is negative"}]}`, "Bad; body.ttl is negative"},
		{"no JSON", "x", 502, "<html>gateway</html>", "<html>gateway</html>"},
		{"nothing at all", "x", 503, "", "503 Service Unavailable"},
		{"text that would steer the terminal", "x", 400, "\x1b]0;pwned\x07", "]0;pwned"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			address, _ := keyed(t, func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(test.status)
				w.Write([]byte(test.body))
			})
			c := client{server: address, token: test.token}
			err := c.call(t.Context(), http.MethodGet, "/x", nil, nil)
			if err == nil || !strings.Contains(err.Error(), test.want) || strings.ContainsRune(err.Error(), '\x1b') {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

// TestNoErrorSteersTheTerminal has servers whose errors the official client reads.
func TestNoErrorSteersTheTerminal(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"an error of JSON-RPC":  `{"jsonrpc":"2.0","id":ID,"error":{"code":-32000,"message":"\u001b]0;pwned\u0007"}}`,
		"an upload that breaks": `{"rule":"x","problem":"\u001b]0;pwned\u0007","advice":"\u001b[2J"}`,
	} {
		address, _ := keyed(t, func(w http.ResponseWriter, r *http.Request) {
			var asked struct{ ID json.RawMessage }
			if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
				t.Error(err)
			}
			w.Header().Set("Content-Type", "application/json")
			if strings.Contains(body, "rule") {
				w.WriteHeader(http.StatusBadRequest)
			}
			w.Write([]byte(strings.Replace(body, "ID", string(asked.ID), 1)))
		})
		got := invoke(t, nil, "send", "bot", "hi", "--server", address, "--token", "x")
		if got.code != exitFailed || !strings.Contains(got.stderr, "pwned") || strings.ContainsAny(got.stderr, "\x1b\x07") {
			t.Errorf("%s: got %d %q", name, got.code, got.stderr)
		}
	}
}

// TestAStreamThatIsNoneSaysWhy has servers that answer with the status of success.
func TestAStreamThatIsNoneSaysWhy(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, media, body, want string }{
		{"an error of JSON-RPC", "application/json; charset=utf-8", `{"jsonrpc":"2.0","id":1,"error":{"code":-32004,"message":"not today"}}`, "not today"},
		{"another kind of reply", "text/html", "<html>a proxy</html>", "<html>a proxy</html>"},
		{"nothing", "application/json", "", "answered with nothing"},
		{"an event with an error", typeEvents, `data: {"jsonrpc":"2.0","id":"1","error":{"code":-32004,"message":"not today"}}` + "\n\n", "not today"},
		{"a stream of nothing", "Text/Event-Stream; charset=utf-8", ": hello\n\n", "before anything came"},
	} {
		address, _ := keyed(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", test.media)
			w.Write([]byte(test.body))
		})
		for _, args := range [][]string{{"send", "bot", "hi", "--stream"}, {"subscribe", "bot", "a-task"}} {
			got := invoke(t, nil, append(args, "--server", address, "--token", "x")...)
			if got.code != exitFailed || !strings.Contains(got.stderr, test.want) {
				t.Errorf("%s, %s: got %d %q, want %q", test.name, args[0], got.code, got.stderr, test.want)
			}
		}
	}
}

func TestAListIsReadToItsEnd(t *testing.T) {
	t.Parallel()
	pages := map[string]string{"": `{"items":["a","b"],"next":"b"}`, "b": `{"items":["c"],"next":""}`}
	address, _ := keyed(t, func(w http.ResponseWriter, r *http.Request) { w.Write([]byte(pages[r.URL.Query().Get("after")])) })
	c := &client{server: address}
	got, err := all[string](context.Background(), c, "/x")
	if err != nil || strings.Join(got, "") != "abc" {
		t.Errorf("got %v, %v", got, err)
	}
}

// TestAListOfTasksComesToAnEnd has a server whose pages have tasks now and then, and
// one whose pages never have any.
func TestAListOfTasksComesToAnEnd(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name              string
		some              int // a page with a task after so many without, 0 for never
		code, pages, rows int
	}{
		{"some pages have no tasks", emptyPages - 1, exitOK, 3 * emptyPages, 3},
		{"no page has any", 0, exitFailed, emptyPages, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			pages := 0 // one request at a time
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method != http.MethodPost {
					writeCard(w, r.Host)
					return
				}
				var call struct{ ID json.RawMessage }
				if err := json.NewDecoder(r.Body).Decode(&call); err != nil {
					t.Error(err)
				}
				tasks, next := "", "more"
				if pages == 5*emptyPages {
					next = ""
				}
				if pages++; test.some > 0 && pages%(test.some+1) == 0 {
					tasks = `{"id":"t","contextId":"c","status":{"state":"TASK_STATE_COMPLETED"}}`
				}
				fmt.Fprintf(w, `{"jsonrpc":"2.0","id":%s,"result":{"tasks":[%s],"nextPageToken":%q,"pageSize":1,"totalSize":9}}`, call.ID, tasks, next)
			}))
			t.Cleanup(server.Close)
			got := invoke(t, nil, "tasks", "list", server.URL, "--limit", "3", "--json")
			if got.code != test.code || pages != test.pages || strings.Count(got.stdout, `"contextId"`) != test.rows {
				t.Errorf("exit code %d after %d pages, %s%s", got.code, pages, got.stdout, got.stderr)
			}
		})
	}
}

func TestNoServerIsSaidWithWhatToDo(t *testing.T) {
	t.Parallel()
	got := invoke(t, nil, "agents", "list", "--server", "http://"+freeAddr(t), "--data", t.TempDir())
	if got.code != exitFailed || !strings.Contains(got.stderr, "carrel serve") {
		t.Errorf("exit code %d, %q", got.code, got.stderr)
	}
}
