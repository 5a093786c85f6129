package server

import (
	"context"
	"fmt"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/carrelhq/carrel/task"
)

// pushConfigs is what A2A needs of the task manager for push notifications.
type pushConfigs interface {
	PushSupported() bool
	CheckPushConfig(config *a2apb.TaskPushNotificationConfig) error
	CreatePushConfig(ctx context.Context, ref task.Ref, config *a2apb.TaskPushNotificationConfig) (*a2apb.TaskPushNotificationConfig, error)
	GetPushConfig(ctx context.Context, ref task.Ref, taskID, id string) (*a2apb.TaskPushNotificationConfig, error)
	ListPushConfigs(ctx context.Context, ref task.Ref, req *a2apb.ListTaskPushNotificationConfigsRequest) (*a2apb.ListTaskPushNotificationConfigsResponse, error)
	DeletePushConfig(ctx context.Context, ref task.Ref, taskID, id string) error
}

// createPushConfig registers a webhook for a task. Section 3.1.7.
func (o *operations) createPushConfig(ctx context.Context, by caller, req *a2apb.TaskPushNotificationConfig) (*a2apb.TaskPushNotificationConfig, error) {
	if err := o.checkPush(by, req.GetTenant()); err != nil {
		return nil, also(err, o.tasks.CheckPushConfig(req))
	}
	return o.tasks.CreatePushConfig(ctx, by.ref, req)
}

// getPushConfig returns a config. Section 3.1.8.
func (o *operations) getPushConfig(ctx context.Context, by caller, req *a2apb.GetTaskPushNotificationConfigRequest) (*a2apb.TaskPushNotificationConfig, error) {
	if by.in03 && req.GetId() == "" {
		return o.firstPushConfig(ctx, by, req.GetTaskId())
	}
	if err := o.checkPush(by, req.GetTenant(), "taskId", req.GetTaskId(), "id", req.GetId()); err != nil {
		return nil, err
	}
	config, err := o.tasks.GetPushConfig(ctx, by.ref, req.GetTaskId(), req.GetId())
	if err != nil {
		return nil, err
	}
	return by.sees(config), nil
}

// firstPushConfig returns a config of a task: requests of 0.3 need not say which.
func (o *operations) firstPushConfig(ctx context.Context, by caller, taskID string) (*a2apb.TaskPushNotificationConfig, error) {
	reply, err := o.listPushConfigs(ctx, by, &a2apb.ListTaskPushNotificationConfigsRequest{TaskId: taskID, PageSize: 1})
	if err != nil {
		return nil, err
	}
	if len(reply.Configs) == 0 {
		return nil, fmt.Errorf("%w: no push notification config", task.ErrTaskNotFound)
	}
	return reply.Configs[0], nil
}

// listPushConfigs returns the configs of a task. Section 3.1.9.
func (o *operations) listPushConfigs(ctx context.Context, by caller, req *a2apb.ListTaskPushNotificationConfigsRequest) (*a2apb.ListTaskPushNotificationConfigsResponse, error) {
	if err := o.checkPushList(by, req); err != nil {
		return nil, err
	}
	reply, err := o.tasks.ListPushConfigs(ctx, by.ref, req)
	if err != nil {
		return nil, err
	}
	for i, config := range reply.Configs {
		reply.Configs[i] = by.sees(config)
	}
	return reply, nil
}

func (o *operations) checkPushList(by caller, req *a2apb.ListTaskPushNotificationConfigsRequest) error {
	err := o.checkPush(by, req.GetTenant())
	if err == nil {
		return task.CheckPushList(req)
	}
	return also(err, task.CheckPushList(req))
}

// deletePushConfig removes a config, also one that is not there. Section 3.1.10.
func (o *operations) deletePushConfig(ctx context.Context, by caller, req *a2apb.DeleteTaskPushNotificationConfigRequest) (*emptypb.Empty, error) {
	if err := o.checkPush(by, req.GetTenant(), "taskId", req.GetTaskId(), "id", req.GetId()); err != nil {
		return nil, err
	}
	return &emptypb.Empty{}, o.tasks.DeletePushConfig(ctx, by.ref, req.GetTaskId(), req.GetId())
}

// checkPush checks what all four operations have in common: that there are push
// notifications, and required fields, as pairs of name and value.
func (o *operations) checkPush(by caller, tenant string, fields ...string) error {
	if !o.tasks.PushSupported() {
		return task.ErrPushNotSupported
	}
	var bad task.FieldErrors
	for i := 0; i < len(fields); i += 2 {
		if fields[i+1] == "" {
			bad.Add(fields[i], "is required")
		}
	}
	bad.Join(checkTenant(by.ref, tenant))
	return bad.Err()
}

// sees returns a config as the caller may see it. Callers without a key cannot be
// told apart: they do not get back what one of them has left for a webhook.
func (by caller) sees(config *a2apb.TaskPushNotificationConfig) *a2apb.TaskPushNotificationConfig {
	if !by.anonymous {
		return config
	}
	config = proto.CloneOf(config)
	config.Token = ""
	if config.Authentication != nil {
		config.Authentication.Credentials = ""
	}
	return config
}
