package task_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"
	"google.golang.org/protobuf/proto"

	"github.com/carrelhq/carrel/internal/seal"
	"github.com/carrelhq/carrel/storage"
	"github.com/carrelhq/carrel/storage/storagetest"
	"github.com/carrelhq/carrel/task"
)

func pushOptions(t *testing.T) *task.PushOptions {
	t.Helper()
	key, err := seal.New(bytes.Repeat([]byte{7}, seal.KeySize), "webhooks")
	if err != nil {
		t.Fatal(err)
	}
	return &task.PushOptions{Secrets: key, MaxConfigs: 3, CheckURL: func(url string) error {
		if !strings.HasPrefix(url, "https://") {
			return errors.New("must begin with https://")
		}
		return nil
	}}
}

func pushHouse(t *testing.T) *house {
	return newHouse(t, storagetest.Memory(), task.Options{Push: pushOptions(t)})
}

func hook(taskID, id string) *a2apb.TaskPushNotificationConfig {
	return &a2apb.TaskPushNotificationConfig{
		TaskId: taskID, Id: id, Url: "https://hooks.example/u-s3cret", Token: "t-s3cret",
		Authentication: &a2apb.AuthenticationInfo{Scheme: "Bearer", Credentials: "c-s3cret"},
	}
}

func (h *house) createPush(config *a2apb.TaskPushNotificationConfig) *a2apb.TaskPushNotificationConfig {
	h.t.Helper()
	got, err := h.CreatePushConfig(h.t.Context(), bot, config)
	if err != nil {
		h.t.Fatal(err)
	}
	return got
}

// due are the webhooks that are due now.
func (h *house) due() []task.DeliveryID {
	h.t.Helper()
	ids, _, _, err := h.DueDeliveries(h.t.Context(), nil, false)
	if err != nil {
		h.t.Fatal(err)
	}
	return ids
}

// take claims the one webhook that is due.
func (h *house) take() *task.Delivery {
	h.t.Helper()
	claimed, err := h.ClaimDeliveries(h.t.Context(), h.due(), time.Minute)
	if err != nil || len(claimed) != 1 {
		h.t.Fatalf("claimed %v, %v", claimed, err)
	}
	return claimed[0]
}

// deliver takes the one webhook that is due to the end of its log, and returns what it was sent.
func (h *house) deliver() string {
	h.t.Helper()
	d := h.take()
	var sent []task.Event
	for more := true; more; {
		events, err := d.Events(h.t.Context(), 1000)
		if err != nil {
			h.t.Fatal(err)
		}
		for _, e := range events {
			if e.Body != nil {
				sent = append(sent, e)
			}
			if more, err = d.Advance(h.t.Context(), e.Seq, e.Body != nil, time.Minute); err != nil {
				h.t.Fatal(err)
			}
		}
	}
	return summary(sent)
}

func (h *house) health(id string) task.PushHealth {
	h.t.Helper()
	list, err := h.PushHealth(h.t.Context(), bot, id)
	if err != nil || len(list) != 1 {
		h.t.Fatalf("health: %v, %v", list, err)
	}
	return list[0]
}

func TestPushConfigsAreCreatedReadListedAndDeleted(t *testing.T) {
	t.Parallel()
	h := pushHouse(t)
	id := h.send("x", "").TaskID
	a := h.createPush(hook(id, "a"))
	if want := hook(id, "a"); !proto.Equal(a, want) {
		t.Errorf("got %v", a)
	}
	made := h.createPush(hook(id, ""))
	if made.Id == "" {
		t.Error("no id was made")
	}
	got, err := h.GetPushConfig(t.Context(), bot, id, made.Id)
	if err != nil || !proto.Equal(got, made) {
		t.Errorf("got %v, %v", got, err)
	}
	var listed []string
	req := &a2apb.ListTaskPushNotificationConfigsRequest{TaskId: id, PageSize: 1}
	for range 3 {
		page, err := h.ListPushConfigs(t.Context(), bot, req)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range page.Configs {
			listed = append(listed, c.Id)
		}
		if req.PageToken = page.NextPageToken; req.PageToken == "" {
			break
		}
	}
	want := []string{"a", made.Id}
	slices.Sort(want)
	if !slices.Equal(listed, want) {
		t.Errorf("listed %v, want %v", listed, want)
	}
	for range 2 { // the second time there is nothing to delete
		if err := h.DeletePushConfig(t.Context(), bot, id, "a"); err != nil {
			t.Error(err)
		}
	}
	if _, err := h.GetPushConfig(t.Context(), bot, id, "a"); !errors.Is(err, task.ErrTaskNotFound) {
		t.Errorf("got %v", err)
	}
}

