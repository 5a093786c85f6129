package main

import (
	"context"
	"fmt"
	"os"
	"time"
)

// contender is a meter that takes part in a contest.
type contender struct {
	name string
	// aim is what carrel promises in comparison to it.
	aim string
	// command installs what the contender needs and returns its command without args.
	command func(ctx context.Context, dir string) ([]string, error)
	args    []string
}

// contest measures the same of carrel and of others.
type contest struct {
	what               string
	rounds, operations int
	ours               contender
	rivals             []contender
	// multiple is how the ratio is written: as carrel's multiple of the other's time
	// where they are alike, and otherwise as its part.
	multiple bool
}

// run adds a row for each contender. One that cannot run has a row that says why.
func (c contest) run(ctx context.Context, s settings, t *table) error {
	ours, err := c.ours.start(ctx, s)
	if err != nil {
		return err
	}
	defer ours.stop()
	all, able := []measurer{ours}, []contender(nil)
	for _, rival := range c.rivals {
		m, err := rival.start(ctx, s)
		if err != nil {
			t.notRun(c.row(rival), err)
			continue
		}
		defer m.stop()
		all, able = append(all, m), append(able, rival)
	}
	medians, err := inTurns(c.rounds, c.operations, all...)
	if err != nil {
		return err
	}
	t.add(c.row(c.ours), short(medians[0]), "", c.ours.aim)
	for i, rival := range able {
		t.add(c.row(rival), short(medians[i+1]), c.ratio(medians[0], medians[i+1]), rival.aim)
	}
	return nil
}

func (c contest) row(of contender) string { return c.what + ": " + of.name }

func (c contest) ratio(ours, theirs time.Duration) string {
	if c.multiple {
		return fmt.Sprintf("carrel %.2fx", float64(ours)/float64(theirs))
	}
	return "carrel " + part(float64(ours), float64(theirs))
}

// part writes how much of the whole something is: "1/12", and as a multiple when
// it is more than half of it.
func part(of, whole float64) string {
	if of*2 > whole || of <= 0 {
		return fmt.Sprintf("%.2fx", of/whole)
	}
	return fmt.Sprintf("1/%.0f", whole/of)
}

// short rounds a time to three digits or so.
func short(d time.Duration) string {
	to := time.Nanosecond
	for to*1000 < d {
		to *= 10
	}
	return d.Round(to).String()
}

// start installs and starts a contender on the servers' core.
func (c contender) start(ctx context.Context, s settings) (*meter, error) {
	command, err := c.command(ctx, s.dir)
	if err != nil {
		return nil, err
	}
	return startMeter(pinned(ctx, serverCore, command[0], append(command[1:len(command):len(command)], c.args...)...))
}

// role is this program in another role.
func role(args ...string) func(context.Context, string) ([]string, error) {
	return func(context.Context, string) ([]string, error) {
		path, err := os.Executable()
		return append([]string{path}, args...), err
	}
}
