package server

import (
	"google.golang.org/protobuf/proto"

	"github.com/carrelhq/carrel/server/v03"
)

// asksRPC03 reports whether a JSON-RPC request is in 0.3: it says so, or says
// nothing and names a method that only 0.3 has. Section 3.6.
func asksRPC03(x *exchange, name string) bool {
	version := x.version()
	_, known := v03.Method(name)
	return version == "" && known || majorMinor(version) == v03.Version
}

func (s *Server) readRPC03(x *exchange, by *caller, e envelope) (method, call, error) {
	if err := x.speak03(by); err != nil {
		return method{}, call{}, err
	}
	name, known := v03.Method(e.method)
	if !known {
		return method{}, call{}, errMethodNotFound
	}
	t := &translation{v03.JSONRPC, v03.JSONRPC}
	if string(e.id) == "null" { // only FastA2A's clients have none
		t.dialect = v03.EitherFastA2A
	}
	in := rpcFraming(e.id)
	in.encode = t.show
	in.fail = func(w wire, err error) []byte { return appendRPCError03(nil, e.id, w, err) }
	return s.methods[name], call{
		decode:      func(req proto.Message) error { return t.decode(e.params, req) },
		append:      t.append,
		framing:     in,
		lastEventID: x.header("Last-Event-ID"),
	}, nil
}
