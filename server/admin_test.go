package server

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/carrelhq/carrel/abi"
	"github.com/carrelhq/carrel/agent"
	"github.com/carrelhq/carrel/storage"
	"github.com/carrelhq/carrel/task"
	"github.com/carrelhq/carrel/tenant"
)

func TestAgentsAreManagedOverTheAdminAPI(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	const base = "/api/v1/tenants/acme/agents"
	wasm := []string{"token", "acme", "Content-Type", "application/wasm"}

	var first, second, got agent.Agent
	h.do("PUT", base+"/counter?visibility=public", "\x00asm one", wasm...).decode(t, &first)
	if first.Name != "counter" || first.Visibility != agent.Public || first.Current.Number != 1 {
		t.Fatalf("upload: got %+v", first)
	}
	h.do("PUT", base+"/counter", "\x00asm two", wasm...).decode(t, &second)
	if second.Current.Number != 2 || second.Visibility != agent.Public {
		t.Errorf("second upload: got %+v, want version 2, still public", second)
	}
	var versions page[agent.Version]
	h.do("GET", base+"/counter/versions", "", "token", "acme").decode(t, &versions)
	if len(versions.Items) != 2 || versions.Items[0].Number != 2 {
		t.Errorf("versions: got %+v, want 2 then 1", versions)
	}
	h.do("POST", base+"/counter/rollback", `{"digest":"`+first.Current.Digest[:12]+`"}`, "token", "acme", "Content-Type", "application/json").decode(t, &got)
	if got.Current.Digest != first.Current.Digest {
		t.Errorf("rollback: got %+v", got.Current)
	}
	h.do("PATCH", base+"/counter", `{"visibility":"private"}`, "token", "acme", "Content-Type", "application/json").decode(t, &got)
	if got.Visibility != agent.Private {
		t.Errorf("change: got %+v", got)
	}
	var list page[agent.Agent]
	h.do("GET", base+"?limit=3", "", "token", "acme").decode(t, &list)
	if len(list.Items) != 3 || list.Next == "" {
		t.Fatalf("list: got %+v, want 3 and more", list)
	}
	var rest page[agent.Agent]
	h.do("GET", base+"?limit=3&after="+list.Next, "", "token", "acme").decode(t, &rest)
	if len(rest.Items) != 1 || rest.Next != "" {
		t.Errorf("second page: got %+v, want the last one", rest)
	}
	if r := h.do("DELETE", base+"/counter", "", "token", "acme"); r.StatusCode != http.StatusNoContent {
		t.Errorf("delete: got %d %s", r.StatusCode, r.body)
	}
	if r := h.do("GET", base+"/counter", "", "token", "acme"); r.StatusCode != http.StatusNotFound {
		t.Errorf("get after delete: got %d", r.StatusCode)
	}
}

func TestARefusedUploadSaysWhy(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(_ *parts, o *Options) { o.MaxModule = 4 << 20 })
	for _, test := range []struct {
		name, path, contentType string
		body                    []byte
		status                  int
		rule, detail            string
	}{
		{"no module", "/counter", "application/wasm", []byte("<html>"), 400, "not_wasm", "build for wasip1"},
		{"nothing", "/counter", "application/wasm", nil, 400, "not_wasm", "build for wasip1"},
		{"a large one", "/counter", "application/wasm", make([]byte, 100<<20), 413, "", "too large"},
		{"JSON", "/counter", "application/json", []byte("{}"), 415, "", "application/wasm"},
		{"an agent name that is none", "/Counter", "application/wasm", []byte("\x00asm"), 400, "", "must be 1 to 63"},
		{"a visibility that is none", "/counter?visibility=all", "application/wasm", []byte("\x00asm"), 400, "", "public, card or private"},
		{"another digest", "/counter?digest=00", "application/wasm", []byte("\x00asm"), 400, "", "SHA-256"},
		{"more than is looked at", "/counter", "application/wasm", []byte("\x00asm busy"), 429, abi.RuleBusy, "again in a while"},
		{"what breaks the inspector", "/counter", "application/wasm", []byte("\x00asm broken inspector"), 500, "", "Internal error"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			h := *h
			h.t = t
			resp := h.open("PUT", "/api/v1/tenants/acme/agents"+test.path, bytes.NewReader(test.body), "token", "acme", "Content-Type", test.contentType)
			defer resp.Body.Close()
			var got problem
			if err := json.NewDecoder(resp.Body).Decode(&got); err != nil {
				t.Fatal(err)
			}
			if resp.StatusCode != test.status || got.Status != test.status || got.Rule != test.rule || !strings.Contains(got.Detail, test.detail) {
				t.Errorf("got HTTP %d %+v, want %d with rule %q and %q", resp.StatusCode, got, test.status, test.rule, test.detail)
			}
			if ct := resp.Header.Get("Content-Type"); ct != typeProblem {
				t.Errorf("got Content-Type %q", ct)
			}
			if strings.Contains(got.Detail, "secret") {
				t.Error("internal text got out")
			}
		})
	}
}

