package server

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/carrelhq/carrel/internal/telemetry"
)

func TestEveryAnswerHasTheSafetyHeaders(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for _, path := range []string{"/healthz", "/nowhere", "/agents/acme/open", "/agents/acme/open/.well-known/agent-card.json", "/api/v1/server", "/api/openapi.json"} {
		r := h.do("GET", path, "")
		for name, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
			"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
		} {
			if got := r.Header.Get(name); got != want {
				t.Errorf("%s: %s is %q, want %q", path, name, got, want)
			}
		}
		if r.Header.Get("Server") != "" || r.Header.Get("Cache-Control") == "" {
			t.Errorf("%s: got headers %v", path, r.Header)
		}
	}
}

func TestADevelopmentServerAnswersUnderLocalNamesOnly(t *testing.T) {
	t.Parallel()
	h := newHouse(t, dev, func(_ *parts, o *Options) { o.PublicURL = "https://tunnel.example:8443/" })
	for host, want := range map[string]int{
		"localhost": 200, "localhost:7333": 200, "agent.localhost": 200, "127.0.0.1:80": 200, "[::1]:80": 200, "tunnel.example": 200,
		"evil.example": 421, "127.0.0.1.evil.example": 421, "192.0.2.1": 421, "localhost.evil.example:7333": 421,
	} {
		_, r := h.dial("GET /healthz HTTP/1.1\nHost: " + host + "\n\n")
		if got := h.answer(r); got.StatusCode != want {
			t.Errorf("host %s: got %d, want %d", host, got.StatusCode, want)
		}
	}
}

func TestCardsGiveTheAddressThatClientsCanUse(t *testing.T) {
	t.Parallel()
	forwarded := "X-Forwarded-Host: agents.example.com\nX-Forwarded-Proto: https\n"
	for _, test := range []struct {
		name    string
		opts    Options
		headers string
		want    string
	}{
		{"the host that was asked", Options{}, "Host: here.example:99\n", "http://here.example:99"},
		{"forwarded by nobody we trust", Options{}, "Host: here.example\n" + forwarded, "http://here.example"},
		{"forwarded by a trusted proxy", Options{TrustedProxies: []string{"127.0.0.0/8"}}, "Host: here.example\n" + forwarded, "https://agents.example.com"},
		{"forwarded by one trusted address", Options{TrustedProxies: []string{"127.0.0.1"}}, "Host: here.example\n" + forwarded, "https://agents.example.com"},
		{"the public address", Options{PublicURL: "https://public.example/", TrustedProxies: []string{"127.0.0.1"}}, "Host: here.example\n" + forwarded, "https://public.example"},
		{"a scheme that is none", Options{TrustedProxies: []string{"127.0.0.1"}}, "Host: here.example\nX-Forwarded-Proto: javascript\n", "http://here.example"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, func(_ *parts, o *Options) { *o = test.opts })
			_, r := h.dial("GET /agents/acme/open/.well-known/agent-card.json HTTP/1.1\n" + test.headers + "\n")
			got := h.answer(r)
			if want := `"url":"` + test.want + `/agents/acme/open"`; !strings.Contains(got.body, want) {
				t.Errorf("got %d %s, want %s", got.StatusCode, got.body, want)
			}
		})
	}
}

func TestAHostHeaderIsAHostOrNothing(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]bool{
		"agents.example.com": true, "agents.example.com:8443": true, "[::1]:80": true, "10.0.0.1": true,
		"my_agents-1.example.": true, "agents.example.com:": true, "[fe80::1]": true, "XN--a": true,
		"": false, "a/b": false, "a?b": false, "a#b": false, "user@host": false, "a b": false, "a:b:c": false,
		`a"b`: false, "a'b": false, "a<b>": false, "a,b": false, "a%22b": false, "a\\b": false, "ä": false, "[fe80::1%25eth0]": false,
		"[a]": false, "[": false, ":80": false, "a:b": false, "a;b": false,
	} {
		if got := plainHost(host); got != want {
			t.Errorf("plainHost(%q) = %v, want %v", host, got, want)
		}
	}
}

