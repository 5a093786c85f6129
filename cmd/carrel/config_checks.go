package main

import (
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"

	"github.com/carrelhq/carrel"
)

func checkAddr(s string) error {
	if _, port, err := net.SplitHostPort(s); err != nil || port == "" {
		return fmt.Errorf("%q is not host:port, as in %s", s, carrel.DefaultAddr)
	}
	return nil
}

// checkGRPCAddr is checkAddr for an address that may be left empty.
func checkGRPCAddr(s string) error {
	if s == "" {
		return nil
	}
	return checkAddr(s)
}

func notEmpty(s string) error {
	if s == "" {
		return fmt.Errorf("must not be empty")
	}
	return nil
}

func checkURL(s string) error {
	if s == "" {
		return nil
	}
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return fmt.Errorf("%q is not an absolute http or https address", s)
	}
	return nil
}

func checkPair(cert, key string) error {
	if (cert == "") != (key == "") {
		return fmt.Errorf("belong together; give both or neither")
	}
	return nil
}

func checkNetworks(list []string) error {
	for _, s := range list {
		if _, _, err := net.ParseCIDR(s); err != nil && net.ParseIP(s) == nil {
			return fmt.Errorf("%q is neither an address nor a network, as in 10.0.0.0/8", s)
		}
	}
	return nil
}

func checkAgent(s string) error {
	if tenant, agent, _ := strings.Cut(s, "/"); s != "" && (tenant == "" || agent == "") {
		return fmt.Errorf("%q is not tenant/agent", s)
	}
	return nil
}

func atLeast(size, least byteSize) error {
	if size < least {
		return fmt.Errorf("%s is too small; %s is the least", size, least)
	}
	return nil
}

// unlessZero is atLeast for a size whose zero stands for a default.
func unlessZero(size, least byteSize) error {
	if size == 0 {
		return nil
	}
	return atLeast(size, least)
}

// checkTenantMemory keeps a tenant's part between one sandbox and all memory.
func (c *Config) checkTenantMemory() error {
	if c.AllMemory != 0 && c.TenantMemory > c.AllMemory {
		return fmt.Errorf("%s is more than all_memory, %s", c.TenantMemory, c.AllMemory)
	}
	return unlessZero(c.TenantMemory, c.Memory)
}

// checkMemory keeps to what a module of 32 bits can address.
func checkMemory(size byteSize) error {
	if size > 4<<30 {
		return fmt.Errorf("%s is too much; 4GiB is the most", size)
	}
	return atLeast(size, 64<<10)
}

func positive[N ~int | ~int64](n N) error {
	if n <= 0 {
		return fmt.Errorf("must be more than 0")
	}
	return nil
}

func oneOf(s string, allowed ...string) error {
	if !slices.Contains(allowed, s) {
		return fmt.Errorf("%q is not one of %s", s, strings.Join(allowed, ", "))
	}
	return nil
}