func TestKeysAreManagedOverTheAdminAPI(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	const keys = "/api/v1/tenants/acme/keys"
	jsonBody := []string{"token", "acme", "Content-Type", "application/json"}
	r := h.do("POST", keys, `{"name":"ci","ttl":"720h"}`, jsonBody...)
	var made createdKey
	r.decode(t, &made)
	if r.StatusCode != http.StatusCreated || made.Token == "" || made.Key.Name != "ci" || made.Key.Tenant != "acme" || made.Key.Expires.IsZero() {
		t.Fatalf("create: got %d %s", r.StatusCode, r.body)
	}
	h.tokens["ci"] = made.Token
	var list page[tenant.Key]
	r = h.do("GET", keys, "", "token", "ci")
	r.decode(t, &list)
	if len(list.Items) != 2 || strings.Contains(r.body, made.Token) {
		t.Errorf("list: got %s, want 2 keys without their tokens", r.body)
	}
	if r := h.do("DELETE", keys+"/"+made.Key.ID, "", "token", "acme"); r.StatusCode != http.StatusNoContent {
		t.Errorf("revoke: got %d %s", r.StatusCode, r.body)
	}
	if r := h.do("GET", keys, "", "token", "ci"); r.StatusCode != http.StatusUnauthorized || r.Header.Get("WWW-Authenticate") == "" {
		t.Errorf("with a revoked key: got %d %s", r.StatusCode, r.body)
	}
	if r := h.do("DELETE", keys+"/"+made.Key.ID, "", "token", "acme"); r.StatusCode != http.StatusNotFound {
		t.Errorf("revoke again: got %d", r.StatusCode)
	}
	for _, ttl := range []string{"-1h", "soon", "0s"} {
		if r := h.do("POST", keys, `{"ttl":"`+ttl+`"}`, jsonBody...); r.StatusCode != http.StatusBadRequest {
			t.Errorf("ttl %s: got %d %s", ttl, r.StatusCode, r.body)
		}
	}
	r = h.do("POST", "/api/v1/operator/keys", `{}`, "token", "operator", "Content-Type", "application/json")
	var operators createdKey
	r.decode(t, &operators)
	if operators.Key.Tenant != "" || operators.Token == "" {
		t.Errorf("operator key: got %s", r.body)
	}
}

// TestAKeyWithoutATenantIsNotMade holds what stands between a path without a
// tenant and a key of the operator.
func TestAKeyWithoutATenantIsNotMade(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	if made, err := h.server.createKey(t.Context(), &createKeyInput{}); err == nil {
		t.Errorf("got %+v, want an error", made)
	}
}

func TestWhatTheOperatorDoesTakesItsKey(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(_ *parts, o *Options) {
		o.Backup = func(_ context.Context, w interface{ Write([]byte) (int, error) }) error {
			for range 100 {
				if _, err := w.Write(bytes.Repeat([]byte("x"), 10_000)); err != nil {
					return err
				}
			}
			return nil
		}
	})
	for _, path := range []string{"/api/v1/backup", "/api/v1/operator/keys", "/api/v1/nothing"} {
		if r := h.do("GET", path, "", "token", "acme"); r.StatusCode != http.StatusForbidden {
			t.Errorf("GET %s with a tenant's key: got %d %s", path, r.StatusCode, r.body)
		}
		if r := h.do("GET", path, ""); r.StatusCode != http.StatusUnauthorized {
			t.Errorf("GET %s without a key: got %d %s", path, r.StatusCode, r.body)
		}
	}
	if r := h.do("GET", "/api/v1/backup", "", "token", "operator"); r.StatusCode != http.StatusOK || len(r.body) != 1_000_000 {
		t.Errorf("backup: got %d with %d bytes", r.StatusCode, len(r.body))
	}
	if r := h.do("GET", "/api/v1/nothing", "", "token", "operator"); r.StatusCode != http.StatusNotFound {
		t.Errorf("unknown route: got %d", r.StatusCode)
	}
	var info serverInfo
	h.do("GET", "/api/v1/server", "", "token", "acme").decode(t, &info)
	if want := (serverInfo{Version: "test", Ready: true, Tenant: "acme"}); info != want {
		t.Errorf("server: got %+v, want %+v", info, want)
	}
}

