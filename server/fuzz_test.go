package server

import (
	"testing"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"
)

// FuzzDecodeQuery03 has the queries of 0.3.
func FuzzDecodeQuery03(f *testing.F) {
	for _, query := range []string{"historyLength=1", "history_length=-1", "pageSize=x&pageToken=", "status=TASK_STATE_WORKING", "a=%zz"} {
		f.Add(query)
	}
	f.Fuzz(func(t *testing.T, query string) {
		req := &a2apb.ListTasksRequest{}
		if err := decodeQuery03(query, req); err == nil && len(req.GetPageToken())+len(req.GetContextId()) > len(query) {
			t.Errorf("%q became %v", query, req)
		}
	})
}
