package server

import (
	"fmt"
	"testing"

	"github.com/carrelhq/carrel/server/v03"
	"github.com/carrelhq/carrel/task"
)

// v03Methods are the methods of the JSON-RPC binding of 0.3.
var v03Methods = []string{
	"message/send", "message/stream", "tasks/get", "tasks/cancel", "tasks/resubscribe",
	"tasks/pushNotificationConfig/set", "tasks/pushNotificationConfig/get",
	"tasks/pushNotificationConfig/list", "tasks/pushNotificationConfig/delete",
	"agent/getAuthenticatedExtendedCard",
}

// TestWhatIsNotYoursIsNotThereIn03 is TestWhatIsNotYoursIsNotThere for 0.3.
func TestWhatIsNotYoursIsNotThereIn03(t *testing.T) {
	t.Parallel()
	h := newHouse(t, workingWith(t, newScripted(), task.Options{Push: pushing}))
	var sent struct{ Result struct{ ID string } }
	message := `{"message":{"kind":"message","messageId":"m","role":"user","parts":[{"kind":"text","text":"ask"}]}}`
	h.do("POST", "/agents/beta/hidden", rpcBody("message/send", message), "token", "beta", "Content-Type", "application/json").decode(t, &sent)
	const noTask = "00000000-0000-4000-8000-000000000000"
	id := sent.Result.ID
	if id == "" {
		t.Fatal("nothing was sent")
	}
	below := func(id string) []string {
		list := []string{"", "/", "/.well-known/agent.json", "/v1/message:send", "/v1/message:stream", "/v1/tasks", "/v1/card"}
		for _, verb := range []string{"", ":cancel", ":subscribe", "/pushNotificationConfigs", "/pushNotificationConfigs/x"} {
			list = append(list, "/v1/tasks/"+id+verb)
		}
		return list
	}
	same := func(theirs, nobodys reply, what ...any) {
		t.Helper()
		if got, want := seen(theirs), seen(nobodys); got != want {
			t.Errorf("%s: got\n%s\nbut for what is not there\n%s", fmt.Sprint(what...), got, want)
		}
	}
	for _, who := range [][]string{nil, {"token", "acme"}, {"Authorization", "Bearer ck_nosuchke_y"}} {
		for i, path := range below(id) {
			h.forgive()
			for _, method := range methods {
				headers := append([]string{"Content-Type", "application/json"}, who...)
				body := rpcBody("tasks/get", `{"id":"`+id+`"}`)
				same(h.do(method, "/agents/beta/hidden"+path, body, headers...),
					h.do(method, "/agents/beta/nobody"+below(noTask)[i], body, headers...), method, " ", path, " as ", who)
			}
		}
	}
	// Its own agent, with another's ids.
	for i, path := range below(id)[7:] {
		for _, method := range methods {
			headers := []string{"token", "acme", "Content-Type", "application/json", "Last-Event-ID", "1"}
			body := `{"config":{"pushNotificationConfig":{"url":"https://hooks.example.com/"}}}`
			same(h.do(method, "/agents/acme/hidden"+path, body, headers...),
				h.do(method, "/agents/acme/hidden"+below(noTask)[7:][i], body, headers...), method, " ", path)
		}
	}
	for _, method := range v03Methods {
		if _, ok := v03.Method(method); !ok {
			t.Errorf("%s is no method of 0.3", method)
		}
		for _, params := range []string{
			`{"id":"%s"}`, `{"id":"%s","pushNotificationConfigId":"x"}`, `{"taskId":"%s","pushNotificationConfig":{"url":"https://x"}}`,
			`{"message":{"messageId":"m","taskId":"%s","role":"user","parts":[{"kind":"text","text":"hi"}]}}`,
		} {
			headers := []string{"token", "acme", "Content-Type", "application/json"}
			same(h.do("POST", "/agents/acme/hidden", rpcBody(method, fmt.Sprintf(params, id)), headers...),
				h.do("POST", "/agents/acme/hidden", rpcBody(method, fmt.Sprintf(params, noTask)), headers...), method, " ", params)
		}
	}
	var still struct {
		Result struct{ Status struct{ State string } }
	}
	h.do("POST", "/agents/beta/hidden", rpcBody("tasks/get", `{"id":"`+id+`"}`), "token", "beta", "Content-Type", "application/json").decode(t, &still)
	if got := still.Result.Status.State; got != "input-required" {
		t.Errorf("the task is %s", got)
	}
}
