package egress

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// ClientOptions configure an HTTP client. Zero values are replaced by the defaults given.
type ClientOptions struct {
	// Hosts are the names that may be called: exact ones, or "*.example.com" for
	// all below it; nil is any.
	Hosts []string
	// Redirects is how many redirects are followed, each checked like the first
	// request; 0 returns the redirect itself. None leads from https to http, and
	// one to another origin loses its credentials.
	Redirects int
	// Timeout bounds each request from the look-up of the name to the last byte of the body (15 s).
	Timeout time.Duration
	// IdleConns bounds the connections kept for later requests (256), IdlePerHost those to one host (16).
	IdleConns, IdlePerHost int
}

// maxHeader bounds the headers of a response.
const maxHeader = 64 << 10

// Client returns a client whose every request, redirects included, passes the
// guard. It uses no proxy, keeps no cookies and does not decompress. Its errors
// before a response are ErrUnreachable, but for the end of the request's context.
// Close its idle connections when it is no longer needed.
func (g *Guard) Client(opts ClientOptions) *http.Client {
	opts.Timeout = cmp.Or(opts.Timeout, 15*time.Second)
	t := &http.Transport{
		DialContext:            g.DialContext,
		TLSHandshakeTimeout:    g.opts.ConnectTimeout,
		ResponseHeaderTimeout:  opts.Timeout,
		ExpectContinueTimeout:  time.Second,
		MaxResponseHeaderBytes: maxHeader,
		MaxIdleConns:           cmp.Or(opts.IdleConns, 256),
		MaxIdleConnsPerHost:    cmp.Or(opts.IdlePerHost, 16),
		IdleConnTimeout:        30 * time.Second,
		DisableCompression:     true,
		ForceAttemptHTTP2:      true,
	}
	return &http.Client{
		Transport: &transport{t, opts.Timeout, slices.Clone(opts.Hosts)},
		CheckRedirect: func(req *http.Request, via []*http.Request) error {
			return redirect(req, via, opts.Redirects)
		},
	}
}

// transport checks each request, bounds its time and makes its failures one.
type transport struct {
	http    *http.Transport
	timeout time.Duration
	hosts   []string
}

// RoundTrip implements http.RoundTripper.
func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := t.check(req); err != nil {
		closeBody(req.Body)
		return nil, &unreachable{err}
	}
	ctx, cancel := context.WithTimeout(req.Context(), t.timeout)
	resp, err := t.http.RoundTrip(req.WithContext(ctx))
	if err != nil {
		cancel()
		if req.Context().Err() != nil {
			return nil, context.Cause(req.Context())
		}
		if errors.Is(err, ErrUnreachable) {
			return nil, err
		}
		return nil, &unreachable{err}
	}
	resp.Body = &timedBody{resp.Body, cancel}
	return resp, nil
}

// CloseIdleConnections is what [http.Client.CloseIdleConnections] calls.
func (t *transport) CloseIdleConnections() { t.http.CloseIdleConnections() }

func (t *transport) check(req *http.Request) error {
	if err := checkURL(req.URL); err != nil {
		return fmt.Errorf("egress: the URL %w", err)
	}
	if req.Host != "" && req.Host != req.URL.Host {
		return errors.New("egress: the Host header is not that of the URL")
	}
	host := req.URL.Hostname()
	if t.hosts != nil && !slices.ContainsFunc(t.hosts, func(p string) bool { return matchHost(p, host) }) {
		return errors.New("egress: the host is not one that was granted")
	}
	return nil
}

func closeBody(body io.Closer) {
	if body != nil {
		_ = body.Close()
	}
}

// timedBody ends the time that a request has together with its body.
type timedBody struct {
	io.ReadCloser
	cancel context.CancelFunc
}

func (b *timedBody) Close() error {
	defer b.cancel()
	return b.ReadCloser.Close()
}

var (
	errDowngrade = errors.New("egress: a redirect leads from https to http")
	errRedirects = errors.New("egress: too many redirects")
)

// redirect decides whether req, made of a redirect of the last in via, is sent.
func redirect(req *http.Request, via []*http.Request, most int) error {
	from := via[len(via)-1].URL
	switch {
	case most == 0:
		return http.ErrUseLastResponse
	case len(via) > most:
		return &unreachable{errRedirects}
	case from.Scheme == "https" && req.URL.Scheme != "https":
		return &unreachable{errDowngrade}
	}
	if !sameOrigin(from, req.URL) || !sameOrigin(via[0].URL, req.URL) {
		for _, name := range []string{"Authorization", "Proxy-Authorization", "Cookie", "Referer"} {
			req.Header.Del(name)
		}
	}
	return nil
}

func sameOrigin(a, b *url.URL) bool {
	return a.Scheme == b.Scheme && strings.EqualFold(a.Host, b.Host)
}

// ErrTooLarge is returned by ReadBody for a body above the bound.
var ErrTooLarge = errors.New("the response is too large")

// ReadBody reads a body of at most limit bytes; a longer one is ErrTooLarge. The
// caller closes it.
func ReadBody(body io.Reader, limit int64) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(body, limit+1))
	if err == nil && int64(len(data)) > limit {
		return nil, ErrTooLarge
	}
	return data, err
}

// Drain reads what is left of a body and closes it, so that its connection can
// be used again; of a long one it reads no more than limit bytes and gives the
// connection up.
func Drain(body io.ReadCloser, limit int64) {
	_, _ = io.CopyN(io.Discard, body, limit)
	closeBody(body)
}
