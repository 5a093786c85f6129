package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/carrelhq/carrel"
)

func newServeCommand(p program) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "serve",
		GroupID: groupServe,
		Short:   "Serve agents over A2A",
		Long: `Serve agents over A2A.

The first start prints the operator's key, once, and keeps it in the file operator.key
in the data folder. Every setting can also be given in the environment
(CARREL_MAX_BODY for --max-body) or in a file (max_body); a flag wins over the
environment, the environment over the file. 'carrel config' shows what holds.

The first interrupt stops taking work, lets streams and runs end and closes the
store; the second ends the program at once.`,
		Example: `  carrel serve
  carrel serve --addr 0.0.0.0:7333 --public-url https://agents.example.com --trusted-proxy 10.0.0.0/8
  carrel serve --config /etc/carrel.yaml`,
		Args: cobra.NoArgs,
	}
	settings := p.addSettings(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		config, _, err := settings()
		if err != nil {
			return err
		}
		return p.serve(cmd.Context(), config)
	}
	return cmd
}

// addSettings gives cmd the flags of all settings and --config. The function
// returned completes the configuration once the flags are parsed.
func (p program) addSettings(cmd *cobra.Command) func() (Config, map[string]string, error) {
	config := DefaultConfig()
	fs := pflag.NewFlagSet("settings", pflag.ContinueOnError)
	config.bind(fs)
	cmd.Flags().SortFlags = false
	cmd.Flags().AddFlagSet(fs)
	file := cmd.Flags().String("config", "", "YAML `file` with settings (CARREL_CONFIG)")
	return func() (Config, map[string]string, error) {
		if *file == "" {
			*file = p.getenv("CARREL_CONFIG")
		}
		sources, err := p.load(fs, *file)
		if err != nil {
			return config, nil, err
		}
		return config, sources, config.validate()
	}
}

func (p program) serve(ctx context.Context, config Config) error {
	server, err := p.newServer(ctx, config, nil)
	if err != nil {
		return err
	}
	p.banner(server, config)
	return server.Run(ctx)
}

func (p program) newServer(ctx context.Context, config Config, onLine func(carrel.Line)) (*carrel.Server, error) {
	opts := config.options()
	opts.Logger = config.logger(p.stderr)
	opts.Version = programVersion()
	opts.OnLine = onLine
	opts.CompileCommand = p.compile
	opts.OnOperatorToken = func(token string) {
		if !config.Dev {
			fmt.Fprintf(p.stdout, "operator key: %s\nIt is shown this once and kept in %s/%s.\n", token, config.Data, carrel.OperatorKeyFile)
		}
	}
	grpc, err := config.listenGRPC(ctx, opts.Logger)
	if err != nil {
		return nil, err
	}
	if grpc != nil {
		opts.GRPCListener = grpc
	}
	server, err := carrel.New(ctx, opts)
	if err != nil && grpc != nil {
		grpc.Close()
	}
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("%s is in use by another program; stop it, or name another address with --addr", config.Addr)
	}
	return server, err
}

func (c Config) options() carrel.Options {
	return carrel.Options{
		DataDir:            c.Data,
		Addr:               c.Addr,
		Dev:                c.Dev,
		PublicURL:          c.PublicURL,
		GRPCPublicURL:      c.GRPCPublicURL,
		TrustedProxies:     c.TrustedProxies,
		TLSCert:            c.TLSCert,
		TLSKey:             c.TLSKey,
		CORSOrigins:        c.CORSOrigins,
		AllowEgress:        c.AllowEgress,
		WebhookRate:        c.WebhookRate,
		KeyFile:            c.KeyFile,
		DefaultAgent:       c.DefaultAgent,
		MemoryBytes:        int64(c.Memory),
		AllMemoryBytes:     int64(c.AllMemory),
		TenantMemoryBytes:  int64(c.TenantMemory),
		ModuleBytes:        int64(c.ModuleMemory),
		CompileMemoryBytes: int64(c.CompileMemory),
		CacheBytes:         int64(c.CacheSize),
		StoreMemoryBytes:   int64(c.StoreMemory),
		Concurrency:        c.Concurrency,
		RunTimeout:         c.RunTimeout,
		SoftStop:           c.SoftStop,
		BlockingTimeout:    c.BlockingTimeout,
		CompileTimeout:     c.CompileTimeout,
		IdempotencyWindow:  c.IdempotencyWindow,
		LinkTime:           c.LinkTime,
		MaxAttempts:        c.MaxAttempts,
		MaxBody:            int64(c.MaxBody),
		MaxModule:          int64(c.MaxModule),
		MaxStreams:         c.MaxStreams,
		MaxConns:           c.MaxConns,
		MaxQueued:          c.MaxQueued,
	}
}

func (c Config) logger(w io.Writer) *slog.Logger {
	var level slog.LevelVar
	if err := level.UnmarshalText([]byte(c.LogLevel)); err != nil {
		level.Set(slog.LevelInfo) // validate has refused it before
	}
	opts := &slog.HandlerOptions{Level: &level}
	if c.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(w, opts))
	}
	return slog.New(slog.NewTextHandler(w, opts))
}

// banner says where the server is, once it can be reached there.
func (p program) banner(server *carrel.Server, config Config) {
	fmt.Fprintf(p.stdout, "carrel %s\n", programVersion())
	fmt.Fprintf(p.stdout, "  listening   %s\n", server.URL())
	if config.PublicURL != "" {
		fmt.Fprintf(p.stdout, "  address     %s\n", server.Addr())
	}
	if addr := server.GRPCAddr(); addr != nil {
		fmt.Fprintf(p.stdout, "  gRPC        %s\n", addr)
	}
	fmt.Fprintf(p.stdout, "  data        %s\n", config.Data)
	fmt.Fprintf(p.stdout, "  agents      %s/agents/TENANT/AGENT, card at …/.well-known/agent-card.json\n", server.URL())
	fmt.Fprintf(p.stdout, "  admin API   %s/api/openapi.json\n", server.URL())
	if config.Dev {
		fmt.Fprintln(p.stdout, "  development no credentials are needed; only this machine can connect")
	}
}
