package task_test

import (
	"encoding/base64"
	"errors"
	"testing"
	"time"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/carrelhq/carrel/storage/storagetest"
	"github.com/carrelhq/carrel/task"
)

// tokenHouse has three tasks in a context, a query for them, and ann's token for
// the second page of it.
func tokenHouse(t *testing.T, key []byte) (*house, *a2apb.ListTasksRequest) {
	t.Helper()
	h := newHouse(t, storagetest.Memory(), task.Options{TokenKey: key})
	for range 3 {
		h.send("hi", "ctx")
	}
	size := int32(1)
	req := &a2apb.ListTasksRequest{PageSize: &size, Status: submitted, ContextId: "ctx", StatusTimestampAfter: timestamppb.New(time.Unix(1, 0))}
	page, err := h.List(t.Context(), bot, "ann", req)
	if err != nil || page.NextPageToken == "" {
		t.Fatal(page, err)
	}
	req.PageToken = page.NextPageToken
	return h, req
}

func TestAPageTokenServesOneCallerAndOneQuery(t *testing.T) {
	t.Parallel()
	h, base := tokenHouse(t, nil)
	yes, ten := true, int32(10)
	for name, c := range map[string]struct {
		ref    task.Ref
		caller string
		change func(*a2apb.ListTasksRequest)
		taken  bool
	}{
		"the same again":     {taken: true},
		"more at a time":     {change: func(r *a2apb.ListTasksRequest) { r.PageSize = &ten }, taken: true},
		"more of each":       {change: func(r *a2apb.ListTasksRequest) { r.IncludeArtifacts, r.HistoryLength = &yes, &ten }, taken: true},
		"another caller":     {caller: "bob"},
		"another tenant":     {ref: task.Ref{Tenant: "umbrella", Agent: bot.Agent}},
		"another agent":      {ref: task.Ref{Tenant: bot.Tenant, Agent: "other"}},
		"parts moved":        {ref: task.Ref{Tenant: "acm", Agent: "ebot"}},
		"no state":           {change: func(r *a2apb.ListTasksRequest) { r.Status = 0 }},
		"another state":      {change: func(r *a2apb.ListTasksRequest) { r.Status = working }},
		"no context":         {change: func(r *a2apb.ListTasksRequest) { r.ContextId = "" }},
		"another context":    {change: func(r *a2apb.ListTasksRequest) { r.ContextId = "c" }},
		"no time":            {change: func(r *a2apb.ListTasksRequest) { r.StatusTimestampAfter = nil }},
		"a nanosecond later": {change: func(r *a2apb.ListTasksRequest) { r.StatusTimestampAfter.Nanos++ }},
	} {
		t.Run(name, func(t *testing.T) {
			req := proto.CloneOf(base)
			if c.change != nil {
				c.change(req)
			}
			ref, caller := bot, "ann"
			if c.ref.Agent != "" {
				ref = c.ref
			}
			if c.caller != "" {
				caller = c.caller
			}
			page, err := h.List(t.Context(), ref, caller, req)
			if c.taken && (err != nil || len(page.Tasks) == 0) {
				t.Errorf("got %v, %v", page, err)
			}
			if !c.taken && !errors.Is(err, task.ErrInvalidParams) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestAPageTokenThatWasTouchedIsRefused(t *testing.T) {
	t.Parallel()
	h, req := tokenHouse(t, nil)
	raw, err := base64.RawURLEncoding.DecodeString(req.PageToken)
	if err != nil {
		t.Fatal(err)
	}
	for bit := range len(raw) * 8 {
		raw[bit/8] ^= 1 << (bit % 8)
		req.PageToken = base64.RawURLEncoding.EncodeToString(raw)
		raw[bit/8] ^= 1 << (bit % 8)
		if _, err := h.List(t.Context(), bot, "ann", req); !errors.Is(err, task.ErrInvalidParams) {
			t.Errorf("bit %d: got %v", bit, err)
		}
	}
}

func TestPageTokensLiveAsLongAsTheirKey(t *testing.T) {
	t.Parallel()
	key := make([]byte, 32)
	h, req := tokenHouse(t, key)
	for name, c := range map[string]struct {
		key   []byte
		taken bool
	}{"the same": {key, true}, "another": {append([]byte{1}, key[1:]...), false}, "one of its own": {nil, false}} {
		next, err := task.NewManager(h.db, h.broker, h.agents, task.Options{TokenKey: c.key})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := next.List(t.Context(), bot, "ann", req); (err == nil) != c.taken {
			t.Errorf("a key that is %s: got %v", name, err)
		}
	}
}
