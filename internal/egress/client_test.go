package egress

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// loopback is a guard that reaches test servers.
func loopback(opts Options) *Guard {
	opts.Allow = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}
	return New(opts)
}

func get(t *testing.T, c *http.Client, target string) (*http.Response, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, target, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer s3cret")
	return c.Do(req)
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.RedirectHandler("http://169.254.169.254/", http.StatusFound))
	defer server.Close()
	c := loopback(Options{}).Client(ClientOptions{})
	defer c.CloseIdleConnections()
	resp, err := get(t, c, server.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusFound {
		t.Errorf("got %s", resp.Status)
	}
}

func TestRedirectsThatAreFollowedAreChecked(t *testing.T) {
	t.Parallel()
	var seen http.Header
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen = r.Header.Clone() }))
	defer other.Close()
	mux := http.NewServeMux()
	for path, target := range map[string]string{
		"/private": "http://10.0.0.1/", "/file": "file:///etc/passwd", "/user": "http://u:p@127.0.0.1/", "/loop": "/loop", "/other": other.URL + "/",
	} {
		mux.Handle(path, http.RedirectHandler(target, http.StatusTemporaryRedirect))
	}
	server := httptest.NewServer(mux)
	defer server.Close()
	c := loopback(Options{}).Client(ClientOptions{Redirects: 3})
	defer c.CloseIdleConnections()
	for _, path := range []string{"/private", "/file", "/user", "/loop"} {
		if _, err := get(t, c, server.URL+path); !errors.Is(err, ErrUnreachable) {
			t.Errorf("%s: got %v", path, err)
		}
	}
	resp, err := get(t, c, server.URL+"/other")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if seen == nil || seen.Get("Authorization") != "" || seen.Get("Referer") != "" {
		t.Errorf("another origin saw %v", seen)
	}
}

func TestARedirectFromHTTPSToHTTPIsNotFollowed(t *testing.T) {
	t.Parallel()
	from, _ := url.Parse("https://example.com/a")
	to, _ := url.Parse("http://example.com/b")
	err := redirect(&http.Request{URL: to, Header: http.Header{}}, []*http.Request{{URL: from}}, 5)
	if !errors.Is(Cause(err), errDowngrade) {
		t.Errorf("got %v", err)
	}
}

func TestRequestsAreChecked(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a request came through") }))
	defer server.Close()
	c := loopback(Options{}).Client(ClientOptions{Hosts: []string{"api.example.com", "127.0.0.1"}})
	spoil := map[string]func(*http.Request){
		"another Host header": func(r *http.Request) { r.Host = "metadata.internal" },
		"a line in a header":  func(r *http.Request) { r.Header.Set("X-Token", "a\r\nX-Evil: b") },
		"a user":              func(r *http.Request) { r.URL.User = url.User("u") },
		"another scheme":      func(r *http.Request) { r.URL.Scheme = "ftp" },
		"an odd host":         func(r *http.Request) { r.URL.Host = "2130706433" },
		"a host not granted":  func(r *http.Request) { r.URL.Host = "localhost"; r.Host = "localhost" },
	}
	for name, change := range spoil {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL, strings.NewReader("x"))
		if err != nil {
			t.Fatal(err)
		}
		change(req)
		if _, err := c.Do(req); !errors.Is(err, ErrUnreachable) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// Nothing tells a closed port from a server that speaks something else, is
// silent, or hangs up.
func TestTargetsThatDoNotSpeakHTTPAreUnreachable(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for name, speak := range map[string]string{"another protocol": "220 mail.example.com ESMTP\r\n", "long headers": "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 2*maxHeader) + "\r\n\r\n", "silence": ""} {
			g := New(Options{Dial: func(context.Context, string, string) (net.Conn, error) {
				ours, theirs := net.Pipe()
				go func() {
					go func() { _, _ = io.Copy(io.Discard, theirs) }()
					_, _ = io.WriteString(theirs, speak)
				}()
				return ours, nil
			}})
			c := g.Client(ClientOptions{Timeout: 10 * time.Second})
			began := time.Now()
			_, err := get(t, c, "http://8.8.8.8/")
			var urlErr *url.Error
			if !errors.As(err, &urlErr) || urlErr.Err.Error() != ErrUnreachable.Error() {
				t.Errorf("%s: got %v", name, err)
			}
			if took := time.Since(began); took > 10*time.Second {
				t.Errorf("%s: took %s", name, took)
			}
			c.CloseIdleConnections()
		}
	})
}

// A body that drips is cut when the time of the request is over.
func TestABodyHasTheTimeOfItsRequest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := New(Options{Dial: func(context.Context, string, string) (net.Conn, error) {
			ours, theirs := net.Pipe()
			go func() {
				if _, err := http.ReadRequest(bufio.NewReader(theirs)); err != nil {
					return
				}
				_, err := io.WriteString(theirs, "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
				for err == nil {
					time.Sleep(time.Second)
					_, err = io.WriteString(theirs, "x")
				}
			}()
			return ours, nil
		}})
		c := g.Client(ClientOptions{Timeout: 15 * time.Second})
		resp, err := get(t, c, "http://8.8.8.8/")
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		if _, err := ReadBody(resp.Body, 1<<20); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		resp.Body.Close()
		if took := time.Since(began); took > 15*time.Second {
			t.Errorf("took %s", took)
		}
		c.CloseIdleConnections()
		time.Sleep(2 * time.Second) // the server notices
	})
}

func TestBodiesAreBoundedAndNotUnpacked(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Accept-Encoding") != "" {
			t.Error("compression was asked for")
		}
		_, _ = io.WriteString(w, strings.Repeat("x", 1000))
	}))
	defer server.Close()
	c := loopback(Options{}).Client(ClientOptions{})
	defer c.CloseIdleConnections()
	for limit, want := range map[int64]error{999: ErrTooLarge, 1000: nil} {
		resp, err := get(t, c, server.URL)
		if err != nil {
			t.Fatal(err)
		}
		data, err := ReadBody(resp.Body, limit)
		if !errors.Is(err, want) || (want == nil) != (len(data) == 1000) {
			t.Errorf("limit %d: got %d bytes, %v", limit, len(data), err)
		}
		Drain(resp.Body, 10)
	}
}
