package v03

import (
	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"
)

// config writes a task's webhook. REST has one name for the ids of both.
func (w *writer) config(c *a2apb.TaskPushNotificationConfig) {
	w.raw("{")
	if w.dialect == REST {
		w.member("name", "tasks/"+c.GetTaskId()+"/pushNotificationConfigs/"+c.GetId())
	} else {
		w.member("taskId", c.GetTaskId())
	}
	w.name("pushNotificationConfig")
	w.raw("{")
	w.optional("id", c.GetId())
	w.member("url", c.GetUrl())
	w.optional("token", c.GetToken())
	w.authentication(c.GetAuthentication())
	w.raw("}}")
}

func (w *writer) authentication(a *a2apb.AuthenticationInfo) {
	if a == nil {
		return
	}
	w.name("authentication")
	w.raw("{")
	w.name("schemes")
	list(w, []string{a.GetScheme()}, w.text)
	w.optional("credentials", a.GetCredentials())
	w.raw("}")
}

// configs writes all webhooks of a task: the schema knows no pages.
func (w *writer) configs(r *a2apb.ListTaskPushNotificationConfigsResponse) {
	if w.dialect != REST {
		list(w, r.GetConfigs(), w.config)
		return
	}
	w.raw(`{"configs":`)
	list(w, r.GetConfigs(), w.config)
	w.optional("nextPageToken", r.GetNextPageToken())
	w.raw("}")
}
