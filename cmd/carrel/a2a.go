package main

import (
	"context"
	"fmt"
	"mime"
	"net/http"
	"strings"

	"github.com/a2aproject/a2a-go/v2/a2a"
	"github.com/a2aproject/a2a-go/v2/a2aclient"
	"github.com/a2aproject/a2a-go/v2/a2aclient/agentcard"
	"github.com/a2aproject/a2a-go/v2/a2acompat/a2av0"
)

const (
	cardPath   = "/.well-known/agent-card.json"
	typeEvents = "text/event-stream"
)

// isURL tells a card's address from an agent's name.
func isURL(s string) bool { return strings.Contains(s, "://") }

// dial returns the official client, bound to an agent: a name of this server's,
// or the address of a card anywhere. A key that was meant for this server is
// not shown to another.
func (c *client) dial(ctx context.Context, agent string) (*a2aclient.Client, error) {
	if !isURL(agent) {
		c.keys = true
		plain := c.a2aClient(c.server)
		endpoint := a2a.NewAgentInterface(c.agentURL(agent), a2a.TransportProtocolJSONRPC)
		return a2aclient.NewFromEndpoints(ctx, []*a2a.AgentInterface{endpoint}, a2aclient.WithJSONRPCTransport(plain))
	}
	card, err := c.card(ctx, agent)
	if err != nil {
		return nil, err
	}
	c.keys = takesKeys(card)
	return a2aclient.NewFromCard(ctx, card, c.bindings(agent)...)
}

// a2aClient is the HTTP client under the official client.
func (c *client) a2aClient(origin string) *http.Client {
	inner := httpClient(origin, c.token)
	inner.Transport = explaining{c, again{c, inner.Transport}}
	return inner
}

// explaining turns refusals into errors. The official client keeps no more than the
// status of one, and nothing of one that comes with the status of success, as JSON
// where a stream was asked for.
type explaining struct {
	client *client
	next   http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (e explaining) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := e.next.RoundTrip(req)
	if err != nil || !refused(resp) {
		return resp, err
	}
	defer resp.Body.Close()
	return nil, e.client.problem(resp)
}

func refused(resp *http.Response) bool {
	if resp.StatusCode >= http.StatusBadRequest {
		return true
	}
	media, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	return resp.Request.Header.Get("Accept") == typeEvents && media != "" && media != typeEvents
}

// keyOrigin is where the key may be shown when talking to the agent: a key that
// was given with the call goes to the agent that was named with it, any other
// stays with the server.
func (c *client) keyOrigin(agent string) string {
	if isURL(agent) && c.tokenGiven {
		return agent
	}
	return c.server
}

// card fetches an agent's card.
func (c *client) card(ctx context.Context, agent string) (*a2a.AgentCard, error) {
	base := agent
	if !isURL(agent) {
		base = c.agentURL(agent)
	}
	base = strings.TrimSuffix(base, cardPath)
	resolver := agentcard.Resolver{Client: c.a2aClient(c.keyOrigin(agent)), CardParser: a2av0.NewAgentCardParser()}
	card, err := resolver.Resolve(ctx, base)
	if err != nil {
		return nil, fmt.Errorf("the card of %s: %w", agent, c.explain(err))
	}
	return card, nil
}