func TestPushConfigsThatAreRefused(t *testing.T) {
	t.Parallel()
	h := pushHouse(t)
	id := h.send("x", "").TaskID
	tests := map[string]func(*a2apb.TaskPushNotificationConfig){
		"url":                        func(c *a2apb.TaskPushNotificationConfig) { c.Url = "http://hooks.example" },
		"id":                         func(c *a2apb.TaskPushNotificationConfig) { c.Id = strings.Repeat("x", 129) },
		"taskId":                     func(c *a2apb.TaskPushNotificationConfig) { c.TaskId = "" },
		"token":                      func(c *a2apb.TaskPushNotificationConfig) { c.Token = "a\r\nX-Evil: b" },
		"authentication.scheme":      func(c *a2apb.TaskPushNotificationConfig) { c.Authentication.Scheme = "" },
		"authentication.credentials": func(c *a2apb.TaskPushNotificationConfig) { c.Authentication.Credentials = "a\nb" },
	}
	for field, spoil := range tests {
		c := hook(id, "a")
		spoil(c)
		_, err := h.CreatePushConfig(t.Context(), bot, c)
		var f *task.FieldError
		if !errors.As(err, &f) || f.Field != field {
			t.Errorf("%s: got %v", field, err)
		}
	}
	for _, token := range []string{"whsec_", "whsec_AAAA", "whsec_!!!!"} {
		c := hook(id, "a")
		c.Token = token
		if _, err := h.CreatePushConfig(t.Context(), bot, c); !errors.Is(err, task.ErrInvalidParams) {
			t.Errorf("%s: got %v", token, err)
		}
	}
	for i := range 3 {
		h.createPush(hook(id, fmt.Sprint(i)))
	}
	h.createPush(hook(id, "1")) // replaces
	if _, err := h.CreatePushConfig(t.Context(), bot, hook(id, "3")); !errors.Is(err, task.ErrTooManyConfigs) {
		t.Errorf("got %v", err)
	}
}

// A task of another agent, of another tenant, or of nobody: the same answer.
func TestPushConfigsOfOtherTasksAreNotThere(t *testing.T) {
	t.Parallel()
	h := pushHouse(t)
	id := h.send("x", "").TaskID
	h.createPush(hook(id, "a"))
	refs := map[task.Ref]string{{Tenant: "acme", Agent: "other"}: id, {Tenant: "evil", Agent: "bot"}: id, bot: "00000000-0000-4000-8000-000000000000"}
	for ref, id := range refs {
		_, get := h.GetPushConfig(t.Context(), ref, id, "a")
		_, list := h.ListPushConfigs(t.Context(), ref, &a2apb.ListTaskPushNotificationConfigsRequest{TaskId: id})
		_, create := h.CreatePushConfig(t.Context(), ref, hook(id, "b"))
		_, health := h.PushHealth(t.Context(), ref, id)
		for _, err := range []error{get, list, create, health, h.DeletePushConfig(t.Context(), ref, id, "a")} {
			if !errors.Is(err, task.ErrTaskNotFound) {
				t.Errorf("%v: got %v", ref, err)
			}
		}
	}
	if _, err := h.GetPushConfig(t.Context(), bot, id, "a"); err != nil {
		t.Error(err)
	}
}

func TestWithoutPushConfigsAreNotSupported(t *testing.T) {
	t.Parallel()
	h := memoryHouse(t)
	_, send := h.Send(t.Context(), bot, &a2apb.SendMessageRequest{
		Message: message("x"), Configuration: &a2apb.SendMessageConfiguration{TaskPushNotificationConfig: hook("", "")},
	})
	_, create := h.CreatePushConfig(t.Context(), bot, hook("t", ""))
	_, get := h.GetPushConfig(t.Context(), bot, "t", "a")
	_, list := h.ListPushConfigs(t.Context(), bot, &a2apb.ListTaskPushNotificationConfigsRequest{TaskId: "t"})
	for _, err := range []error{send, create, get, list, h.DeletePushConfig(t.Context(), bot, "t", "a")} {
		if !errors.Is(err, task.ErrPushNotSupported) {
			t.Errorf("got %v", err)
		}
	}
}

