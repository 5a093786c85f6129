package server

import (
	"errors"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"
	"google.golang.org/protobuf/proto"

	"github.com/carrelhq/carrel/server/v03"
	"github.com/carrelhq/carrel/task"
)

// A2A 0.3 is served at the same addresses as 1.0, by the same operations: what
// is peculiar to it lies in the files *03.go, and its shapes in the package v03.
// Such a request is a [call] whose request, reply and events are translated.

// speak03 notes that the request is in 0.3: so are its answers, and what a webhook
// that it registers is sent. It is errVersion where the agent does not speak 0.3.
func (x *exchange) speak03(by *caller) error {
	if !by.speaks(v03.Version) {
		return by.otherVersion()
	}
	x.in03, by.in03 = true, true
	x.ctx = task.WithVersion(x.ctx, v03.Version)
	return nil
}

// translation is between 1.0 and the dialect of a request in 0.3.
type translation struct {
	// binding is the dialect of the request, JSONRPC or REST, and dialect that of its
	// reply, unless what is in the request says otherwise.
	binding, dialect v03.Dialect
}

// decode reads a request from the params or the body.
func (t *translation) decode(data []byte, req proto.Message) error {
	in, err := v03.Decode(data, req, t.binding)
	if in != t.binding {
		t.dialect = in
	}
	var f *v03.FieldError
	if errors.As(err, &f) {
		return badField(f.Field, f.Problem)
	}
	return err
}

func (t *translation) append(dst []byte, reply proto.Message) ([]byte, error) {
	if card, ok := reply.(*a2apb.AgentCard); ok {
		reply = withSecurity03(card)
	}
	return v03.Append(dst, reply, t.dialect)
}

// wireKeys03 name the encodings that streams of a dialect share.
var wireKeys03 = map[v03.Dialect]string{
	v03.JSONRPC: "json 0.3", v03.FastA2A: "fasta2a", v03.EitherFastA2A: "either fasta2a",
	v03.REST: "rest 0.3", v03.RESTOnce: "rest 0.3 once",
}

func (t *translation) show(what shown) ([]byte, error) {
	return what.encoded(wireKeys03[t.dialect], func(r *a2apb.StreamResponse) ([]byte, error) {
		return v03.Append(nil, r, t.dialect)
	})
}
