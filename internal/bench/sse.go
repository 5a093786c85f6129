package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// open makes a JSON-RPC call that is answered by a stream.
func open(ctx context.Context, client *http.Client, url, method, params string) (*http.Response, error) {
	body := fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":%q,"params":%s}`, method, params)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("A2A-Version", "1.0")
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	if !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream") {
		defer resp.Body.Close()
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 1000))
		return nil, fmt.Errorf("%s: HTTP %d: %s", method, resp.StatusCode, text)
	}
	return resp, nil
}

// messageParams is a message of one text, as the params of SendMessage.
func messageParams(text string, immediately bool) string {
	return fmt.Sprintf(`{"message":{"messageId":"m","role":"ROLE_USER","parts":[{"text":%q}]},"configuration":{"returnImmediately":%t}}`, text, immediately)
}

// chunkTimes reads a stream to its end, then calls seen for each chunk with when
// it was due and when it came. Nothing is decoded before: a thousand streams
// would keep the client busier than the server.
func chunkTimes(r io.Reader, seen func(due, came time.Time)) error {
	type arrival struct {
		data string
		came time.Time
	}
	var chunks []arrival
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 4<<20)
	for lines.Scan() {
		if bytes.HasPrefix(lines.Bytes(), []byte("data:")) && bytes.Contains(lines.Bytes(), []byte(`"artifactUpdate"`)) {
			chunks = append(chunks, arrival{lines.Text()[len("data:"):], time.Now()})
		}
	}
	for _, c := range chunks {
		due, err := chunkTime(c.data)
		if err != nil {
			return err
		}
		seen(due, c.came)
	}
	return lines.Err()
}

func chunkTime(data string) (time.Time, error) {
	var frame struct {
		Result struct {
			ArtifactUpdate struct {
				Artifact struct {
					Parts []struct{ Text string }
				}
			}
		}
	}
	if err := json.Unmarshal([]byte(data), &frame); err != nil {
		return time.Time{}, err
	}
	parts := frame.Result.ArtifactUpdate.Artifact.Parts
	if len(parts) != 1 {
		return time.Time{}, fmt.Errorf("a chunk of %d parts", len(parts))
	}
	ns, err := strconv.ParseInt(parts[0].Text, 10, 64)
	return time.Unix(0, ns), err
}
