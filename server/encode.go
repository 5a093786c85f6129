package server

import (
	"bytes"
	"strconv"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"

	"github.com/carrelhq/carrel/internal/a2ajson"
	"github.com/carrelhq/carrel/task"
)

// appendTaskPage encodes a page of tasks. All four members are required, also
// where they are empty; a task has artifacts exactly when they were asked for.
// ProtoJSON can express neither. Section 3.1.4.
func appendTaskPage(dst []byte, page *a2apb.ListTasksResponse, artifacts bool) ([]byte, error) {
	dst = append(dst, `{"tasks":[`...)
	for i, t := range page.GetTasks() {
		if i > 0 {
			dst = append(dst, ',')
		}
		var err error
		if dst, err = a2ajson.Append(dst, t); err != nil {
			return nil, err
		}
		if artifacts && len(t.GetArtifacts()) == 0 {
			dst = append(bytes.TrimSuffix(dst, []byte("}")), `,"artifacts":[]}`...)
		}
	}
	dst = append(dst, `],"nextPageToken":`...)
	dst = append(dst, marshal(page.GetNextPageToken())...)
	dst = append(dst, `,"pageSize":`...)
	dst = strconv.AppendInt(dst, int64(page.GetPageSize()), 10)
	dst = append(dst, `,"totalSize":`...)
	dst = strconv.AppendInt(dst, int64(page.GetTotalSize()), 10)
	return append(dst, '}'), nil
}

// appendConfigPage encodes a page of push notification configs, whose list is there
// also where it is empty: ProtoJSON leaves it out.
func appendConfigPage(dst []byte, page *a2apb.ListTaskPushNotificationConfigsResponse) ([]byte, error) {
	if len(page.GetConfigs()) == 0 { // and so no page after it
		return append(dst, `{"configs":[]}`...), nil
	}
	return a2ajson.Append(dst, page)
}

// encodeTask encodes a task for all answers with it until it changes, unless it has
// links, which expire and lead to where the caller came in.
func encodeTask(links task.Link) task.EncodeTask {
	return func(t *a2apb.Task) ([]byte, bool, error) {
		linked := links.Task(t)
		body, err := a2ajson.Append(nil, linked)
		return body, linked == t, err
	}
}

// encodeEvent encodes an event for all the streams that show it.
func encodeEvent(r *a2apb.StreamResponse) ([]byte, error) { return a2ajson.Append(nil, r) }
