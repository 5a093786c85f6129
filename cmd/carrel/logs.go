package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"github.com/carrelhq/carrel/agent"
)

// logLine is one line of a task's log as the admin API answers it.
type logLine struct {
	Seq     uint64    `json:"seq"`
	Run     int       `json:"run"`
	Attempt int       `json:"attempt"`
	Time    time.Time `json:"time"`
	Level   string    `json:"level"`
	Message string    `json:"message"`
}

func newLogsCommand(p program) *cobra.Command {
	var name string
	var follow bool
	cmd := &cobra.Command{
		Use:     "logs TASK",
		GroupID: groupTalk,
		Short:   "Print what a task's agent logged",
		Long: `Print what a task's agent logged, and what it wrote to its standard output and error.
Without --agent every agent of the tenant is asked for the task.`,
		Example: "  carrel logs 0d7f3c1e-… -f",
		Args:    asUsed,
	}
	c := p.addClient(cmd)
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "go on until the task is finished")
	cmd.Flags().StringVar(&name, "agent", "", "`name` of the task's agent")
	cmd.RunE = c.resolved(func(ctx context.Context, args []string) error {
		names := []string{name}
		if name == "" {
			var err error
			if names, err = c.agentNames(ctx); err != nil {
				return err
			}
		}
		for _, name := range names {
			err := c.logs(ctx, name, args[0], follow)
			if status := (statusError{}); !errors.As(err, &status) || status.status != http.StatusNotFound {
				return err
			}
		}
		return fmt.Errorf("no agent of tenant %s has a task %s", c.tenant, args[0])
	})
	return cmd
}

func (c *client) agentNames(ctx context.Context) ([]string, error) {
	list, err := all[agent.Agent](ctx, c, c.tenantPath("agents"))
	names := make([]string, len(list))
	for i := range list {
		names[i] = list[i].Name
	}
	return names, err
}

// logs prints a task's lines as they come, one JSON object a line.
func (c *client) logs(ctx context.Context, agent, task string, follow bool) error {
	path := c.agentPath(agent, "tasks", task, "log")
	if follow {
		path += "?follow=true"
	}
	resp, err := c.do(ctx, http.MethodGet, path, "", nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if err := c.logLine(lines.Bytes()); err != nil {
			return err
		}
	}
	return lines.Err()
}

func (c *client) logLine(encoded []byte) error {
	if len(encoded) == 0 {
		return nil // keeps the connection alive
	}
	var l logLine
	if err := json.Unmarshal(encoded, &l); err != nil {
		return err
	}
	if *c.json {
		return c.line(l)
	}
	fmt.Fprintf(c.stdout, "%s %-5s %s\n", l.Time.Local().Format(time.TimeOnly), cell(l.Level), cell(l.Message))
	return nil
}
