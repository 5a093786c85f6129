package server

import (
	"context"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"
	"google.golang.org/protobuf/proto"

	"github.com/carrelhq/carrel/internal/a2ajson"
)

// method is an operation as the JSON bindings call it: it decodes the request,
// calls the operation, and returns the result's JSON appended to dst, or a feed
// if the method streams.
type method struct {
	streams bool
	serve   func(ctx context.Context, by caller, asked call, dst []byte) ([]byte, *feed, error)
}

// call is what a method is called with.
type call struct {
	// decode reads the request into a message.
	decode func(proto.Message) error
	// piecemeal says that what decode could not read is unset in the message, and all
	// else is there: so it is of a query.
	piecemeal bool
	// append encodes a reply; nil is ProtoJSON.
	append func(dst []byte, reply proto.Message) ([]byte, error)
	// framing is how a stream is written.
	framing framing
	// lastEventID is the header of a stream that is taken up again.
	lastEventID string
}

// encode appends a reply to dst.
func (c call) encode(dst []byte, reply proto.Message) ([]byte, error) {
	if c.append != nil {
		return c.append(dst, reply)
	}
	return a2ajson.Append(dst, reply)
}

// read decodes the request. Where fields cannot be read, the error also names those
// that the operation's check refuses of the others. Section 6.5.
func (c call) read(req proto.Message, check func() error) error {
	err := c.decode(req)
	if err != nil && c.piecemeal {
		err = also(err, check())
	}
	return err
}

// methodsByName are the methods of section 9.4.
func (o *operations) methodsByName() map[string]method {
	return map[string]method{
		"SendMessage":                      unary(o.sendMessage),
		"GetTask":                          {serve: o.jsonGetTask},
		"ListTasks":                        {serve: o.jsonListTasks},
		"CancelTask":                       unary(o.cancelTask),
		"SendStreamingMessage":             {streams: true, serve: o.openSendStreamingMessage},
		"SubscribeToTask":                  {streams: true, serve: o.openSubscribeToTask},
		"CreateTaskPushNotificationConfig": unary(o.createPushConfig),
		"GetTaskPushNotificationConfig":    unary(o.getPushConfig),
		"ListTaskPushNotificationConfigs":  {serve: o.jsonListPushConfigs},
		"DeleteTaskPushNotificationConfig": unary(o.deletePushConfig),
		"GetExtendedAgentCard":             unary(o.getExtendedAgentCard),
	}
}

// message is a pointer to a generated message.
type message[T any] interface {
	*T
	proto.Message
}

// unary makes a method of an operation that answers once.
func unary[Q any, PQ message[Q], R proto.Message](op func(context.Context, caller, PQ) (R, error)) method {
	return method{serve: func(ctx context.Context, by caller, asked call, dst []byte) ([]byte, *feed, error) {
		req := PQ(new(Q))
		if err := asked.decode(req); err != nil {
			return nil, nil, err
		}
		result, err := op(ctx, by, req)
		if err != nil {
			return nil, nil, err
		}
		dst, err = asked.encode(dst, result)
		return dst, nil, err
	}}
}

// jsonGetTask is getTask whose answer is encoded once, until the task changes.
func (o *operations) jsonGetTask(ctx context.Context, by caller, asked call, dst []byte) ([]byte, *feed, error) {
	if asked.append != nil {
		return unary(o.getTask).serve(ctx, by, asked, dst)
	}
	req := &a2apb.GetTaskRequest{}
	check := func() error { return checkGet(by.ref, req) }
	if err := asked.read(req, check); err != nil {
		return nil, nil, err
	}
	if err := check(); err != nil {
		return nil, nil, err
	}
	body, err := o.tasks.Encoded(ctx, by.ref, req.GetId(), req.HistoryLength, wireKey, encodeTask(o.linksFor(by)))
	return append(dst, body...), nil, err
}

func (o *operations) jsonListTasks(ctx context.Context, by caller, asked call, dst []byte) ([]byte, *feed, error) {
	req := &a2apb.ListTasksRequest{}
	if err := asked.read(req, func() error { return checkList(by.ref, req) }); err != nil {
		return nil, nil, err
	}
	page, err := o.listTasks(ctx, by, req)
	if err != nil {
		return nil, nil, err
	}
	if asked.append != nil {
		dst, err = asked.append(dst, page)
	} else {
		dst, err = appendTaskPage(dst, page, req.GetIncludeArtifacts())
	}
	return dst, nil, err
}

func (o *operations) jsonListPushConfigs(ctx context.Context, by caller, asked call, dst []byte) ([]byte, *feed, error) {
	req := &a2apb.ListTaskPushNotificationConfigsRequest{}
	if err := asked.read(req, func() error { return o.checkPushList(by, req) }); err != nil {
		return nil, nil, err
	}
	page, err := o.listPushConfigs(ctx, by, req)
	if err != nil {
		return nil, nil, err
	}
	if asked.append != nil {
		dst, err = asked.append(dst, page)
	} else {
		dst, err = appendConfigPage(dst, page)
	}
	return dst, nil, err
}

func (o *operations) openSendStreamingMessage(ctx context.Context, by caller, asked call, _ []byte) ([]byte, *feed, error) {
	req := &a2apb.SendMessageRequest{}
	if err := asked.decode(req); err != nil {
		return nil, nil, err
	}
	f, err := o.sendStreamingMessage(ctx, by, req)
	return nil, f, err
}

func (o *operations) openSubscribeToTask(ctx context.Context, by caller, asked call, _ []byte) ([]byte, *feed, error) {
	req := &a2apb.SubscribeToTaskRequest{}
	if err := asked.decode(req); err != nil {
		return nil, nil, err
	}
	f, err := o.subscribeToTask(ctx, by, req, asked.lastEventID)
	return nil, f, err
}
