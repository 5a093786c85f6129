package main

import (
	"log/slog"
	"time"

	"github.com/spf13/pflag"

	"github.com/carrelhq/carrel"
)

// Config is the configuration of a server. Each field has one name in three
// spellings: max_body in the file, CARREL_MAX_BODY, --max-body.
type Config struct {
	Addr, Data, PublicURL, DefaultAgent string
	GRPCAddr, GRPCPublicURL             string
	TLSCert, TLSKey                     string
	TrustedProxies, CORSOrigins         []string
	AllowEgress                         []string
	KeyFile                             string
	Dev                                 bool
	Memory, StoreMemory                 byteSize
	AllMemory, TenantMemory             byteSize
	ModuleMemory, CompileMemory         byteSize
	CacheSize                           byteSize
	MaxBody, MaxModule                  byteSize
	Concurrency, MaxAttempts            int
	MaxQueued, MaxStreams, MaxConns     int
	WebhookRate                         int
	RunTimeout, SoftStop                time.Duration
	BlockingTimeout, CompileTimeout     time.Duration
	IdempotencyWindow, LinkTime         time.Duration
	LogLevel, LogFormat                 string
}

const compileTimeoutUsage = "how long compiling a module may take"

// DefaultConfig returns the configuration of a server that was told nothing.
func DefaultConfig() Config {
	return Config{
		Addr:              carrel.DefaultAddr,
		GRPCAddr:          carrel.DefaultGRPCAddr,
		Data:              "./carrel-data",
		CORSOrigins:       []string{"*"},
		Memory:            64 << 20,
		StoreMemory:       64 << 20,
		CompileMemory:     1 << 30,
		CacheSize:         2 << 30,
		MaxBody:           1 << 20,
		MaxModule:         64 << 20,
		Concurrency:       256,
		MaxAttempts:       5,
		MaxQueued:         10_000,
		MaxStreams:        20_000,
		MaxConns:          50_000,
		WebhookRate:       1000,
		RunTimeout:        10 * time.Minute,
		SoftStop:          10 * time.Second,
		BlockingTimeout:   10 * time.Minute,
		CompileTimeout:    30 * time.Second,
		IdempotencyWindow: 24 * time.Hour,
		LinkTime:          time.Hour,
		LogLevel:          "info",
		LogFormat:         "text",
	}
}

// bind makes a flag of every setting, with c's values as defaults. The names of
// the flags are the names of the settings.
func (c *Config) bind(fs *pflag.FlagSet) {
	fs.SortFlags = false
	fs.StringVar(&c.Addr, "addr", c.Addr, "`address` to listen on")
	fs.StringVar(&c.GRPCAddr, "grpc-addr", c.GRPCAddr, "`address` to serve gRPC on; gRPC is off when empty")
	fs.StringVar(&c.Data, "data", c.Data, "`folder` of everything that lasts; made when absent")
	fs.StringVar(&c.PublicURL, "public-url", c.PublicURL, "the server's `address` in agent cards; taken from each request when empty")
	fs.StringVar(&c.GRPCPublicURL, "grpc-public-url", c.GRPCPublicURL, "the gRPC `address` in agent cards, as clients dial it; when empty, the one listened on, where it can be reached")
	fs.StringVar(&c.TLSCert, "tls-cert", c.TLSCert, "PEM `file` with the certificate; TLS is off when empty")
	fs.StringVar(&c.TLSKey, "tls-key", c.TLSKey, "PEM `file` with the certificate's key")
	fs.StringSliceVar(&c.TrustedProxies, "trusted-proxy", c.TrustedProxies, "`address` or network of a proxy whose forwarded headers are believed; repeat or separate with commas")
	fs.StringSliceVar(&c.CORSOrigins, "cors-origin", c.CORSOrigins, "browser `origin` that may call; * is any")
	fs.StringSliceVar(&c.AllowEgress, "allow-egress", c.AllowEgress, "`address` or network that webhooks may be at although it is not public; repeat or separate with commas")
	fs.StringVar(&c.KeyFile, "key-file", c.KeyFile, "`file` of the key that secrets are encrypted with; made when absent; secret.key in the data folder when empty")
	fs.StringVar(&c.DefaultAgent, "default-agent", c.DefaultAgent, "`tenant/agent` served at /; when empty, the only agent there is")
	fs.BoolVar(&c.Dev, "dev", c.Dev, "development: no credentials, tenant default, loopback addresses only")
	fs.Var(&c.Memory, "memory", "the most linear memory of a sandbox")
	fs.Var(&c.AllMemory, "all-memory", "the most memory of all sandboxes and snapshots; when 0, half of what the machine or its control group gives")
	fs.Var(&c.TenantMemory, "tenant-memory", "the most of it that one tenant's sandboxes have; when 0, three quarters")
	fs.Var(&c.ModuleMemory, "module-memory", "roughly the most memory of modules kept ready; when 0, a quarter of all_memory")
	fs.Var(&c.CompileMemory, "compile-memory", "the most memory that compiling a module may take")
	fs.Var(&c.CacheSize, "cache-size", "the most compiled code kept in the data folder")
	fs.Var(&c.StoreMemory, "store-memory", "roughly the memory the store may use")
	fs.Var(&c.MaxBody, "max-body", "the largest JSON request")
	fs.Var(&c.MaxModule, "max-module", "the largest module accepted")
	fs.IntVar(&c.Concurrency, "concurrency", c.Concurrency, "runs at a `number` at a time")
	fs.IntVar(&c.MaxAttempts, "max-attempts", c.MaxAttempts, "`times` a run that was lost is tried")
	fs.IntVar(&c.MaxQueued, "max-queued", c.MaxQueued, "unfinished `tasks` an agent may have")
	fs.IntVar(&c.MaxStreams, "max-streams", c.MaxStreams, "open `streams` at a time")
	fs.IntVar(&c.MaxConns, "max-conns", c.MaxConns, "open `connections` at a time")
	fs.IntVar(&c.WebhookRate, "webhook-rate", c.WebhookRate, "`attempts` a second to deliver to a tenant's webhooks; it may be five seconds ahead")
	fs.DurationVar(&c.RunTimeout, "run-timeout", c.RunTimeout, "how long a run may take")
	fs.DurationVar(&c.SoftStop, "soft-stop", c.SoftStop, "how long runs may go on after shutdown began")
	fs.DurationVar(&c.BlockingTimeout, "blocking-timeout", c.BlockingTimeout, "how long a blocking SendMessage waits for the task")
	fs.DurationVar(&c.CompileTimeout, "compile-timeout", c.CompileTimeout, compileTimeoutUsage)
	fs.DurationVar(&c.IdempotencyWindow, "idempotency-window", c.IdempotencyWindow, "how long an idempotency key is remembered")
	fs.DurationVar(&c.LinkTime, "link-time", c.LinkTime, "how long a link to a large part of a task is good")
	fs.StringVar(&c.LogLevel, "log-level", c.LogLevel, "the `least` that is logged: debug, info, warn or error")
	fs.StringVar(&c.LogFormat, "log-format", c.LogFormat, "`text` or json")
}

