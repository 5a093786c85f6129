package main

import (
	"context"
	"net/url"
	"strings"

	"github.com/a2aproject/a2a-go/v2/a2a"
	"github.com/a2aproject/a2a-go/v2/a2aclient"
	"github.com/a2aproject/a2a-go/v2/a2acompat/a2av0"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"

	a2agrpc0 "github.com/a2aproject/a2a-go/v2/a2agrpc/v0"
	a2agrpc "github.com/a2aproject/a2a-go/v2/a2agrpc/v1"
)

// bindings are the ways in which the official client may call an agent that was
// named by the address of its card: every binding of A2A 1.0 and 0.3. The card's
// order decides.
func (c *client) bindings(agent string) []a2aclient.FactoryOption {
	plain := c.a2aClient(c.keyOrigin(agent))
	return []a2aclient.FactoryOption{
		a2aclient.WithJSONRPCTransport(plain),
		a2aclient.WithRESTTransport(plain),
		a2aclient.WithTransport(a2a.TransportProtocolGRPC, c.overGRPC(agent, a2agrpc.NewGRPCTransport)),
		a2aclient.WithCompatTransport(a2av0.Version, a2a.TransportProtocolJSONRPC,
			a2av0.NewJSONRPCTransportFactory(a2av0.JSONRPCTransportConfig{Client: plain})),
		a2aclient.WithCompatTransport(a2av0.Version, a2a.TransportProtocolHTTPJSON,
			a2av0.NewRESTTransportFactory(a2av0.RESTTransportConfig{Client: plain})),
		a2aclient.WithCompatTransport(a2av0.Version, a2a.TransportProtocolGRPC, c.overGRPC(agent, a2agrpc0.NewGRPCTransport)),
	}
}

// overGRPC connects to what a card names, with TLS when the card came with it. Such
// an address has a port of its own: the key goes there when it was meant for that
// host, and only as safely as it went to the card.
func (c *client) overGRPC(agent string, transport func(*grpc.ClientConn) a2aclient.Transport) a2aclient.TransportFactory {
	return a2aclient.TransportFactoryFn(func(_ context.Context, _ *a2a.AgentCard, at *a2a.AgentInterface) (a2aclient.Transport, error) {
		secure := strings.HasPrefix(agent, "https:")
		options := []grpc.DialOption{grpc.WithTransportCredentials(insecure.NewCredentials())}
		if secure {
			options[0] = grpc.WithTransportCredentials(credentials.NewTLS(nil))
		}
		address := strings.TrimPrefix(strings.TrimPrefix(at.URL, "https://"), "http://")
		if c.token != "" && originOf(c.keyOrigin(agent)) == originOf(agent) && hostOf("//"+address) == hostOf(agent) {
			options = append(options, grpc.WithPerRPCCredentials(perCall{c.token, secure}))
		}
		conn, err := grpc.NewClient(address, options...)
		if err != nil {
			return nil, err
		}
		return transport(conn), nil
	})
}

// hostOf is the host of an address, without its port.
func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return strings.ToLower(u.Hostname())
}

// perCall shows a key with every gRPC call.
type perCall struct {
	token  string
	secure bool
}

// GetRequestMetadata implements credentials.PerRPCCredentials.
func (p perCall) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"authorization": "Bearer " + p.token}, nil
}

// RequireTransportSecurity implements credentials.PerRPCCredentials.
func (p perCall) RequireTransportSecurity() bool { return p.secure }
