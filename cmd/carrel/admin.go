package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"github.com/carrelhq/carrel/abi"
)

const (
	typeJSON = "application/json"
	typeWasm = "application/wasm"
	// maxReply bounds what is read of a reply that is not a stream.
	maxReply = 16 << 20
)

// resolved wraps the work of a command that talks to a server.
func (c *client) resolved(work func(ctx context.Context, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		if err := c.resolve(); err != nil {
			return err
		}
		return work(cmd.Context(), args)
	}
}

// agentPath is the admin API's path of an agent, and what is below it.
func (c *client) agentPath(agent string, below ...string) string {
	return c.tenantPath(append([]string{"agents", agent}, below...)...)
}

func (c *client) tenantPath(below ...string) string {
	return pathOf("/api/v1/tenants/"+url.PathEscape(c.tenant), below...)
}

// pathOf appends escaped elements to a path.
func pathOf(path string, below ...string) string {
	for _, element := range below {
		path += "/" + url.PathEscape(element)
	}
	return path
}

// call makes one call of the admin API; in and out are JSON, nil is nothing.
func (c *client) call(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		encoded, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(encoded)
	}
	resp, err := c.do(ctx, method, path, typeJSON, body)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	return decodeReply(resp, out)
}

func decodeReply(resp *http.Response, out any) error {
	if out == nil {
		return nil
	}
	return json.NewDecoder(io.LimitReader(resp.Body, maxReply)).Decode(out)
}

// do sends a request to the server and returns the reply of a call that
// succeeded; the caller closes its body. So does send.
func (c *client) do(ctx context.Context, method, path, contentType string, body io.Reader) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.server+path, body)
	if err != nil {
		return nil, err
	}
	if body != nil {
		req.Header.Set("Content-Type", contentType)
	}
	return c.send(req)
}

func (c *client) send(req *http.Request) (*http.Response, error) {
	resp, err := httpClient(c.server, c.token).Do(req)
	if err != nil {
		return nil, c.explain(err)
	}
	if resp.StatusCode >= 300 {
		defer resp.Body.Close()
		return nil, c.problem(resp)
	}
	return resp, nil
}

// explain adds what to do to an error of the connection.
func (c *client) explain(err error) error {
	if status := (statusError{}); errors.As(err, &status) {
		return status
	}
	if !strings.Contains(err.Error(), "connection refused") {
		return err
	}
	if u := (*url.Error)(nil); errors.As(err, &u) && originOf(u.URL) != originOf(c.server) {
		return fmt.Errorf("no server answers at %s", originOf(u.URL))
	}
	return fmt.Errorf("no server answers at %s; start one with 'carrel serve', or name another with --server", c.server)
}

// problem is the error in a reply that refuses what was asked: an *abi.Refusal for
// a module that the server does not take.
func (c *client) problem(resp *http.Response) error {
	var problem struct {
		Title, Detail string
		Errors        []struct{ Message, Location string }
		Error         struct{ Message string } // of JSON-RPC
		abi.Refusal
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if err != nil {
		return err
	}
	if err := json.Unmarshal(body, &problem); err != nil || problem.Title+problem.Detail+problem.Error.Message == "" {
		problem.Detail = strings.TrimSpace(string(body))
	}
	if problem.Rule != "" {
		return &problem.Refusal
	}
	text := cmp.Or(problem.Detail, problem.Error.Message, problem.Title)
	for _, e := range problem.Errors {
		text += "; " + strings.TrimSpace(e.Location+" "+e.Message)
	}
	return statusError{resp.StatusCode, printable(text), originOf(resp.Request.URL.String()), c}
}

// statusError is a reply that refuses what was asked, whatever its status is.
type statusError struct {
	status      int
	text, where string
	client      *client
}

// Error returns what the server said, and what to do about it.
func (e statusError) Error() string {
	c := e.client
	switch {
	case e.status == http.StatusUnauthorized && e.where != originOf(c.server) && !c.tokenGiven:
		return fmt.Sprintf("%s wants a key; give one for it with --token", e.where)
	case e.status == http.StatusUnauthorized && c.token == "":
		return fmt.Sprintf("%s wants a key; give one with --token or CARREL_TOKEN, or name the server's data folder with --data", e.where)
	case e.status == http.StatusUnauthorized:
		return fmt.Sprintf("%s does not take the key given; make one with 'carrel keys create'", e.where)
	case e.text == "" && e.status < http.StatusBadRequest:
		return fmt.Sprintf("%s answered with nothing where a stream was asked for", e.where)
	case e.text == "":
		return fmt.Sprintf("%s answered %d %s", e.where, e.status, http.StatusText(e.status))
	}
	return e.text
}

// page is a list as the admin API answers it.
type page[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next"`
}

// all reads a list to its end, page by page.
func all[T any](ctx context.Context, c *client, path string) ([]T, error) {
	list := []T{}
	for after := ""; ; {
		var p page[T]
		query := ""
		if after != "" {
			query = "?after=" + url.QueryEscape(after)
		}
		if err := c.call(ctx, http.MethodGet, path+query, nil, &p); err != nil {
			return nil, err
		}
		list = append(list, p.Items...)
		if p.Next == "" || p.Next == after {
			return list, nil
		}
		after = p.Next
	}
}