func TestTheOpenAPIDocumentDescribesEveryRoute(t *testing.T) {
	t.Parallel()
	h := newHouse(t, signs(t), func(_ *parts, o *Options) {
		o.Backup = func(context.Context, interface{ Write([]byte) (int, error) }) error { return nil }
	})
	r := h.do("GET", "/api/openapi.json", "")
	var served, own struct {
		OpenAPI string
		Paths   map[string]map[string]json.RawMessage
	}
	r.decode(t, &served)
	if err := json.Unmarshal(h.server.OpenAPI(), &own); err != nil {
		t.Fatal(err)
	}
	if len(served.Paths) != len(own.Paths) || served.OpenAPI == "" {
		t.Errorf("served document has %d paths, OpenAPI %d", len(served.Paths), len(own.Paths))
	}
	const agentPath = "/api/v1/tenants/{tenant}/agents/{agent}"
	for path, methods := range map[string][]string{
		"/api/v1/server": {"get"}, "/api/v1/backup": {"get"},
		"/api/v1/operator/keys": {"get", "post"}, "/api/v1/operator/keys/{key}": {"delete"},
		"/api/v1/tenants/{tenant}/keys": {"get", "post"}, "/api/v1/tenants/{tenant}/keys/{key}": {"delete"},
		"/api/v1/tenants/{tenant}/agents": {"get"}, agentPath: {"get", "put", "patch", "delete"},
		agentPath + "/versions": {"get"}, agentPath + "/rollback": {"post"}, agentPath + "/card": {"put"},
		"/api/v1/card-keys": {"get", "post"}, "/api/v1/card-keys/{key}": {"delete"},
		agentPath + "/tasks": {"get"}, agentPath + "/tasks/{task}": {"get", "delete"}, agentPath + "/tasks/{task}/cancel": {"post"},
		agentPath + "/tasks/{task}/webhooks": {"get"},
		agentPath + "/tasks/{task}/log":      {"get"}, agentPath + "/contexts/{context}": {"delete"},
	} {
		for _, method := range methods {
			if _, ok := own.Paths[path][method]; !ok {
				t.Errorf("%s %s is not described", method, path)
			}
		}
		if len(own.Paths[path]) != len(methods) {
			t.Errorf("%s: %d operations described, want %d", path, len(own.Paths[path]), len(methods))
		}
		delete(own.Paths, path)
	}
	for path := range own.Paths {
		t.Errorf("%s is described but not listed here", path)
	}
}

func TestTasksAreManagedOverTheAdminAPI(t *testing.T) {
	t.Parallel()
	w := newScripted()
	h := newHouse(t, working(t, w))
	const base = "/api/v1/tenants/acme/agents/carded/tasks"
	send := func(text, contextID string) (id string) {
		t.Helper()
		var sent struct {
			Result struct{ Task struct{ ID string } }
		}
		h.rpc("/agents/acme/carded", "SendMessage", `{"message":{"messageId":"m","contextId":"`+contextID+`","role":"ROLE_USER","parts":[{"text":"`+text+`"}]}}`, "token", "acme").decode(t, &sent)
		return sent.Result.Task.ID
	}
	asks := send("ask", "a/b?c")
	for now := time.Now().UnixMilli(); time.Now().UnixMilli() <= now; { // what has one time has no order
		continue
	}
	logs := send("log one", "other")

	type shown struct {
		ID     string
		Status struct{ State string }
	}
	var list page[shown]
	h.do("GET", base+"?limit=1", "", "token", "acme").decode(t, &list)
	if len(list.Items) != 1 || list.Items[0].ID != logs || list.Next == "" {
		t.Errorf("list: got %+v, want the newest and more", list)
	}
	var rest page[shown]
	h.do("GET", base+"?after="+list.Next, "", "token", "acme").decode(t, &rest)
	if len(rest.Items) != 1 || rest.Items[0].ID != asks || rest.Next != "" {
		t.Errorf("the next page: got %+v", rest)
	}
	var filtered page[shown]
	h.do("GET", base+"?status=TASK_STATE_INPUT_REQUIRED", "", "token", "acme").decode(t, &filtered)
	if len(filtered.Items) != 1 || filtered.Items[0].ID != asks {
		t.Errorf("by status: got %+v", filtered)
	}
	for _, query := range []string{"?status=DONE", "?limit=0", "?limit=1000", "?after=nonsense"} {
		if r := h.do("GET", base+query, "", "token", "acme"); r.StatusCode < 400 || r.StatusCode > 499 {
			t.Errorf("list%s: got %d %s", query, r.StatusCode, r.body)
		}
	}
	var got shown
	h.do("POST", base+"/"+asks+"/cancel", "", "token", "acme").decode(t, &got)
	if got.Status.State != "TASK_STATE_CANCELED" {
		t.Errorf("cancel: got %+v", got)
	}
	if r := h.do("POST", base+"/"+asks+"/cancel", "", "token", "acme"); r.StatusCode != http.StatusBadRequest {
		t.Errorf("cancel again: got %d", r.StatusCode)
	}
	if r := h.do("DELETE", "/api/v1/tenants/acme/agents/carded/contexts/a%2Fb%3Fc", "", "token", "acme"); r.StatusCode != http.StatusNoContent {
		t.Errorf("delete the context: got %d %s", r.StatusCode, r.body)
	}
	if r := h.do("GET", base+"/"+asks, "", "token", "acme"); r.StatusCode != http.StatusNotFound {
		t.Errorf("a task of the deleted context: got %d", r.StatusCode)
	}
	if r := h.do("DELETE", base+"/"+logs, "", "token", "acme"); r.StatusCode != http.StatusNoContent {
		t.Errorf("delete: got %d %s", r.StatusCode, r.body)
	}
	if r := h.do("DELETE", base+"/"+logs, "", "token", "acme"); r.StatusCode != http.StatusNotFound {
		t.Errorf("delete again: got %d", r.StatusCode)
	}
}

