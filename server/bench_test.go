package server

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
)

// rawClient sends the same request over one connection, and costs little itself.
type rawClient struct {
	c   net.Conn
	r   *bufio.Reader
	raw []byte
}

func newRawClient(b *testing.B, url, request string) *rawClient {
	b.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { c.Close() })
	return &rawClient{c, bufio.NewReader(c), []byte(request)}
}

func (c *rawClient) do() error {
	if _, err := c.c.Write(c.raw); err != nil {
		return err
	}
	resp, err := http.ReadResponse(c.r, nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK || strings.Contains(string(body), `"error"`) {
		return fmt.Errorf("HTTP %d %s, %v", resp.StatusCode, body, err)
	}
	return nil
}

func benchmark(b *testing.B, request func(h *house) string) {
	h := newHouse(b, working(b, newScripted()))
	raw := request(h)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		c := newRawClient(b, h.url, raw)
		for pb.Next() {
			if err := c.do(); err != nil {
				b.Error(err)
				return
			}
		}
	})
}

func post(h *house, body string) string {
	return fmt.Sprintf("POST /agents/acme/carded HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nA2A-Version: 1.0\r\nContent-Length: %d\r\n\r\n%s", h.tokens["acme"], len(body), body)
}

const echoParams = `{"message":{"messageId":"m","role":"ROLE_USER","parts":[{"text":"echo hello"}]}}`

// BenchmarkBlockingEcho is a task from request to answer, on the store in memory.
func BenchmarkBlockingEcho(b *testing.B) {
	benchmark(b, func(h *house) string { return post(h, rpcBody("SendMessage", echoParams)) })
}

// BenchmarkEmptyList is what the edge costs without the work behind it.
func BenchmarkEmptyList(b *testing.B) {
	benchmark(b, func(h *house) string {
		return post(h, rpcBody("ListTasks", `{"pageSize":1}`))
	})
}

// BenchmarkCard is one fetch of a card.
func BenchmarkCard(b *testing.B) {
	benchmark(b, func(*house) string {
		return "GET /agents/acme/carded/.well-known/agent-card.json HTTP/1.1\r\nHost: x\r\n\r\n"
	})
}
