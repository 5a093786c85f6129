package main

import (
	"errors"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"github.com/carrelhq/carrel"
)

// client is what the commands that talk to a server share: where it is, and
// with which key.
type client struct {
	output
	server, token, data, tenant string
	tokenGiven                  bool

	keys  bool // the agent that was dialled takes messages with idempotency keys
	again bool // what is sent may be sent again
}

// addClient gives cmd the flags that name a server and a key. The returned
// client is complete once resolve was called.
func (p program) addClient(cmd *cobra.Command) *client {
	c := &client{output: p.addOutput(cmd)}
	flags := cmd.Flags()
	flags.StringVar(&c.server, "server", "", "`URL` of the server (CARREL_SERVER, else http://"+carrel.DefaultAddr+")")
	flags.StringVar(&c.token, "token", "", "`key` to call with (CARREL_TOKEN, else the operator's key in the data folder)")
	flags.StringVar(&c.data, "data", "", "data `folder` in which a local server left the operator's key (CARREL_DATA, else "+DefaultConfig().Data+")")
	flags.StringVar(&c.tenant, "tenant", "default", "`tenant` whose agents are meant")
	return c
}

// resolve completes the client from the environment.
func (c *client) resolve() error {
	c.tokenGiven = c.token != ""
	if c.server == "" {
		c.server = c.getenv("CARREL_SERVER")
	}
	if c.server == "" {
		c.server = "http://" + carrel.DefaultAddr
	}
	c.server = strings.TrimRight(c.server, "/")
	if err := checkURL(c.server); err != nil {
		return usagef("--server: %w", err)
	}
	named := c.findData()
	if c.token == "" {
		c.token = c.getenv("CARREL_TOKEN")
	}
	if c.token != "" {
		return nil
	}
	return c.findOperatorKey(named)
}

// findData completes the data folder and reports whether it was named.
func (c *client) findData() bool {
	if c.data == "" {
		c.data = c.getenv("CARREL_DATA")
	}
	named := c.data != ""
	if !named {
		c.data = DefaultConfig().Data
	}
	return named
}

// findOperatorKey takes the key a server on this machine left in its data
// folder. A folder that merely lies about is no reason to show its key to a
// server elsewhere; one that was named is.
func (c *client) findOperatorKey(named bool) error {
	if !named && !local(c.server) {
		return nil
	}
	token, err := carrel.OperatorToken(c.data)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	c.token = token
	return nil
}

// local reports whether the URL names this machine.
func local(server string) bool {
	u, err := url.Parse(server)
	if err != nil {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() == "localhost" || (ip != nil && ip.IsLoopback())
}

// clientSettings are the settings of the commands that talk to a server.
func (p program) clientSettings(config Config) []setting {
	c := client{output: output{program: p}, data: config.Data}
	server := setting{Name: "server", Source: "default"}
	if p.getenv("CARREL_SERVER") != "" {
		server.Source = "CARREL_SERVER"
	}
	token := setting{Name: "token", Value: "", Source: "default"}
	if err := c.resolve(); err == nil && c.token != "" {
		token.Value, token.Source = "***", "operator.key in "+config.Data
		if p.getenv("CARREL_TOKEN") != "" {
			token.Source = "CARREL_TOKEN"
		}
	}
	server.Value = c.server
	return []setting{server, token}
}

// httpClient sends the key to one origin and to no other: neither a card nor a
// redirect can lead it elsewhere.
func httpClient(origin, token string) *http.Client {
	return &http.Client{Transport: keyTransport{origin: originOf(origin), token: token, next: http.DefaultTransport}}
}

type keyTransport struct {
	origin, token string
	next          http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (t keyTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	if t.token != "" && originOf(req.URL.String()) == t.origin {
		req = req.Clone(req.Context())
		req.Header.Set("Authorization", "Bearer "+t.token)
	}
	return t.next.RoundTrip(req)
}

func originOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return strings.ToLower(u.Scheme + "://" + u.Host)
}
