package v03

import (
	"bytes"
	"errors"
	"math"
	"strings"
	"testing"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"
	"golang.org/x/tools/txtar"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// replies are the replies and events of 1.0 that 0.3 has.
var replies = []proto.Message{
	&a2apb.SendMessageResponse{}, &a2apb.StreamResponse{}, &a2apb.Task{}, &a2apb.ListTasksResponse{},
	&a2apb.TaskPushNotificationConfig{}, &a2apb.ListTaskPushNotificationConfigsResponse{}, &emptypb.Empty{},
}

// TestReplies encodes the replies in testdata/replies, in ProtoJSON of 1.0 there,
// in each dialect.
func TestReplies(t *testing.T) {
	t.Parallel()
	eachArchive(t, "testdata/replies/*.txtar", func(t *testing.T, archive *txtar.Archive) *txtar.Archive {
		got := &txtar.Archive{Comment: archive.Comment}
		for _, f := range archive.Files {
			if strings.Contains(f.Name, " as ") {
				continue
			}
			got.Files = append(got.Files, f)
			reply := replyNamed(t, f)
			for _, d := range []Dialect{JSONRPC, REST, FastA2A, EitherFastA2A, RESTOnce} {
				encoded, err := Append([]byte("before"), reply, d)
				if err != nil {
					t.Fatalf("%s: %v", f.Name, err)
				}
				after, ok := bytes.CutPrefix(encoded, []byte("before"))
				if !ok {
					t.Errorf("%s: what was before is lost", f.Name)
				}
				got.Files = append(got.Files, txtar.File{Name: f.Name + " as " + dialects[d], Data: indent(t, after)})
			}
		}
		return got
	})
}

func replyNamed(t *testing.T, f txtar.File) proto.Message {
	t.Helper()
	_, name, _ := strings.Cut(f.Name, " ")
	for _, m := range replies {
		if string(m.ProtoReflect().Descriptor().Name()) == name {
			m = proto.Clone(m)
			if err := protojson.Unmarshal(f.Data, m); err != nil {
				t.Fatalf("%s: %v", f.Name, err)
			}
			return m
		}
	}
	t.Fatalf("no reply is a %s", name)
	return nil
}

func TestWhatJSONCannotHaveIsAnError(t *testing.T) {
	t.Parallel()
	data := func(v *structpb.Value) proto.Message {
		return &a2apb.Task{Metadata: &structpb.Struct{Fields: map[string]*structpb.Value{"k": v}}}
	}
	for _, test := range []struct {
		name  string
		reply proto.Message
		want  error
	}{
		{"a number that is none", data(structpb.NewNumberValue(math.NaN())), errNumber},
		{"a number without end", data(structpb.NewNumberValue(math.Inf(-1))), errNumber},
		{"text of other bytes", &a2apb.Task{Id: "\xff"}, errUTF8},
		{"text of other bytes, deep down", data(structpb.NewStringValue("a\xc3")), errUTF8},
		{"a time after the last one", &a2apb.Task{Status: &a2apb.TaskStatus{Timestamp: &timestamppb.Timestamp{Seconds: math.MaxInt64}}}, errTime},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if got, err := Append(nil, test.reply, JSONRPC); !errors.Is(err, test.want) || got != nil {
				t.Errorf("got %s, %v, want %v", got, err, test.want)
			}
		})
	}
	if _, err := Append(nil, &durationpb.Duration{}, JSONRPC); err == nil {
		t.Error("encoded what is no reply of 0.3")
	}
}

func TestEachStateAndRoleHasItsWord(t *testing.T) {
	t.Parallel()
	for number := range a2apb.TaskState_name {
		for _, d := range []Dialect{JSONRPC, REST, FastA2A} {
			if got, ok := ParseState(stateWord(a2apb.TaskState(number), d)); !ok || int32(got) != number {
				t.Errorf("%v: got %v, %v", number, got, ok)
			}
		}
	}
	if got := stateWord(99, JSONRPC); got != "unknown" {
		t.Errorf("got %q for a state that is none", got)
	}
	if _, ok := ParseState("TASK_STATE_CANCELED"); ok {
		t.Error("0.3 spells it with two l")
	}
	if got := roleWord(a2apb.Role_ROLE_UNSPECIFIED, JSONRPC); got != "agent" {
		t.Errorf("got %q for a role that is none", got)
	}
}

func TestCodesOf03(t *testing.T) {
	t.Parallel()
	for v1, want := range map[int]int{-32001: -32001, -32007: -32007, -32008: -32600, -32009: -32600, -31401: -31401} {
		if got := Code(v1); got != want {
			t.Errorf("%d: got %d, want %d", v1, got, want)
		}
	}
}

func TestNoMethodIsOfBothVersions(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for name, v1 := range methods {
		if _, both := methods[v1]; both || requests[v1] == nil || seen[v1] {
			t.Errorf("%s is %s", name, v1)
		}
		seen[v1] = true
	}
	for _, r := range Resources() {
		for _, v1 := range r.Verbs {
			if requests[v1] == nil && v1 != "ListTasks" {
				t.Errorf("%s is %s", r.Pattern, v1)
			}
		}
	}
}
