package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"syscall"

	"github.com/carrelhq/carrel"
)

// listenGRPC listens for gRPC, nil where it is off. Nobody asked for the default
// address: a second server on a machine goes without gRPC, and says so.
func (c Config) listenGRPC(ctx context.Context, log *slog.Logger) (net.Listener, error) {
	if c.GRPCAddr == "" {
		return nil, nil
	}
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", c.GRPCAddr)
	switch {
	case err == nil:
		return l, nil
	case !errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("grpc_addr: %w", err)
	case c.GRPCAddr == carrel.DefaultGRPCAddr:
		log.Warn("gRPC is off: its address is in use by another program; name another one with --grpc-addr", "addr", c.GRPCAddr)
		return nil, nil
	}
	return nil, fmt.Errorf("%s is in use by another program; stop it, or name another address with --grpc-addr", c.GRPCAddr)
}
