package push

import (
	"net/http"
	"testing"
	"time"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"

	"github.com/carrelhq/carrel/task"
)

// FuzzRetryAfter: a webhook may have us wait, and not for a time that is over.
func FuzzRetryAfter(f *testing.F) {
	for _, header := range []string{"", "7", "-1", "9223372036854775807", "+7", "Tue, 14 Nov 2023 22:13:27 GMT", "Fri, 31 Dec 9999 23:59:59 GMT", "1e3"} {
		f.Add(header)
	}
	now := time.Unix(1_700_000_000, 0)
	f.Fuzz(func(t *testing.T, header string) {
		resp := &http.Response{StatusCode: http.StatusServiceUnavailable, Header: http.Header{"Retry-After": {header}}}
		if o := judge(resp, now); o.after < 0 || o.taken || o.gone || o.fault == "" {
			t.Errorf("%q: got %+v", header, o)
		}
	})
}

// FuzzSecrets: what a client gave its webhook for a secret is shown and signed
// with, or is no secret to sign with.
func FuzzSecrets(f *testing.F) {
	f.Add("token", "Bearer", "credentials")
	f.Add(task.SigningSecret+"MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "", "")
	f.Add(task.SigningSecret+"!", "", "a\r\nb: c")
	f.Fuzz(func(t *testing.T, token, scheme, credentials string) {
		config := &a2apb.TaskPushNotificationConfig{Token: token, Authentication: &a2apb.AuthenticationInfo{Scheme: scheme, Credentials: credentials}}
		h := http.Header{}
		authenticate(h, config)
		err := sign(h, &task.Delivery{Config: config}, task.Event{Seq: 1}, time.Unix(1, 0), []byte("{}"))
		if signed := h.Get("Webhook-Signature") != ""; err == nil && signed != (token+credentials != "") {
			t.Errorf("%q, %q: signed is %t", token, credentials, signed)
		}
	})
}