func TestOptionsThatMakeNoSenseAreRefused(t *testing.T) {
	t.Parallel()
	for name, opts := range map[string]Options{
		"a proxy without an address":       {TrustedProxies: []string{"proxy.example"}},
		"a default agent without a tenant": {DefaultAgent: "counter"},
		"a certificate without a key":      {TLSCert: "cert.pem"},
		"a certificate that is not there":  {TLSCert: "no-cert.pem", TLSKey: "no-key.pem"},
	} {
		if _, err := newServer(parts{}, opts); err == nil || !strings.HasPrefix(err.Error(), "server: ") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestTheLandingAgentIsTheDefaultOrTheSoleOne(t *testing.T) {
	t.Parallel()
	h := newHouse(t, working(t, newScripted()), func(_ *parts, o *Options) { o.DefaultAgent = "beta/open" })
	if r := h.do("GET", "/.well-known/agent-card.json", ""); !strings.Contains(r.body, "/agents/beta/open") {
		t.Errorf("default: got %d %s", r.StatusCode, r.body)
	}
	send := `{"message":{"messageId":"m","role":"ROLE_USER","parts":[{"text":"echo hi"}]}}`
	if r := h.rpc("/", "SendMessage", send); r.code(t) != 0 {
		t.Errorf("call: got %s", r.body)
	}
	several := newHouse(t)
	if r := several.rpc("/", "SendMessage", send); r.StatusCode != http.StatusNotFound {
		t.Errorf("several: got %d", r.StatusCode)
	}
	for _, owner := range []string{"acme", "beta"} {
		for _, name := range []string{"open", "carded", "hidden"} {
			if owner+name == "acmecarded" {
				continue
			}
			if err := several.agents.Delete(t.Context(), owner, name); err != nil {
				t.Fatal(err)
			}
		}
	}
	if r := several.do("GET", "/.well-known/agent-card.json", ""); !strings.Contains(r.body, "/agents/acme/carded") {
		t.Errorf("sole: got %d %s", r.StatusCode, r.body)
	}
	if r := several.do("GET", "/", ""); r.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("sole in a browser: got %d", r.StatusCode)
	}
}

// TestASolePrivateAgentIsNotThere asks a server with one agent, which is private,
// and one with none for whatever may lie at "/": the answers are the same.
func TestASolePrivateAgentIsNotThere(t *testing.T) {
	t.Parallel()
	one, none := newHouse(t), newHouse(t)
	for _, owner := range []string{"acme", "beta"} {
		for _, name := range []string{"open", "carded", "hidden"} {
			for _, h := range []*house{one, none} {
				if h == one && owner+name == "acmehidden" {
					continue
				}
				if err := h.agents.Delete(t.Context(), owner, name); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	for _, path := range []string{
		"/", cardPath, oldCardPath, documentPath, "/tasks", "/tasks/x", "/tasks/x:subscribe", "/message:send", "/extendedAgentCard",
		"/v1/card", "/v1/message:send", "/acme/tasks", "/acme/hidden/tasks", "/acme/hidden/message:send",
	} {
		for _, method := range methods {
			for _, token := range []string{"", "beta", "nobody"} {
				a := one.do(method, path, `{}`, "Content-Type", typeJSON, "token", token)
				b := none.do(method, path, `{}`, "Content-Type", typeJSON, "token", token)
				a.Header.Del("Date")
				b.Header.Del("Date")
				if a.StatusCode != b.StatusCode || a.body != b.body || fmt.Sprint(a.Header) != fmt.Sprint(b.Header) {
					t.Errorf("%s %s as %q:\n%d %v %s\n%d %v %s", method, path, token, a.StatusCode, a.Header, a.body, b.StatusCode, b.Header, b.body)
				}
			}
		}
	}
}

func TestOnlyNamedOriginsReachTheAdminAPI(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(_ *parts, o *Options) { o.CORSOrigins = []string{"https://ops.example"} })
	for _, test := range []struct{ origin, path, want string }{
		{"https://ops.example", "/api/v1/server", "https://ops.example"},
		{"https://ops.example", "/agents/acme/open", "https://ops.example"},
		{"https://evil.example", "/api/v1/server", ""},
		{"https://evil.example", "/agents/acme/open", ""},
		{"", "/agents/acme/open", ""},
	} {
		r := h.do("OPTIONS", test.path, "", "Origin", test.origin, "Access-Control-Request-Method", "POST")
		if got := r.Header.Get("Access-Control-Allow-Origin"); got != test.want || r.Header.Get("Vary") != "Origin" {
			t.Errorf("%q on %s: got %q, Vary %q; want %q", test.origin, test.path, got, r.Header.Get("Vary"), test.want)
		}
	}
}

func TestPagesOfOtherOriginsDoNotRuleADevelopmentServer(t *testing.T) {
	t.Parallel()
	h := newHouse(t, dev)
	for origin, want := range map[string]int{"": 201, h.url: 201, "https://evil.example": 403, "null": 403} {
		// Without a Content-Type a browser does not ask before it sends.
		r := h.do("POST", "/api/v1/tenants/acme/keys", "{}", "Origin", origin)
		if r.StatusCode != want {
			t.Errorf("origin %q: got %d %s, want %d", origin, r.StatusCode, r.body, want)
		}
	}
}

func TestReadinessSaysWhetherWorkIsTaken(t *testing.T) {
	t.Parallel()
	failing := newHouse(t, func(_ *parts, o *Options) {
		o.Ready = func(context.Context) error { return errors.New("secret cause") }
	})
	if r := failing.do("GET", "/readyz", ""); r.StatusCode != http.StatusServiceUnavailable || strings.Contains(r.body, "secret") {
		t.Errorf("got %d %s", r.StatusCode, r.body)
	}
	if r := failing.do("GET", "/healthz", ""); r.StatusCode != http.StatusOK {
		t.Errorf("health: got %d", r.StatusCode)
	}
}

func TestMetricsAreForTheOperator(t *testing.T) {
	t.Parallel()
	tele, err := telemetry.New(t.Context(), telemetry.Options{})
	if err != nil {
		t.Fatal(err)
	}
	measured := func(_ *parts, o *Options) { o.Telemetry, o.MetricsText = tele, tele.MetricsText }
	h := newHouse(t, measured)
	h.rpc("/agents/acme/open", "GetTask", `{"id":"x"}`)
	h.do("GET", "/api/v1/tenants/acme/agents/open", "", "token", "acme")
	h.do("GET", "/nowhere/in/particular", "")
	for token, want := range map[string]int{"": 401, "acme": 403, "operator": 200} {
		if r := h.do("GET", "/metrics", "", "token", token); r.StatusCode != want {
			t.Errorf("with the key of %q: got %d, want %d", token, r.StatusCode, want)
		}
	}
	text := h.do("GET", "/metrics", "", "token", "operator").body
	for _, route := range []string{`route="POST /agents/{tenant}/{agent}",status="2xx"`, `route="GET /api/v1/tenants/{tenant}/agents/{agent}",status="2xx"`, `route="GET unknown",status="4xx"`} {
		if !strings.Contains(text, route) {
			t.Errorf("no request was counted as %s", route)
		}
	}
	if strings.Contains(text, "particular") {
		t.Error("a path that a client made up is a label")
	}
	open := newHouse(t, measured, dev)
	if r := open.do("GET", "/metrics", ""); r.StatusCode != http.StatusOK {
		t.Errorf("development: got %d", r.StatusCode)
	}
}

func TestStreamsAndCallsWorkOverTLS(t *testing.T) {
	t.Parallel()
	cert, key, pool := selfSigned(t)
	w := newScripted()
	h := newHouse(t, working(t, w), func(_ *parts, o *Options) { o.TLSCert, o.TLSKey = cert, key })
	h.url = strings.Replace(h.url, "http://", "https://", 1)
	h.client.Transport.(*http.Transport).TLSClientConfig = &tls.Config{RootCAs: pool}
	s := h.subscribe("/agents/acme/carded", "SendStreamingMessage", `{"message":{"messageId":"m","role":"ROLE_USER","parts":[{"text":"chunks 3"}]}}`, "token", "acme")
	n := 0
	for _, ok := s.next(); ok; _, ok = s.next() {
		n++
	}
	if n != 6 {
		t.Errorf("got %d events, want 6", n)
	}
	r := h.do("GET", "/agents/acme/open/.well-known/agent-card.json", "")
	if r.Header.Get("Strict-Transport-Security") == "" || !strings.Contains(r.body, `"url":"`+h.url) {
		t.Errorf("got %v %s", r.Header, r.body)
	}
	large := rpcBody("SendMessage", `{"x":"`+strings.Repeat("x", 10<<20)+`"}`)
	if r := h.do("POST", "/agents/acme/carded", large, "token", "acme", "Content-Type", "application/json"); r.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("10 MB: got %d", r.StatusCode)
	}
}

// selfSigned writes a certificate for 127.0.0.1 and its key.
func selfSigned(t *testing.T) (certFile, keyFile string, pool *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	keyPEM := pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: keyDER})
	dir := t.TempDir()
	certFile, keyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	if err := errors.Join(os.WriteFile(certFile, certPEM, 0o600), os.WriteFile(keyFile, keyPEM, 0o600)); err != nil {
		t.Fatal(err)
	}
	pool = x509.NewCertPool()
	pool.AppendCertsFromPEM(certPEM)
	return certFile, keyFile, pool
}
