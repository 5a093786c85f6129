package push

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"
	webhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/carrelhq/carrel/internal/a2ajson"
	"github.com/carrelhq/carrel/internal/egress"
	"github.com/carrelhq/carrel/task"
)

// outcome is how an attempt went.
type outcome struct {
	// taken: the webhook has the event. Neither taken nor a fault: there is nothing to send.
	taken bool
	// fault is what was wrong, for the owner of the config.
	fault string
	// after is how long the webhook asked to be left alone, gone that it is so for
	// ever, refused that it finds fault with the event, cut that it was us who broke off.
	after              time.Duration
	gone, refused, cut bool
}

// maxAnswer is how much of an answer is read, so that its connection can be used again.
const maxAnswer = 4 << 10

// send makes the job's attempt to deliver an event, unless there is nothing to send.
func (p *Pusher) send(j *job, e task.Event) (o outcome) {
	d := j.d
	ctx, span := p.opts.Telemetry.Start(d.Context(p.sending), "push.deliver", slog.String("task", d.TaskID), slog.Uint64("event", e.Seq))
	defer func() {
		span.Set(slog.Bool("delivered", o.taken), slog.String("fault", o.fault))
		span.End(nil)
	}()
	req, err := p.request(ctx, d, e)
	switch {
	case err != nil && p.sending.Err() != nil:
		return outcome{cut: true, fault: "broken off"}
	case errors.Is(err, ErrLater):
		p.opts.Logger.Error("an event could not be read", "task", d.TaskID, "event", e.Seq, "error", err)
		return outcome{fault: "the event could not be read"}
	case err != nil:
		// It would be no different the next time, and those behind it wait.
		p.opts.Logger.Error("an event has no form to be sent in", "task", d.TaskID, "event", e.Seq, "version", d.Version, "error", err)
		return outcome{}
	case req == nil:
		return outcome{}
	}
	j.attempt = false
	p.metrics().PushesActive.Add(1)
	defer p.metrics().PushesActive.Add(-1)
	resp, err := p.client.Do(req)
	switch {
	case err != nil && p.sending.Err() != nil:
		return outcome{cut: true, fault: "broken off"}
	case err != nil:
		p.opts.Logger.DebugContext(ctx, "webhook not reached", "task", d.TaskID, "config", d.ConfigID, "cause", egress.Cause(err))
		return outcome{fault: egress.ErrUnreachable.Error()}
	}
	defer release(resp)
	return judge(resp, time.Now())
}

// release lets the connection go, to be used again if the answer is short.
func release(resp *http.Response) {
	if resp.ContentLength > maxAnswer {
		_ = resp.Body.Close()
		return
	}
	egress.Drain(resp.Body, maxAnswer)
}

func judge(resp *http.Response, now time.Time) outcome {
	if resp.StatusCode >= 200 && resp.StatusCode <= 299 {
		return outcome{taken: true}
	}
	after := retryAfter(resp.Header.Get("Retry-After"), now)
	return outcome{
		fault:   fmt.Sprintf("the webhook answered with status %d", resp.StatusCode),
		gone:    resp.StatusCode == http.StatusGone,
		refused: refuses(resp.StatusCode, after),
		after:   after,
	}
}

// retryAfter reads seconds or a date; anything else is nothing.
func retryAfter(header string, now time.Time) time.Duration {
	const most = 1 << 31
	if seconds, err := strconv.ParseInt(header, 10, 64); err == nil {
		return time.Duration(min(max(seconds, 0), most)) * time.Second
	}
	if at, err := http.ParseTime(header); err == nil {
		return max(0, at.Sub(now))
	}
	return 0
}

// backOff is the wait after that many failed attempts, a quarter more or less.
func (o Options) backOff(attempts int) time.Duration {
	d := o.BackOff
	for range attempts - 1 {
		if d *= 2; d >= o.MaxBackOff {
			d = o.MaxBackOff
			break
		}
	}
	return d - d/4 + rand.N(d/2+1)
}

// request is what the webhook is sent, nil for nothing.
func (p *Pusher) request(ctx context.Context, d *task.Delivery, e task.Event) (*http.Request, error) {
	contentType, body, err := p.payload(ctx, d, e)
	if err != nil || body == nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, d.Config.Url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", contentType)
	req.Header.Set("User-Agent", p.opts.UserAgent)
	authenticate(req.Header, d.Config)
	return req, sign(req.Header, d, e, time.Now(), body)
}

// payload makes what the webhook is sent. A panic is an error: nobody else
// recovers in the goroutine of a delivery.
func (p *Pusher) payload(ctx context.Context, d *task.Delivery, e task.Event) (contentType string, body []byte, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v\n%s", r, debug.Stack())
		}
	}()
	payload := p.opts.Payloads[d.Version]
	if payload == nil {
		payload = streamResponse
	}
	if p.opts.Links != nil {
		e = p.opts.Links(d.Tenant).Event(e)
	}
	return payload(ctx, d, e)
}

// streamResponse is the payload of version 1.0 (section 4.3.3).
func streamResponse(_ context.Context, _ *task.Delivery, e task.Event) (string, []byte, error) {
	body, err := e.Encoded("push", func(r *a2apb.StreamResponse) ([]byte, error) { return a2ajson.Append(nil, r) })
	return "application/a2a+json", body, err
}

// authenticate shows the webhook who calls, as its config says (section 4.3.1).
// For the token the specification names no header, and clients expect either. A
// token that is there to sign with is not shown.
func authenticate(h http.Header, c *a2apb.TaskPushNotificationConfig) {
	if auth := c.GetAuthentication(); auth != nil {
		h.Set("Authorization", strings.TrimSpace(auth.Scheme+" "+auth.Credentials))
	}
	if c.Token != "" && !strings.HasPrefix(c.Token, task.SigningSecret) {
		h.Set("X-A2A-Notification-Token", c.Token)
		h.Set("A2A-Notification-Token", c.Token)
	}
}

// sign adds the headers of Standard Webhooks. The id is the event's, the same in
// every attempt. The key is the config's token, or else its credentials: what the
// webhook's owner and we know. Without either there is no signature.
func sign(h http.Header, d *task.Delivery, e task.Event, now time.Time, body []byte) error {
	id := d.TaskID + "-" + strconv.FormatUint(e.Seq, 10)
	h.Set(webhooks.HeaderWebhookID, id)
	h.Set(webhooks.HeaderWebhookTimestamp, strconv.FormatInt(now.Unix(), 10))
	secret := cmp.Or(d.Config.Token, d.Config.GetAuthentication().GetCredentials())
	if secret == "" {
		return nil
	}
	key, err := webhooks.NewWebhookRaw([]byte(secret))
	if strings.HasPrefix(secret, task.SigningSecret) {
		key, err = webhooks.NewWebhook(secret)
	}
	if err != nil {
		return err
	}
	signature, err := key.Sign(id, now, body)
	h.Set(webhooks.HeaderWebhookSignature, signature)
	return err
}
