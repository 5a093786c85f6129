package main

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/a2aproject/a2a-go/v2/a2a"
	"github.com/cenkalti/backoff/v5"
	"github.com/google/uuid"

	"github.com/carrelhq/carrel/agent"
)

const (
	// sendTries is how often a message is sent, under one key, before it is given up.
	sendTries = 5
	// longestWait is the longest that is waited because a server asks for it.
	longestWait = 30 * time.Second
)

// takesKeys reports whether the agent of the card takes a message with an
// idempotency key once.
func takesKeys(card *a2a.AgentCard) bool {
	return slices.ContainsFunc(card.Capabilities.Extensions, func(e a2a.AgentExtension) bool { return e.URI == agent.OnceExtension })
}

// once has the message taken once, however often it is sent, when the agent takes
// keys: under the key given, or one of its own. Then it is sent again when the
// connection breaks; any other is sent once.
func (c *client) once(m *a2a.Message, key string) error {
	if !c.keys {
		if key != "" {
			return usagef("--idempotency-key: the agent's card does not say that it takes keys, and might run the message twice")
		}
		return nil
	}
	if key == "" {
		key = uuid.NewString()
	}
	m.ID = uuid.NewSHA1(uuid.Nil, []byte(key)).String() // it is the same message whenever it is sent
	m.SetMeta(agent.OnceMetadata, key)
	c.again = true
	return nil
}

// again sends a request again whose answer did not come, when the client says that
// it may. What cannot be dialled has not been asked, and is not asked again.
type again struct {
	client *client
	next   http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (a again) RoundTrip(req *http.Request) (*http.Response, error) {
	if !a.client.again || req.GetBody == nil {
		return a.next.RoundTrip(req)
	}
	var last *http.Response // of a busy server
	try := func() (resp *http.Response, err error) {
		if last != nil {
			last.Body.Close()
		}
		last, err = a.try(req)
		return last, err
	}
	tell := func(err error, wait time.Duration) {
		fmt.Fprintf(a.client.stderr, "%s; sending the message again in %s, under the same key\n", cell(err.Error()), wait.Round(100*time.Millisecond))
	}
	resp, err := backoff.Retry(req.Context(), try, backoff.WithMaxTries(sendTries), backoff.WithNotify(tell))
	if resp != nil {
		return resp, nil // what a busy server says is said elsewhere
	}
	return nil, err
}

// try makes one attempt. It returns the answer of a busy server, too.
func (a again) try(req *http.Request) (*http.Response, error) {
	once := req.Clone(req.Context())
	var err error
	if once.Body, err = req.GetBody(); err != nil {
		return nil, backoff.Permanent(err)
	}
	resp, err := a.next.RoundTrip(once)
	if err != nil {
		return nil, lost(err)
	}
	return resp, busy(resp)
}

// lost tells a connection that broke from one that there never was.
func lost(err error) error {
	if dial := (*net.OpError)(nil); errors.As(err, &dial) && dial.Op == "dial" {
		return backoff.Permanent(err)
	}
	return fmt.Errorf("the connection broke: %w", err)
}

// busy is an error for the answer of a server that may have another one later.
func busy(resp *http.Response) error {
	switch resp.StatusCode {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
	default:
		return nil
	}
	err := errors.New("the server answered " + resp.Status)
	seconds, bad := strconv.Atoi(resp.Header.Get("Retry-After"))
	switch {
	case bad != nil || seconds < 0:
		return err
	case seconds > int(longestWait/time.Second):
		return backoff.Permanent(err)
	default:
		return later{err, backoff.RetryAfter(seconds)}
	}
}

// later is an error that tells who tries again when to, and says nothing of it.
type later struct {
	error
	when error
}

// Unwrap returns when.
func (l later) Unwrap() error { return l.when }
