package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/carrelhq/carrel"
	"github.com/carrelhq/carrel/internal/threads"
	"github.com/carrelhq/carrel/runtime/compile"
)

// serveGuests runs carrel with uploaded modules, and beside it, in the same process,
// carrel with native workers when that is asked for. Uploads are TENANT/AGENT=FILE
// and may be called by anyone.
func serveGuests(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("guests", flag.ContinueOnError)
	port := flags.Int("port", 0, "the port to listen on")
	nativePort := flags.Int("native-port", 0, "the port of the native workers; 0 is none")
	data := flags.String("data", "", "the folder of the store")
	profile := flags.String("profile", "", "write a CPU profile to this file")
	var uploads []string
	flags.Func("upload", "TENANT/AGENT=FILE, any number of times", func(s string) error {
		uploads = append(uploads, s)
		return nil
	})
	if err := flags.Parse(args); err != nil {
		return err
	}
	stop, err := startProfile(*profile)
	if err != nil {
		return err
	}
	defer stop()
	threads.Prepare() // as the carrel program does
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan error, 2)
	if *nativePort != 0 {
		server, err := newNative(ctx, filepath.Join(*data, "native"), *nativePort)
		if err != nil {
			return err
		}
		go func() { done <- server.Run(ctx) }()
	}
	server, token, err := newUploaded(ctx, filepath.Join(*data, "uploaded"), *port)
	if err != nil {
		return err
	}
	go func() { done <- server.Run(ctx) }()
	for _, u := range uploads {
		if err := uploadNamed(ctx, server.URL(), token, u); err != nil {
			cancel()
			return errors.Join(err, <-done)
		}
	}
	go collectWhenAsked(ctx)
	fmt.Println("ready")
	return <-done
}

// newUploaded returns a server of uploaded modules and its operator's token, which
// it had made before when the store is not new.
func newUploaded(ctx context.Context, data string, port int) (*carrel.Server, string, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, "", err
	}
	server, err := carrel.New(ctx, carrel.Options{
		DataDir: data, Addr: "127.0.0.1:" + strconv.Itoa(port),
		CompileCommand: []string{self, "compile-child"},
		SoftStop:       time.Second,
		CompileTimeout: time.Minute,
	})
	if err != nil {
		return nil, "", err
	}
	token, err := operatorToken(data)
	return server, token, err
}

// operatorToken reads the token that a server has left in its folder.
func operatorToken(data string) (string, error) {
	token, err := os.ReadFile(filepath.Join(data, carrel.OperatorKeyFile))
	return strings.TrimSpace(string(token)), err
}

// uploadNamed uploads TENANT/AGENT=FILE.
func uploadNamed(ctx context.Context, base, token, named string) error {
	agent, file, ok := strings.Cut(named, "=")
	if !ok {
		return fmt.Errorf("%q is not TENANT/AGENT=FILE", named)
	}
	module, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	return upload(ctx, http.DefaultClient, base, token, agent, module)
}

// upload makes a module the current version of TENANT/AGENT, which anyone may call.
func upload(ctx context.Context, client *http.Client, base, token, agent string, module []byte) error {
	tenant, name, _ := strings.Cut(agent, "/")
	url := fmt.Sprintf("%s/api/v1/tenants/%s/agents/%s?visibility=public", base, tenant, name)
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, url, strings.NewReader(string(module)))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/wasm")
	req.Header.Set("Authorization", "Bearer "+token)
	text, err := body(client, req)
	if err != nil {
		return fmt.Errorf("upload of %s: %w: %.1000s", agent, err, text)
	}
	return nil
}

// body makes a request and returns the answer's body; what is no success is an error.
func body(client *http.Client, req *http.Request) ([]byte, error) {
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err == nil && resp.StatusCode >= 300 {
		err = errors.New(resp.Status)
	}
	return text, err
}

// compileChild compiles one module for a server of this program.
func compileChild(context.Context, []string) error {
	if code := compile.Child(os.Stdin, os.Stdout, os.Stderr); code != 0 {
		os.Exit(code) // what went wrong has been said on standard error
	}
	return nil
}