// validate returns what is wrong with a configuration, with the setting's name.
func (c *Config) validate() error {
	checks := []struct {
		name string
		err  error
	}{
		{"addr", checkAddr(c.Addr)},
		{"grpc_addr", checkGRPCAddr(c.GRPCAddr)},
		{"data", notEmpty(c.Data)},
		{"public_url", checkURL(c.PublicURL)},
		{"tls_cert and tls_key", checkPair(c.TLSCert, c.TLSKey)},
		{"trusted_proxy", checkNetworks(c.TrustedProxies)},
		{"allow_egress", checkNetworks(c.AllowEgress)},
		{"default_agent", checkAgent(c.DefaultAgent)},
		{"memory", checkMemory(c.Memory)},
		{"all_memory", unlessZero(c.AllMemory, 2*c.Memory)},
		{"tenant_memory", c.checkTenantMemory()},
		{"module_memory", unlessZero(c.ModuleMemory, 16<<20)},
		{"compile_memory", atLeast(c.CompileMemory, 64<<20)},
		{"cache_size", atLeast(c.CacheSize, 16<<20)},
		{"store_memory", atLeast(c.StoreMemory, 16<<20)},
		{"max_body", atLeast(c.MaxBody, 1<<10)},
		{"max_module", atLeast(c.MaxModule, 1<<10)},
		{"concurrency", positive(c.Concurrency)},
		{"max_attempts", positive(c.MaxAttempts)},
		{"max_queued", positive(c.MaxQueued)},
		{"max_streams", positive(c.MaxStreams)},
		{"max_conns", positive(c.MaxConns)},
		{"webhook_rate", positive(c.WebhookRate)},
		{"run_timeout", positive(c.RunTimeout)},
		{"soft_stop", positive(c.SoftStop)},
		{"blocking_timeout", positive(c.BlockingTimeout)},
		{"compile_timeout", positive(c.CompileTimeout)},
		{"idempotency_window", positive(c.IdempotencyWindow)},
		{"link_time", positive(c.LinkTime)},
		{"log_level", new(slog.LevelVar).UnmarshalText([]byte(c.LogLevel))},
		{"log_format", oneOf(c.LogFormat, "text", "json")},
	}
	for _, check := range checks {
		if check.err != nil {
			return usagef("%s: %w", check.name, check.err)
		}
	}
	return nil
}
