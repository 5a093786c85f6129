package v03

import a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"

// configQuery reads a request about the configs of a task, whose id is plainly
// called id.
func (r *reader) configQuery(taskID, id *string) {
	r.object(func(name string) bool {
		switch {
		case name == "id":
			*taskID = r.text()
		case name == "pushNotificationConfigId" && id != nil:
			*id = r.text()
		default:
			return false
		}
		return true
	})
}

// createConfig reads {taskId, pushNotificationConfig} or, in REST, the same with
// a name for the id, mostly wrapped: {parent, configId, config: {…}}.
func (r *reader) createConfig(req *a2apb.TaskPushNotificationConfig) {
	configID := ""
	r.object(func(name string) bool {
		switch {
		case name == "pushNotificationConfig":
			r.config(req)
		case name == "taskId" && r.dialect != REST:
			req.TaskId = r.text()
		case name == "configId" && r.dialect == REST:
			configID = r.text()
		case name == "config" && r.dialect == REST:
			r.object(func(name string) bool {
				if name == "pushNotificationConfig" {
					r.config(req)
					return true
				}
				return false
			})
		default:
			return false
		}
		return true
	})
	if req.Id == "" {
		req.Id = configID
	}
}

// config reads the webhook into c, and leaves the task's id there as it is.
func (r *reader) config(c *a2apb.TaskPushNotificationConfig) {
	r.object(func(name string) bool {
		switch name {
		case "id":
			c.Id = r.text()
		case "url":
			c.Url = r.text()
		case "token":
			c.Token = r.text()
		case "authentication":
			c.Authentication = r.authentication()
		default:
			return false
		}
		return true
	})
}

func (r *reader) authentication() *a2apb.AuthenticationInfo {
	a := &a2apb.AuthenticationInfo{}
	r.object(func(name string) bool {
		switch name {
		case "schemes":
			if schemes := r.texts(); len(schemes) > 0 {
				a.Scheme = schemes[0]
			}
		case "scheme": // of FastA2A
			a.Scheme = r.text()
		case "credentials":
			a.Credentials = r.text()
		default:
			return false
		}
		return true
	})
	return a
}
