package server

import (
	"strings"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/carrelhq/carrel/internal/egress"
)

const filler = "fill"

// filled is a request with a body in every binding, which names no task: what it
// holds besides is read and means nothing.
func filled() (asked, *a2apb.CancelTaskRequest) {
	req := &a2apb.CancelTaskRequest{Id: nowhere, Tenant: carded, Metadata: &structpb.Struct{Fields: map[string]*structpb.Value{
		"x": structpb.NewStringValue(filler),
	}}}
	return asked{method: "CancelTask", req: req}, req
}

// bodyOf has a body of n bytes.
func bodyOf(_ *bench, n int) asked {
	a, req := filled()
	a.text = func(text string) string { return text + strings.Repeat(" ", n-len(text)) }
	head := protowire.AppendTag(nil, 9999, protowire.BytesType)
	for left := n - proto.Size(req) - len(head); ; left-- {
		if protowire.SizeBytes(left)+len(head)+proto.Size(req) <= n {
			req.ProtoReflect().SetUnknown(protowire.AppendBytes(head, make([]byte, left)))
			return a
		}
	}
}

// deep nests JSON n levels deep.
func deep(_ *bench, n int) asked {
	a, _ := filled()
	a.text = func(text string) string {
		before, after, _ := strings.Cut(text, `"`+filler+`"`)
		left := n - (strings.Count(before, "{") - strings.Count(before, "}"))
		return before + strings.Repeat("[", left) + strings.Repeat("]", left) + after
	}
	return a
}

// nesting nests messages n levels deep, or one less: a list takes two, below the
// request, its metadata and the first value.
func nesting(_ *bench, n int) asked {
	a, req := filled()
	req.Metadata.Fields["x"] = nested((n - 3) / 2)
	return a
}

// values has n values of JSON.
func values(_ *bench, n int) asked {
	a, _ := filled()
	a.text = func(text string) string {
		s := scanner{data: []byte(text)}
		if err := s.document(func(_, _ []byte) {}); err != nil {
			return err.Error()
		}
		list := strings.Repeat("0,", n-s.values-1) + "0"
		return strings.Replace(text, `"`+filler+`"`, "["+list+"]", 1)
	}
	return a
}

// elements has n messages in it: four hold the list of the others.
func elements(_ *bench, n int) asked {
	a, req := filled()
	list := &structpb.ListValue{}
	for range n - 4 {
		list.Values = append(list.Values, structpb.NewNullValue())
	}
	req.Metadata.Fields["x"] = structpb.NewListValue(list)
	return a
}

// requestID has an id of n bytes, quotes included.
func requestID(_ *bench, n int) asked {
	a := cancel(nowhere)
	a.text = func(text string) string {
		return strings.Replace(text, `"id":1`, `"id":"`+strings.Repeat("x", n-2)+`"`, 1)
	}
	return a
}

// several has n requests in one body.
func several(_ *bench, n int) asked {
	a := cancel(nowhere)
	if n > 1 {
		a.text = func(text string) string { return "[" + strings.Repeat(text+",", n-1) + text + "]" }
	}
	return a
}

// messageOf has a message that is n bytes with all that comes with it.
func messageOf(_ *bench, n int) asked {
	req := ask("")
	for left := n - proto.Size(req); left > 0; left = n - proto.Size(req) {
		part := req.Message.Parts[0].Content.(*a2apb.Part_Text)
		part.Text += strings.Repeat("x", max(left-12, 1))
	}
	return asked{method: "SendMessage", req: req}
}

// with is a message that set has made as large as n.
func with(set func(r *a2apb.SendMessageRequest, n int)) func(*bench, int) asked {
	return func(_ *bench, n int) asked {
		return say("echo hi", func(r *a2apb.SendMessageRequest) {
			r.Configuration = &a2apb.SendMessageConfiguration{}
			set(r, n)
		})
	}
}

// references names n tasks.
func references(b *bench, n int) asked {
	id := b.send("carded", "echo hi").Id
	return with(func(r *a2apb.SendMessageRequest, n int) {
		for range n {
			r.Message.ReferenceTaskIds = append(r.Message.ReferenceTaskIds, id)
		}
	})(b, n)
}

// once has an idempotency key of n bytes.
func onceKeyed(_ *bench, n int) asked {
	a := say("echo hi")
	a.once = strings.Repeat("k", n)
	return a
}

const hookURL = "https://hooks.example.com/"

// hookWith is a config that set has made as large as n.
func hookWith(set func(c *a2apb.TaskPushNotificationConfig, n int)) func(*bench, int) asked {
	return func(b *bench, n int) asked {
		a := hook(b.send("carded", "ask").Id, hookURL)
		c := a.req.(*a2apb.TaskPushNotificationConfig)
		c.Authentication = &a2apb.AuthenticationInfo{Scheme: "Bearer"}
		set(c, n)
		return a
	}
}

func checkHookURL(url string) error {
	_, err := egress.CheckURL(url)
	return err
}
