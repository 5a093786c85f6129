package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/a2aproject/a2a-go/v2/a2a"

	"github.com/carrelhq/carrel/agent/signing"
)

// ofTheServer is the value of --verify without a URL: the keys are those of the
// server that the card comes from.
const ofTheServer = "its server"

const keysPath = "/.well-known/jwks.json"

// keysArgument returns the arguments without the URL of "--verify URL", which to
// the flags, whose URL may be left out, looks like one more argument.
func keysArgument(args []string, keys string) (rest []string, url string) {
	if keys == ofTheServer && len(args) == 2 {
		switch {
		case isURL(args[1]):
			return args[:1], args[1]
		case isURL(args[0]):
			return args[1:], args[0]
		}
	}
	return args, keys
}

// verifyCard prints a card as far as it is signed, and fails when it is not.
func (c *client) verifyCard(ctx context.Context, agent, keys string) error {
	address := agent
	if !isURL(agent) {
		address = c.agentURL(agent)
	}
	address = strings.TrimSuffix(strings.TrimSuffix(address, cardPath), "/") + cardPath
	card, err := c.fetch(ctx, address, c.keyOrigin(agent))
	if err != nil {
		return fmt.Errorf("the card of %s: %w", agent, err)
	}
	if keys, err = c.keysOf(agent, card, keys); err != nil {
		return err
	}
	set, err := c.fetch(ctx, keys, c.keyOrigin(agent))
	if err != nil {
		return fmt.Errorf("the keys at %s: %w", keys, err)
	}
	verified, err := signing.Verify(card, set)
	if err != nil {
		return fmt.Errorf("the card of %s is not verified by the keys at %s: %s", agent, keys, cell(strings.TrimPrefix(err.Error(), "signing: ")))
	}
	if strings.HasPrefix(keys, "http:") && !local(keys) {
		fmt.Fprintf(c.stderr, "the keys came over a connection that anyone on the way can change: %s\n", keys)
	}
	return c.printVerified(verified, keys)
}

func (c *client) printVerified(v signing.Verified, keys string) error {
	result := struct {
		Card      json.RawMessage   `json:"card"`
		Signature signing.Signature `json:"signature"`
		Keys      string            `json:"keys"`
	}{v.Card, v.Signature, keys}
	var card a2a.AgentCard
	if err := json.Unmarshal(v.Card, &card); err != nil && !*c.json {
		return err
	}
	return c.print(result, func() {
		c.showCard(&card)
		c.field("signed", v.Signature.Algorithm+" by the key "+v.Signature.KeyID)
		c.field("keys", keys)
	})
}

// keysOf is where the keys are that may have signed a card. A card may say it
// for itself only within the origin it was asked from: who can serve a card
// there can serve keys, too, and one that leads elsewhere proves nothing.
func (c *client) keysOf(agent string, card []byte, keys string) (string, error) {
	if keys != ofTheServer {
		if err := checkURL(keys); err != nil {
			return "", usagef("--verify: %w", err)
		}
		return keys, nil
	}
	if !isURL(agent) {
		return c.server + keysPath, nil
	}
	signatures, err := signing.Signatures(card)
	if err != nil {
		return "", errors.New(strings.TrimPrefix(err.Error(), "signing: "))
	}
	elsewhere := ""
	for _, s := range signatures {
		switch {
		case s.KeysURL == "":
		case originOf(s.KeysURL) == originOf(agent):
			return s.KeysURL, nil
		default:
			elsewhere = s.KeysURL
		}
	}
	if elsewhere != "" {
		return "", fmt.Errorf("the card of %s says that its keys are at %s, which is another server; name the keys you trust with --verify URL", agent, cell(elsewhere))
	}
	u, err := url.Parse(agent)
	if err != nil {
		return "", err
	}
	return u.Scheme + "://" + u.Host + keysPath, nil
}

// fetch reads a document of at most the size that is verified. The key is shown
// to the origin only.
func (c *client) fetch(ctx context.Context, address, origin string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/json, application/jwk-set+json;q=0.9")
	req.Header.Set("A2A-Version", "1.0")
	resp, err := c.a2aClient(origin).Do(req)
	if err != nil {
		return nil, c.explain(err)
	}
	defer resp.Body.Close()
	return io.ReadAll(io.LimitReader(resp.Body, signing.MaxDocument+1))
}
