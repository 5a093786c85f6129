package egress

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// MaxURL bounds a URL in bytes.
const MaxURL = 2048

// Bounds of the names in a URL.
const (
	maxHost  = 253
	maxLabel = 63
)

// CheckURL reads the URL of a target: absolute, http or https, with a host name
// or an IP address as the standards spell them, and nothing that two readers may
// read differently. It does not look the name up: whether an address may be
// dialed is decided when it is. The error is a phrase that follows the name of
// a field, and does not repeat the URL, which may hold a secret.
func CheckURL(raw string) (*url.URL, error) {
	if raw == "" {
		return nil, errors.New("must not be empty")
	}
	if len(raw) > MaxURL {
		return nil, fmt.Errorf("is longer than %d bytes", MaxURL)
	}
	u, err := url.Parse(raw)
	if err != nil {
		return nil, errors.New("is not a URL")
	}
	return u, checkURL(u)
}

func checkURL(u *url.URL) error {
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return errors.New("must begin with https:// or http://")
	case u.User != nil:
		return errors.New("must not hold a user or password")
	case u.Opaque != "" || u.Host == "":
		return errors.New("has no host")
	case strings.HasSuffix(u.Host, ":"):
		return errors.New("has an empty port")
	}
	if err := checkHost(u.Hostname()); err != nil {
		return err
	}
	if u.Port() == "" {
		return nil
	}
	port, err := strconv.ParseUint(u.Port(), 10, 16)
	if err != nil {
		return errors.New("has a port that is no number below 65536")
	}
	return checkPort(uint16(port))
}

// checkHost accepts IP addresses in their usual form and names of letters,
// digits, hyphens and underscores. It refuses what some resolvers read as an
// address and others do not: 2130706433, 0x7f.1, 127.1, 0177.0.0.1.
func checkHost(host string) error {
	if addr, err := netip.ParseAddr(host); err == nil {
		if addr.Zone() != "" {
			return errors.New("names a network interface")
		}
		return nil
	}
	if host == "" || len(host) > maxHost {
		return errors.New("has a host name that is empty or too long")
	}
	labels := strings.Split(host, ".")
	for _, label := range labels {
		if !validLabel(label) {
			return errors.New("has a host name that is not of letters, digits and hyphens between single dots; write other scripts as xn--")
		}
	}
	if last := labels[len(labels)-1]; numeric(last) {
		return errors.New("has a host that is neither a name nor an address in its usual form")
	}
	return nil
}

func validLabel(label string) bool {
	if label == "" || len(label) > maxLabel || label[0] == '-' || label[len(label)-1] == '-' {
		return false
	}
	for _, c := range []byte(label) {
		letter := 'a' <= c|0x20 && c|0x20 <= 'z'
		if !letter && (c < '0' || c > '9') && c != '-' && c != '_' {
			return false
		}
	}
	return true
}

// numeric reports whether a last label makes the host an address for those who
// follow the WHATWG's URL standard ("ends in a number").
func numeric(label string) bool {
	if strings.Trim(label, "0123456789") == "" {
		return true
	}
	hex, ok := strings.CutPrefix(strings.ToLower(label), "0x")
	return ok && strings.Trim(hex, "0123456789abcdef") == ""
}

// matchHost reports whether host is the pattern, or for a pattern "*.example.com"
// a name below example.com.
func matchHost(pattern, host string) bool {
	pattern, host = strings.ToLower(pattern), strings.ToLower(host)
	suffix, wild := strings.CutPrefix(pattern, "*")
	if !wild {
		return host == pattern
	}
	return len(suffix) > 1 && suffix[0] == '.' && len(host) > len(suffix) && strings.HasSuffix(host, suffix)
}
