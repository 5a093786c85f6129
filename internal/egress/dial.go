package egress

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strconv"
	"time"
)

// maxAddresses is how many addresses of a name are tried.
const maxAddresses = 4

// DialContext connects to host:port over TCP, at an address that was checked.
// Every failure is ErrUnreachable, but for the end of ctx, whose cause it returns.
func (g *Guard) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	dialing, cancel := context.WithTimeout(ctx, g.opts.ConnectTimeout)
	defer cancel()
	conn, err := g.dial(dialing, network, address)
	g.count(err)
	switch {
	case err == nil:
		return conn, nil
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	}
	g.opts.Logger.DebugContext(ctx, "target not reached", "target", address, "error", err)
	return nil, &unreachable{err}
}

func (g *Guard) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if network != "tcp" && network != "tcp4" && network != "tcp6" {
		return nil, errNetwork
	}
	host, port, err := splitHostPort(address)
	if err != nil {
		return nil, err
	}
	addrs, err := g.resolve(ctx, host)
	if err != nil {
		return nil, err
	}
	deadline, _ := ctx.Deadline()
	for i, addr := range addrs {
		// One that does not answer leaves time for those after it.
		share := time.Until(deadline) / time.Duration(len(addrs)-i)
		var conn net.Conn
		if conn, err = g.dialOne(ctx, share, netip.AddrPortFrom(addr, port)); err == nil {
			return conn, nil
		}
	}
	return nil, err
}

func (g *Guard) dialOne(ctx context.Context, timeout time.Duration, to netip.AddrPort) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	return g.opts.Dial(ctx, "tcp", to.String())
}

// resolve returns addresses of host that may be dialed, at least one.
func (g *Guard) resolve(ctx context.Context, host string) ([]netip.Addr, error) {
	found := make([]netip.Addr, 1)
	var err error
	if found[0], err = netip.ParseAddr(host); err != nil {
		if found, err = g.opts.Resolver.LookupNetIP(ctx, "ip", host); err != nil {
			return nil, err
		}
	}
	err = errNoAddress
	var open []netip.Addr
	for _, addr := range found {
		addr = addr.Unmap() // ::ffff:10.0.0.1 is dialed as 10.0.0.1
		if refused := g.check(addr); refused != nil {
			err = refused
		} else if len(open) < maxAddresses {
			open = append(open, addr)
		}
	}
	if len(open) == 0 {
		return nil, err
	}
	return open, nil
}

// check refuses what is not a public unicast address, unless it was opened.
func (g *Guard) check(addr netip.Addr) error {
	if addr.Zone() != "" || g.addresses.SafeAddr(addr) != nil {
		return errAddress{addr}
	}
	return nil
}

func (g *Guard) count(err error) {
	if g.opts.Telemetry == nil || g.opts.Telemetry.Metrics == nil {
		return
	}
	outcome := "ok"
	if refused := (errAddress{}); errors.As(err, &refused) {
		outcome = "refused"
	} else if err != nil {
		outcome = "failed"
	}
	g.opts.Telemetry.Metrics.EgressDials.Add(1, outcome)
}

func splitHostPort(address string) (host string, port uint16, err error) {
	host, text, err := net.SplitHostPort(address)
	if err != nil {
		return "", 0, err
	}
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return "", 0, err
	}
	if err := checkHost(host); err != nil {
		return "", 0, err
	}
	return host, uint16(n), checkPort(uint16(n))
}
