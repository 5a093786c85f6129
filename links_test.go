package carrel_test

import (
	"encoding/base64"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
)

var linkToPart = regexp.MustCompile(`http://[^/"]+(/blobs/default/[^"]+)`)

// TestLinksToLargePartsOutliveTheServer has webhooks of both versions told of a
// file, and fetches it from the next server on the same data.
func TestLinksToLargePartsOutliveTheServer(t *testing.T) {
	t.Parallel()
	hook, told := telling(t)
	opts := embedded(t.TempDir())
	opts.AllowEgress = []string{"127.0.0.0/8"}
	s := start(t, opts)
	content := strings.Repeat("0123456789", 30_000)
	raw := base64.StdEncoding.EncodeToString([]byte(content))
	rpc(t, s, "SendMessage", strings.Replace(withWebhook(hook), `{"text":"hello"}`, `{"text":"hello"},{"raw":"`+raw+`"}`, 1))
	rpc(t, s, "message/send", `{"message":{"kind":"message","messageId":"m","role":"user","parts":[{"kind":"text","text":"hello"},{"kind":"file","file":{"bytes":"`+raw+`"}}]},
		"configuration":{"pushNotificationConfig":{"url":"`+hook+`"}}}`)
	paths := map[string]string{}
	for len(paths) < 2 {
		body := <-told
		if link := linkToPart.FindStringSubmatch(body); link != nil {
			version := "1.0"
			if strings.Contains(body, `"kind":"task"`) {
				version = "0.3"
			}
			paths[version] = strings.ReplaceAll(link[1], `\u0026`, "&")
		}
	}
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	next := start(t, opts)
	for version, path := range paths {
		resp, err := http.Get(next.URL() + path)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || string(got) != content {
			t.Errorf("%s: %s leads to status %d and %d bytes, %v", version, path, resp.StatusCode, len(got), err)
		}
	}
}
