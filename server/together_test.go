package server

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"testing"
)

// TestWhatIsThereIsWrittenTogether has a stream write the events that it finds in one
// piece, and wait with none of them for what comes behind a message, which no client sees.
func TestWhatIsThereIsWrittenTogether(t *testing.T) {
	t.Parallel()
	h, w, run := holding(t)
	defer close(w.release)
	for i := range 4 {
		if err := run.Artifact(t.Context(), artifact(strconv.Itoa(i), i > 0)); err != nil {
			t.Fatal(err)
		}
	}
	h.rpc("/agents/acme/carded", "SendMessage", `{"message":{"messageId":"m2","taskId":"`+run.TaskID+`","role":"ROLE_USER","parts":[{"text":"more"}]},"configuration":{"returnImmediately":true}}`)
	c, err := net.Dial("tcp", strings.TrimPrefix(h.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	body := rpcBody("SubscribeToTask", `{"id":"`+run.TaskID+`"}`)
	fmt.Fprintf(c, "POST /agents/acme/carded HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nA2A-Version: 1.0\r\nLast-Event-ID: 1\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	if first := firstChunk(t, c); strings.Count(first, "\nid: ")+1 != 5 || !strings.HasPrefix(first, "id: 2\n") || strings.Contains(first, commentIdle) {
		t.Errorf("got %q first, want events 2 to 6", first)
	}
}

// firstChunk reads a response up to the end of the first chunk of its body.
func firstChunk(t *testing.T, r io.Reader) string {
	t.Helper()
	in := bufio.NewReader(r)
	line := func() string {
		text, err := in.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(text)
	}
	for line() != "" {
	}
	size, err := strconv.ParseInt(line(), 16, 32)
	if err != nil {
		t.Fatal(err)
	}
	chunk := make([]byte, size)
	if _, err := io.ReadFull(in, chunk); err != nil {
		t.Fatal(err)
	}
	return string(chunk)
}
