package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"slices"
	"strconv"
	"time"
)

// The webhooks of the measurement: as many to a task as a task may have, of which
// one is dead, in turn one that refuses, one that never answers, one that fails.
const (
	webhookTasks = 100
	webhooksEach = 10
	liveWebhooks = webhookTasks * (webhooksEach - 1)
)

// webhooksResult is how late live webhooks got an event, counted from before it was written.
type webhooksResult struct {
	P50  time.Duration `json:"p50"`
	P99  time.Duration `json:"p99"`
	Max  time.Duration `json:"max"`
	Told int           `json:"told"`
}

// webhooks starts tasks with webhooks, which all emit one event within a time, and
// prints how late it came to those that are alive.
func webhooks(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("webhooks", flag.ContinueOnError)
	url := flags.String("url", "", "the agent's JSON-RPC address")
	within := flags.Duration("within", time.Second, "over what time the events are spread")
	if err := flags.Parse(args); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	hooks, err := newHooks()
	if err != nil {
		return err
	}
	defer hooks.close()
	if err := startHooked(*url, hooks, *within); err != nil {
		return err
	}
	late, err := hooks.wait(ctx, liveWebhooks)
	if err != nil {
		return err
	}
	slices.Sort(late)
	return json.NewEncoder(os.Stdout).Encode(webhooksResult{percentile(late, 50), percentile(late, 99), percentile(late, 100), len(late)})
}

// startHooked starts the tasks. Their events are due when all have been registered
// and told what came before, by some seconds.
func startHooked(url string, hooks *hooks, within time.Duration) error {
	begin := time.Now().Add(6 * time.Second)
	c := &caller{client: newLoadClient(1), url: url}
	for i := range webhookTasks {
		due := begin.Add(within * time.Duration(i) / webhookTasks)
		order := "1 1ms " + time.Until(due).String()
		var reply struct{ Task benchTask }
		if err := c.result(`{"jsonrpc":"2.0","id":1,"method":"SendMessage","params":`+messageParams(order, true)+`}`, &reply); err != nil {
			return err
		}
		for j := range webhooksEach {
			params := fmt.Sprintf(`{"taskId":%q,"id":"%d","url":%q}`, reply.Task.ID, j, hooks.address(i*webhooksEach+j))
			var config struct{ ID string }
			if err := c.result(`{"jsonrpc":"2.0","id":1,"method":"CreateTaskPushNotificationConfig","params":`+params+`}`, &config); err != nil {
				return err
			}
		}
	}
	if left := time.Until(begin); left < time.Second {
		return fmt.Errorf("registering the webhooks took so long that %s were left for them to rest", left)
	}
	return nil
}

// webhooksSection measures how late live webhooks get their event while others are dead.
func webhooksSection(ctx context.Context, s settings, t *table) error {
	p := carrelPeer("chunks")
	p.portFlag = []string{"--allow-egress", "127.0.0.0/8", "--port"}
	for _, spread := range []struct {
		within   time.Duration
		how, aim string
	}{{time.Second, "spread over a second", "p99 ≤ 100 ms"}, {0, "all at once", "reported"}} {
		r, err := toldUnder(ctx, s, p, spread.within)
		if err != nil {
			return err
		}
		t.add(strconv.Itoa(webhookTasks*webhooksEach)+" webhooks, one in ten dead, an event each, "+spread.how+": p99 at the live ones",
			fmt.Sprintf("%s (p50 %s, max %s; %d of %d were told)", short(r.P99), short(r.P50), short(r.Max), r.Told, liveWebhooks), "", spread.aim)
	}
	return nil
}

func toldUnder(ctx context.Context, s settings, p peer, within time.Duration) (r webhooksResult, err error) {
	server, err := startPeer(ctx, s, p)
	if err != nil {
		return r, err
	}
	defer server.stop()
	cmd, err := self(ctx, loadCore, "webhooks", "--url", server.base()+p.path, "--within", within.String())
	if err != nil {
		return r, err
	}
	return r, result(cmd, &r)
}
