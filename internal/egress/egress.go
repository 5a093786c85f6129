// Package egress is the one way out: every connection that is made for a tenant
// (webhooks, and later models, HTTP, tools and remote agents) is dialed here.
//
// A [Guard] resolves a name, drops the addresses that are not public, and dials
// an address that it has checked, so an answer of the DNS that changes in
// between changes nothing. Only the operator opens other addresses, by network.
// What goes wrong before there is a response is one error, [ErrUnreachable]: who
// may name a target must not learn from it what is listening where.
//
// The package refuses proxies from the environment: they would dial instead of it.
package egress

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"time"

	"code.dny.dev/ssrf"

	"github.com/carrelhq/carrel/internal/telemetry"
)

// Resolver looks names up; [net.Resolver] is one.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// Options configure a Guard. Zero values are replaced by the defaults given.
type Options struct {
	// Allow are networks that are open although they are not public, for example 127.0.0.0/8.
	Allow []netip.Prefix
	// ConnectTimeout bounds looking a name up and connecting (5 s).
	ConnectTimeout time.Duration
	// Resolver looks names up ([net.DefaultResolver]).
	Resolver Resolver
	// Dial connects to an address that has been checked; it is given no names.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Logger hears why a target could not be reached, at level debug; nil discards.
	Logger *slog.Logger
	// Telemetry counts dials; nil records nothing.
	Telemetry *telemetry.Telemetry
}

// Guard dials public addresses, and those that the operator has opened. It is
// safe for concurrent use.
type Guard struct {
	opts      Options
	addresses *ssrf.Guardian
}

// New returns a guard.
func New(opts Options) *Guard {
	if opts.ConnectTimeout <= 0 {
		opts.ConnectTimeout = 5 * time.Second
	}
	if opts.Resolver == nil {
		opts.Resolver = net.DefaultResolver
	}
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	var four, six []netip.Prefix
	for _, p := range opts.Allow {
		if p = p.Masked(); p.Addr().Is4() {
			four = append(four, p)
		} else {
			six = append(six, p)
		}
	}
	g := &Guard{opts, ssrf.New(ssrf.WithAllowedV4Prefixes(four...), ssrf.WithAllowedV6Prefixes(six...))}
	if g.opts.Dial == nil {
		g.opts.Dial = (&net.Dialer{KeepAlive: 30 * time.Second}).DialContext
	}
	return g
}

// ParseAllow reads networks and single addresses, as in "127.0.0.0/8" or "10.1.2.3".
func ParseAllow(list []string) ([]netip.Prefix, error) {
	prefixes := make([]netip.Prefix, 0, len(list))
	for _, text := range list {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			addr, err := netip.ParseAddr(text)
			if err != nil || addr.Zone() != "" {
				return nil, fmt.Errorf("%q is neither an address nor a network, as in 10.0.0.0/8", text)
			}
			p = netip.PrefixFrom(addr.Unmap(), addr.Unmap().BitLen())
		}
		prefixes = append(prefixes, p)
	}
	return prefixes, nil
}
