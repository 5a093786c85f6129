package carrel

import (
	"errors"
	"strings"
	"testing"
)

func TestOptionsAreChecked(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		opts Options
		want string
	}{
		{"no store is named", Options{}, "neither DataDir nor DB"},
		{"a certificate without its key", Options{DataDir: "x", TLSCert: "c.pem"}, "TLSCert and TLSKey"},
		{"a public address without a scheme", Options{DataDir: "x", PublicURL: "agents.example.com"}, "PublicURL"},
		{"development on every address", Options{DataDir: "x", Dev: true, Addr: ":7333"}, "loopback"},
		{"development with gRPC on every address", Options{DataDir: "x", Dev: true, GRPCAddr: ":7334"}, "loopback"},
		{"development on an address of the network", Options{DataDir: "x", Dev: true, Addr: "192.0.2.1:80"}, "loopback"},
		{"agents without a worker", Options{DataDir: "x", Agents: []AgentSpec{{Name: "a"}}}, "no Worker"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := New(t.Context(), test.opts)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want an error that says %q", err, test.want)
			}
		})
	}
}

func TestADevelopmentServerListensOnLoopbackOnly(t *testing.T) {
	t.Parallel()
	for addr, want := range map[string]bool{
		"127.0.0.1:7333": true, "localhost:0": true, "[::1]:80": true, "127.8.8.8:1": true,
		"0.0.0.0:7333": false, ":7333": false, "[::]:80": false, "example.com:80": false, "127.0.0.1": false, "": false,
	} {
		if got := loopback(addr); got != want {
			t.Errorf("loopback(%q) = %v, want %v", addr, got, want)
		}
	}
	_, err := New(t.Context(), Options{DataDir: t.TempDir(), Dev: true, Addr: "0.0.0.0:0"})
	if !errors.Is(err, ErrDevExposed) {
		t.Errorf("got %v, want ErrDevExposed", err)
	}
}