// stored is all that is in the store.
func (h *house) stored() []byte {
	h.t.Helper()
	var all []byte
	err := h.db.View(h.t.Context(), func(tx storage.Tx) error {
		for item, err := range tx.Scan(nil, nil) {
			if err != nil {
				return err
			}
			all = append(append(all, item.Key...), item.Value...)
		}
		return nil
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return all
}

func TestSecretsOfWebhooksAreNotInTheStore(t *testing.T) {
	t.Parallel()
	h := pushHouse(t)
	h.createPush(hook(h.send("x", "").TaskID, "a"))
	if bytes.Contains(h.stored(), []byte("s3cret")) {
		t.Error("a secret can be read in the store")
	}
}

// inline sends a message with a webhook.
func (h *house) inline(text, id string) task.Accepted {
	h.t.Helper()
	accepted, err := h.Send(h.t.Context(), bot, &a2apb.SendMessageRequest{
		Message: message(text), Configuration: &a2apb.SendMessageConfiguration{TaskPushNotificationConfig: hook("", id)},
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return accepted
}

func TestAWebhookGetsTheEventsFromItsRegistrationOn(t *testing.T) {
	t.Parallel()
	h := pushHouse(t)
	id := h.inline("x", "").TaskID // with the task: from its first event
	run := h.claim()
	if got, want := h.deliver(), "1:task"; got != want {
		t.Errorf("sent %s, want %s", got, want)
	}
	if got := h.health(id); got.State != "idle" || got.Delivered != 1 || got.Seq != 1 || got.LastSuccess.IsZero() {
		t.Errorf("health is %+v", got)
	}
	if ids := h.due(); len(ids) > 0 {
		t.Errorf("due: %v", ids)
	}
	h.finish(run, task.Result{Artifacts: []*a2apb.Artifact{artifact("", "y")}})
	if got, want := h.deliver(), "2:working 3:artifact 4:completed"; got != want {
		t.Errorf("sent %s, want %s", got, want)
	}
}

func TestAWebhookThatComesLaterGetsWhatComesLater(t *testing.T) {
	t.Parallel()
	h := pushHouse(t)
	id := h.send("x", "").TaskID
	h.createPush(hook(id, "a"))
	if ids := h.due(); len(ids) > 0 {
		t.Errorf("due: %v", ids)
	}
	h.finish(h.claim(), task.Result{})
	if got, want := h.deliver(), "2:working 3:completed"; got != want {
		t.Errorf("sent %s, want %s", got, want)
	}
	h.createPush(hook(id, "b")) // nothing else will come
	if got, want := h.deliver(), "3:completed"; got != want {
		t.Errorf("sent %s, want %s", got, want)
	}
}

func TestMessagesOfTheCallerAreNotSent(t *testing.T) {
	t.Parallel()
	h := pushHouse(t)
	id := h.inline("x", "").TaskID
	h.finish(h.claim(), task.Result{State: inputRequired, Message: said("and?")})
	h.deliver()
	h.reply("y", id)
	if got, want := h.deliver(), "5:working"; got != want {
		t.Errorf("sent %s, want %s", got, want)
	}
}

func TestADeliveryIsFencedAgainstChanges(t *testing.T) {
	t.Parallel()
	changes := map[string]func(h *house, id string) error{
		"replaced": func(h *house, id string) error {
			_, err := h.CreatePushConfig(h.t.Context(), bot, hook(id, "a"))
			return err
		},
		"deleted":     func(h *house, id string) error { return h.DeletePushConfig(h.t.Context(), bot, id, "a") },
		"task is not": func(h *house, id string) error { return h.Delete(h.t.Context(), bot, id) },
	}
	for name, change := range changes {
		h := pushHouse(t)
		id := h.inline("x", "a").TaskID
		h.finish(h.claim(), task.Result{})
		d := h.take()
		if err := change(h, id); err != nil {
			t.Fatal(err)
		}
		_, advance := d.Advance(t.Context(), 1, true, time.Minute)
		for _, err := range []error{advance, d.Retry(t.Context(), time.Now(), "x"), d.Refused(t.Context(), time.Now(), "x", 1), d.GiveUp(t.Context(), "x"), d.GiveBack(t.Context())} {
			if !errors.Is(err, task.ErrFenced) {
				t.Errorf("%s: got %v", name, err)
			}
		}
	}
}

func TestADeletedTaskLeavesNothingOfItsWebhooks(t *testing.T) {
	t.Parallel()
	h := pushHouse(t)
	id := h.inline("x", "a").TaskID
	h.finish(h.claim(), task.Result{})
	if err := h.Delete(t.Context(), bot, id); err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(h.stored(), []byte("push-")) || bytes.Contains(h.stored(), []byte(id)) {
		t.Error("something was left in the store")
	}
}

func TestARetryWaitsAndNewEventsDoNotHurryIt(t *testing.T) {
	t.Parallel()
	h := pushHouse(t)
	id := h.inline("x", "a").TaskID
	if err := h.take().Retry(t.Context(), time.Now().Add(time.Hour), "no answer"); err != nil {
		t.Fatal(err)
	}
	h.finish(h.claim(), task.Result{})
	ids, _, next, err := h.DueDeliveries(t.Context(), nil, false)
	if err != nil || len(ids) > 0 || time.Until(next) < 50*time.Minute {
		t.Errorf("due %v, next %s, %v", ids, next, err)
	}
	got := h.health(id)
	if got.State != "retrying" || got.Attempts != 1 || got.LastError != "no answer" || got.Seq != 0 || got.Last != 3 || !got.NextAttempt.Equal(next) {
		t.Errorf("health is %+v", got)
	}
	// A retry of this process is no orphan.
	ids, _, _, _ = h.DueDeliveries(t.Context(), nil, true)
	if claimed, err := h.ClaimDeliveries(t.Context(), ids, time.Minute); err != nil || len(claimed) > 0 {
		t.Errorf("claimed %v, %v", claimed, err)
	}
}

func TestWhatAWebhookRefusedIsLeftOut(t *testing.T) {
	t.Parallel()
	h := pushHouse(t)
	id := h.inline("x", "a").TaskID
	if err := h.take().Refused(t.Context(), time.Now(), "no", 1); err != nil {
		t.Fatal(err)
	}
	h.finish(h.claim(), task.Result{})
	d := h.take()
	if d.Attempts != 1 || d.Probed != 1 || d.Failing.IsZero() {
		t.Errorf("refused once: %+v", d)
	}
	more, err := d.LeaveOut(t.Context(), 2, true, "no", time.Minute)
	got := h.health(id)
	if !more || err != nil || d.Seq != 2 || d.LeftOut != 1 || d.Attempts != 0 || d.Probed != 0 || !d.Failing.IsZero() {
		t.Errorf("%t, %v, delivery %+v", more, err, d)
	}
	if got.LeftOut != 1 || got.Delivered != 1 || got.Seq != 2 || got.Attempts != 0 || got.LastError != "no" || got.State != "pending" {
		t.Errorf("health %+v", got)
	}
	ids, _, _, _ := h.DueDeliveries(t.Context(), nil, true)
	if len(ids) != 1 {
		t.Error("what was left out takes the claim from the index: after a crash nobody goes on")
	}
	if err := d.GiveBack(t.Context()); err != nil {
		t.Fatal(err)
	}
	d = h.take()
	if events, err := d.EventsAfter(t.Context(), 1, 1); err != nil || len(events) != 1 || events[0].Seq != 2 || d.LeftOut != 1 || !d.Ended() {
		t.Errorf("taken again: %v, %v, %+v, ended: %t", events, err, d, d.Ended())
	}
	if last, err := d.EventsAfter(t.Context(), d.Newest()-1, 1); err != nil || len(last) != 1 || last[0].Seq != 3 || last[0].State != completed {
		t.Errorf("the newest event is %+v, %v", last, err)
	}
	if more, err := d.LeaveOut(t.Context(), 3, false, "no", time.Minute); more || err != nil {
		t.Errorf("the last one: %t, %v", more, err)
	}
	if got := h.health(id); got.State != "idle" || got.LeftOut != 2 || got.Delivered != 1 {
		t.Errorf("health %+v", got)
	}
	h.createPush(hook(id, "a"))
	if got := h.health(id); got.LeftOut != 0 {
		t.Errorf("created anew, its failures are not forgotten: %+v", got)
	}
}

// TestTheEndOfATaskHurriesARefusedEvent has an attempt that is an hour away.
func TestTheEndOfATaskHurriesARefusedEvent(t *testing.T) {
	t.Parallel()
	for _, meanwhile := range []bool{false, true} { // it ends while the attempt is made
		h := pushHouse(t)
		h.inline("x", "a")
		d := h.take()
		if _, err := d.Events(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		refused := func() {
			if err := d.Refused(t.Context(), time.Now().Add(time.Hour), "no", 1); err != nil {
				t.Fatal(err)
			}
		}
		if !meanwhile {
			refused()
		}
		run := h.claim()
		if err := run.Status(t.Context(), said("at work")); err != nil {
			t.Fatal(err)
		}
		if ids := h.due(); len(ids) > 0 {
			t.Error("work hurries it")
		}
		h.finish(run, task.Result{})
		if meanwhile {
			refused()
		}
		if ids := h.due(); len(ids) != 1 {
			t.Errorf("the task has ended (meanwhile: %t), and nothing is due", meanwhile)
		}
		h.take()
	}
}

func TestAWebhookThatIsGivenUpIsSentNothingUntilItIsCreatedAnew(t *testing.T) {
	t.Parallel()
	h := pushHouse(t)
	id := h.inline("x", "a").TaskID
	if err := h.take().GiveUp(t.Context(), strings.Repeat("x", 1000)); err != nil {
		t.Fatal(err)
	}
	h.finish(h.claim(), task.Result{})
	got := h.health(id)
	if ids := h.due(); len(ids) > 0 || got.State != "dead" || got.Last != 3 || len(got.LastError) != 200 {
		t.Errorf("due: %v, health %+v", ids, got)
	}
	h.createPush(hook(id, "a"))
	if got, want := h.deliver(), "1:task 2:working 3:completed"; got != want {
		t.Errorf("sent %s, want %s", got, want)
	}
}

func TestClaimsOfAProcessThatIsGoneCountForNothing(t *testing.T) {
	t.Parallel()
	for _, shared := range []bool{false, true} {
		h := pushHouse(t)
		h.inline("x", "a")
		d := h.take()
		if claimed, _ := h.ClaimDeliveries(t.Context(), []task.DeliveryID{d.DeliveryID}, time.Minute); len(claimed) > 0 {
			t.Error("claimed twice")
		}
		next := newHouse(t, h.db, task.Options{Push: pushOptions(t), Shared: shared})
		ids, _, _, err := next.DueDeliveries(t.Context(), nil, true)
		if err != nil || len(ids) != 1 {
			t.Fatalf("got %v, %v", ids, err)
		}
		claimed, err := next.ClaimDeliveries(t.Context(), ids, time.Minute)
		if err != nil || (len(claimed) == 1) == shared {
			t.Errorf("shared %t: claimed %v, %v", shared, claimed, err)
		}
		if _, err := d.Advance(t.Context(), 1, true, time.Minute); errors.Is(err, task.ErrFenced) == shared {
			t.Errorf("shared %t: got %v", shared, err)
		}
	}
}

func TestAConfigThatCannotBeReadIsGivenUp(t *testing.T) {
	t.Parallel()
	h := pushHouse(t)
	id := h.inline("x", "a").TaskID
	opts := pushOptions(t)
	var err error
	if opts.Secrets, err = seal.New(bytes.Repeat([]byte{8}, seal.KeySize), "webhooks"); err != nil {
		t.Fatal(err)
	}
	next := newHouse(t, h.db, task.Options{Push: opts})
	claimed, err := next.ClaimDeliveries(t.Context(), next.due(), time.Minute)
	if err != nil || len(claimed) > 0 || next.health(id).State != "dead" {
		t.Errorf("claimed %v, %v; health %+v", claimed, err, next.health(id))
	}
}

func TestAWebhookKnowsTheVersionItWasRegisteredIn(t *testing.T) {
	t.Parallel()
	h := pushHouse(t)
	id := h.send("x", "").TaskID
	for version, ctx := range map[string]context.Context{"1.0": t.Context(), "0.3": task.WithVersion(t.Context(), "0.3")} {
		if _, err := h.CreatePushConfig(ctx, bot, hook(id, version)); err != nil {
			t.Fatal(err)
		}
	}
	h.finish(h.claim(), task.Result{})
	claimed, err := h.ClaimDeliveries(t.Context(), h.due(), time.Minute)
	if err != nil || len(claimed) != 2 {
		t.Fatalf("claimed %v, %v", claimed, err)
	}
	for _, d := range claimed {
		if d.Version != d.ConfigID {
			t.Errorf("%s has version %s", d.ConfigID, d.Version)
		}
	}
}

func TestDelayedDeliveriesWait(t *testing.T) {
	t.Parallel()
	h := pushHouse(t)
	h.inline("x", "a")
	if err := h.DelayDeliveries(t.Context(), h.due(), time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if ids := h.due(); len(ids) > 0 {
		t.Errorf("due: %v", ids)
	}
}
