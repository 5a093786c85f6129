package main

import (
	"bufio"
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

// chunkTimes reads a stream to its end and calls seen with the due time of each chunk.
func chunkTimes(r io.Reader, seen func(due time.Time)) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 4<<20)
	for lines.Scan() {
		data, ok := strings.CutPrefix(lines.Text(), "data:")
		if !ok || !strings.Contains(data, `"artifactUpdate"`) {
			continue
		}
		due, err := chunkTime(data)
		if err != nil {
			return err
		}
		seen(due)
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
