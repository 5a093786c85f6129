package server

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"time"

	"github.com/carrelhq/carrel/task"
	"github.com/carrelhq/carrel/tenant"
)

func (o Options) withDefaults() Options {
	o.PublicURL = strings.TrimRight(o.PublicURL, "/")
	if len(o.CORSOrigins) == 0 {
		o.CORSOrigins = []string{"*"}
	}
	o.BlockingTimeout = or(o.BlockingTimeout, 10*time.Minute)
	o.KeepAlive = or(o.KeepAlive, 15*time.Second)
	o.Grace = or(o.Grace, 10*time.Second)
	o.MaxBody = or(o.MaxBody, 1<<20)
	o.MaxModule = or(o.MaxModule, 64<<20)
	o.MaxStreams = or(o.MaxStreams, 20_000)
	o.MaxConns = or(o.MaxConns, 50_000)
	o.maxAnswers = or(o.maxAnswers, maxAnswers)
	o.timing = o.timing.withDefaults()
	if o.Links == nil {
		o.Links = NewLinks(nil, 0)
	}
	o.Version = or(o.Version, "devel")
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

func or[T comparable](value, fallback T) T {
	var zero T
	if value == zero {
		return fallback
	}
	return value
}

func (s *Server) parseProxies() error {
	for _, text := range s.opts.TrustedProxies {
		prefix, err := netip.ParsePrefix(text)
		if err != nil {
			addr, err := netip.ParseAddr(text)
			if err != nil {
				return fmt.Errorf("server: trusted proxy %q is neither an address nor a network", text)
			}
			prefix = netip.PrefixFrom(addr, addr.BitLen())
		}
		s.proxies = append(s.proxies, prefix)
	}
	return nil
}

func (s *Server) parseLanding() error {
	if s.opts.DefaultAgent == "" {
		return nil
	}
	owner, name, ok := strings.Cut(s.opts.DefaultAgent, "/")
	if !ok || !tenant.ValidName(owner) || !tenant.ValidName(name) {
		return fmt.Errorf("server: default agent %q is not of the form tenant/agent", s.opts.DefaultAgent)
	}
	s.landing = &task.Ref{Tenant: owner, Agent: name}
	return nil
}

func (s *Server) loadCerts() error {
	if s.opts.TLSCert == "" && s.opts.TLSKey == "" {
		return nil
	}
	if s.opts.TLSCert == "" || s.opts.TLSKey == "" {
		return errors.New("server: TLSCert and TLSKey belong together")
	}
	pair, err := tls.LoadX509KeyPair(s.opts.TLSCert, s.opts.TLSKey)
	if err != nil {
		return fmt.Errorf("server: %w", err)
	}
	s.certs = &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}}
	return nil
}
