package server

import (
	"bytes"
	"encoding/json"
	"unicode/utf8"
)

const (
	// maxDepth is how deep JSON may nest. The protobuf decoder recurses, so the
	// depth is checked before it sees a byte.
	maxDepth = 100
	// maxValues is how many values JSON may have: two bytes of it, "0,", can be a
	// hundred once they are decoded. It is more than the numbers that the largest
	// message can hold.
	maxValues = 30_000
	// maxRPCID is the longest request id: it is echoed in every frame of a stream.
	maxRPCID = 256
)

// envelope is a JSON-RPC request with its params undecoded.
type envelope struct {
	// id is the raw JSON of the request's id.
	id     []byte
	method string
	// params is the raw JSON object, nil when absent or null.
	params []byte
}

// decodeEnvelope reads one JSON-RPC 2.0 request, strictly: one JSON object in
// valid UTF-8, with an id, that nests no deeper than maxDepth. When it fails,
// the envelope has the id if that could be told. The result refers to data.
func decodeEnvelope(data []byte) (envelope, error) {
	members, err := topMembers(data)
	if err != nil {
		return envelope{}, err
	}
	e := envelope{}
	if e.id, err = members.requestID(); err != nil {
		return envelope{}, err
	}
	if string(members.version) != `"2.0"` {
		return e, refuse(errInvalidRequest, `jsonrpc must be "2.0"`)
	}
	if err := json.Unmarshal(members.method, &e.method); err != nil || members.method[0] != '"' {
		return e, refuse(errInvalidRequest, "method must be a string")
	}
	switch {
	case members.params == nil || string(members.params) == "null":
	case members.params[0] == '{':
		e.params = members.params
	default:
		return e, badField("params", "must be an object")
	}
	return e, nil
}

// members are the raw values of a request's members; nil for those absent.
type members struct {
	version, id, method, params []byte
}

func (m *members) requestID() ([]byte, error) {
	switch {
	case m.id == nil:
		return nil, refuse(errInvalidRequest, "id is missing; notifications are not used by A2A")
	case len(m.id) > maxRPCID:
		return nil, refuse(errInvalidRequest, "id is longer than 256 bytes")
	}
	switch m.id[0] {
	case '{', '[', 't', 'f':
		return nil, refuse(errInvalidRequest, "id must be a string, a number or null")
	}
	return m.id, nil
}

// member returns where the value of the named member belongs, nil for a name
// that means nothing here.
func (m *members) member(name []byte) *[]byte {
	switch string(name) {
	case `"jsonrpc"`:
		return &m.version
	case `"id"`:
		return &m.id
	case `"method"`:
		return &m.method
	case `"params"`:
		return &m.params
	}
	return nil
}

// checkObject checks that data is one JSON object, and nothing hostile to decode.
func checkObject(data []byte) error {
	if !utf8.Valid(data) {
		return refuse(errParse, "not valid UTF-8")
	}
	s := scanner{data: data}
	if err := s.document(func(name, value []byte) {}); err != nil {
		return err
	}
	if bytes.TrimLeft(data, " \t\r\n")[0] != '{' {
		return refuse(errInvalidRequest, "not an object")
	}
	return nil
}

// topMembers checks that data is one JSON text and returns its members.
func topMembers(data []byte) (*members, error) {
	if !utf8.Valid(data) {
		return nil, refuse(errParse, "not valid UTF-8")
	}
	s := scanner{data: data}
	s.space()
	start := s.pos
	var m members
	duplicate := false
	err := s.document(func(name, value []byte) {
		if to := m.member(name); to != nil {
			duplicate = duplicate || *to != nil
			*to = value
		}
	})
	switch {
	case err != nil:
		return nil, err
	case data[start] == '[':
		return nil, refuse(errInvalidRequest, "batches are not used by A2A")
	case data[start] != '{':
		return nil, refuse(errInvalidRequest, "not an object")
	case duplicate:
		return nil, refuse(errInvalidRequest, "a member is there twice")
	}
	return &m, nil
}
