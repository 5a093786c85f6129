package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/tetratelabs/wazero"
)

// serve answers A2A's blocking SendMessage at /agents/TENANT/NAME, an instance for
// each request, from the modules in files: each is an agent of its file's name. It
// is what wazero offers by itself: a guest ends when its caller has gone.
func serve(ctx context.Context, port int, files []string) error {
	l, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(port))
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	for _, file := range files {
		module, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		e, err := newEngine(ctx, wazero.NewRuntimeConfig().WithCloseOnContextDone(true), module)
		if err != nil {
			return err
		}
		mux.Handle("POST /agents/{tenant}/"+strings.TrimSuffix(filepath.Base(file), ".wasm"), agent{e})
	}
	fmt.Println("ready")
	return http.Serve(l, mux)
}

// agent is a guest behind an address.
type agent struct {
	engine *engine
}

// ServeHTTP answers with the completed task, or with the error that the guest ended with.
func (a agent) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	task, err := a.work(r)
	reply := map[string]any{"jsonrpc": "2.0", "id": 1}
	if err != nil {
		reply["error"] = map[string]any{"code": -32603, "message": err.Error()}
	} else {
		reply["result"] = map[string]any{"task": task}
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(reply)
}

// work has a new instance of the guest answer the message of a request.
func (a agent) work(r *http.Request) (map[string]any, error) {
	var call struct {
		Params struct{ Message json.RawMessage }
	}
	if err := json.NewDecoder(r.Body).Decode(&call); err != nil {
		return nil, err
	}
	in, err := a.engine.instantiate(r.Context())
	if err != nil {
		return nil, err
	}
	defer in.Close(context.Background())
	request := `{"taskId":"1","contextId":"2","tenant":"t","agent":"a","run":1,"message":` + string(call.Params.Message) + `}`
	answer, err := ask(r.Context(), in, request)
	if err != nil {
		return nil, err
	}
	var reply struct {
		State     string
		Artifacts json.RawMessage
	}
	if err := json.Unmarshal(answer, &reply); err != nil {
		return nil, err
	}
	if reply.State != "" && reply.State != "completed" {
		return nil, errors.New("the task ended as " + reply.State)
	}
	return map[string]any{"id": "1", "status": map[string]any{"state": "TASK_STATE_COMPLETED"}, "artifacts": reply.Artifacts}, nil
}