func TestALogIsReadAndFollowedLineByLine(t *testing.T) {
	t.Parallel()
	h, w, run := holding(t, func(_ *parts, o *Options) { o.KeepAlive = time.Millisecond })
	path := "/api/v1/tenants/acme/agents/carded/tasks/" + run.TaskID + "/log"
	write := func(text string) {
		t.Helper()
		if err := run.Update(t.Context(), func(tx storage.Tx) error { return run.AppendLine(tx, "info", text) }); err != nil {
			t.Fatal(err)
		}
	}
	write("first")
	write("second")
	r := h.do("GET", path, "")
	if lines := strings.Split(strings.TrimSpace(r.body), "\n"); len(lines) != 2 || r.Header.Get("Content-Type") != typeNDJSON {
		t.Errorf("got %v %q, want two lines", r.Header, r.body)
	}
	resp := h.open("GET", path+"?follow=true&after=1", nil)
	defer resp.Body.Close()
	scanner := bufio.NewScanner(resp.Body)
	next := func() (line task.LogLine, ok bool) {
		t.Helper()
		for scanner.Scan() {
			if len(scanner.Bytes()) == 0 {
				continue // says that the connection lives
			}
			if err := json.Unmarshal(scanner.Bytes(), &line); err != nil {
				t.Fatal(err)
			}
			return line, true
		}
		return line, false
	}
	if line, _ := next(); line.Seq != 2 || line.Message != "second" {
		t.Errorf("got %+v, want the second line", line)
	}
	write("third")
	if line, _ := next(); line.Seq != 3 || line.Message != "third" {
		t.Errorf("got %+v, want the third line", line)
	}
	close(w.release)
	if line, ok := next(); ok || scanner.Err() != nil {
		t.Errorf("got %+v, %v after the end of the task", line, scanner.Err())
	}
	if r := h.do("GET", path+"?after=x", ""); r.StatusCode != http.StatusBadRequest {
		t.Errorf("a line that is no number: got %d", r.StatusCode)
	}
}

func TestABackupThatFailsBreaksTheConnection(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(_ *parts, o *Options) {
		o.Logger = nil
		o.Backup = func(_ context.Context, w interface{ Write([]byte) (int, error) }) error {
			w.Write([]byte("half of it"))
			return errors.New("disk on fire")
		}
	})
	resp := h.open("GET", "/api/v1/backup", nil, "token", "operator")
	defer resp.Body.Close()
	if data, err := io.ReadAll(resp.Body); err == nil {
		t.Errorf("got %q and no error", data)
	}
}

func TestTheNameOfADeletedAgentIsFreeWithTheAnswer(t *testing.T) {
	t.Parallel()
	h := newHouse(t, working(t, newScripted()))
	h.rpc("/agents/acme/carded", "SendMessage", `{"message":{"messageId":"m","contextId":"ctx","role":"ROLE_USER","parts":[{"text":"count"}]}}`, "token", "acme")
	const path = "/api/v1/tenants/acme/agents/carded"
	if r := h.do("DELETE", path, "", "token", "acme"); r.StatusCode != http.StatusNoContent {
		t.Fatalf("delete: got %d %s", r.StatusCode, r.body)
	}
	if _, err := h.agents.Declare(t.Context(), "acme", "carded", abi.Description{}, agent.PushOptions{}); err != nil {
		t.Fatalf("declare: %v", err)
	}
	if r := h.do("GET", path+"/tasks", "", "token", "acme"); r.StatusCode != http.StatusOK || !strings.Contains(r.body, `"items":[]`) {
		t.Errorf("tasks of the new agent: got %d %s", r.StatusCode, r.body)
	}
	r := h.rpc("/agents/acme/carded", "SendMessage", `{"message":{"messageId":"m","contextId":"ctx","role":"ROLE_USER","parts":[{"text":"count"}]}}`, "token", "acme")
	if !strings.Contains(r.body, "is 2 messages long") {
		t.Errorf("the context of the deleted agent is there: %s", r.body)
	}
}
