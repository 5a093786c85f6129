package server

import (
	"encoding/json"
	"mime"
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"
	"google.golang.org/protobuf/proto"

	"github.com/carrelhq/carrel/server/v03"
	"github.com/carrelhq/carrel/task"
)

// serveRPC serves the JSON-RPC binding at an agent's base. Section 9.
func (s *Server) serveRPC(x *exchange, ref task.Ref) error {
	if x.c.Method() != fiber.MethodPost {
		if _, err := s.admitReader(x, ref); err != nil {
			return err
		}
		return s.allow(x, "POST, OPTIONS")
	}
	by, err := s.admitCaller(x, ref)
	if err != nil {
		return err
	}
	m, asked, err := s.readRPC(x, &by)
	if err != nil {
		return err
	}
	if err := x.negotiate(by); err != nil {
		return err
	}
	if m.streams {
		return s.serveStream(x, by, asked.framing, func() (*feed, error) {
			_, f, err := m.serve(x.ctx, by, asked, nil)
			return f, err
		})
	}
	reply, _, err := m.serve(x.ctx, by, asked, appendRPCHead(make([]byte, 0, 1024), x.rpcID))
	if err != nil {
		return err
	}
	x.json(fiber.StatusOK, typeJSON, append(reply, '}'))
	return nil
}

// readRPC reads a call up to its params, and notes when it is one in 0.3. Once it
// is known, the request's id is in x.rpcID.
func (s *Server) readRPC(x *exchange, by *caller) (method, call, error) {
	if err := checkJSON(x, errMediaType); err != nil {
		return method{}, call{}, err
	}
	data, err := x.body.all(s.opts.MaxBody)
	if err != nil {
		return method{}, call{}, err
	}
	e, err := decodeEnvelope(data)
	x.rpcID = e.id
	if err != nil {
		return method{}, call{}, err
	}
	if asksRPC03(x, e.method) {
		return s.readRPC03(x, by, e)
	}
	m, known := s.methods[e.method]
	if err := s.checkVersion(x, *by, known); err != nil {
		return method{}, call{}, err
	}
	if !known {
		return method{}, call{}, errMethodNotFound
	}
	return m, call{decode: e.decodeParams, framing: rpcFraming(x.rpcID), lastEventID: x.header("Last-Event-ID")}, nil
}

// decodeParams reads the params. None are as good as empty ones: what a method
// requires of them is missing then. Section 9.4.8.
func (e envelope) decodeParams(req proto.Message) error {
	if e.params == nil {
		return nil
	}
	return decodeProto(e.params, req)
}

// rpcFraming makes each event of a stream a full response with the request's id. Section 9.4.2.
func rpcFraming(id []byte) framing {
	return framing{
		head: appendRPCHead(nil, id), tail: []byte("}"), encode: showJSON,
		fail: func(w wire, err error) []byte { return appendRPCError(nil, id, w, err) },
	}
}

// checkJSON refuses bodies that do not say they are JSON: a web page can send
// those anywhere without being asked for permission. kind is the error that it is.
func checkJSON(x *exchange, kind error) error {
	header := x.header(fiber.HeaderContentType)
	if header == typeJSON {
		return x.checkEncoding(kind)
	}
	media, params, err := mime.ParseMediaType(header)
	if err != nil || media != typeJSON && media != typeA2A {
		return refuse(kind, "the Content-Type must be application/json")
	}
	if charset := params["charset"]; charset != "" && !strings.EqualFold(charset, "utf-8") {
		return refuse(kind, "the charset must be UTF-8")
	}
	return x.checkEncoding(kind)
}

func (x *exchange) checkEncoding(kind error) error {
	if e := x.header(fiber.HeaderContentEncoding); e != "" && !strings.EqualFold(e, "identity") {
		return refuse(kind, "the body must not be compressed")
	}
	return nil
}

// checkVersion checks the A2A-Version of a request that is not in 0.3: the header,
// or the query parameter. Only its first two numbers count; none at all means 0.3,
// which does not know the methods of 1.0. Section 3.6.
func (s *Server) checkVersion(x *exchange, by caller, knownMethod bool) error {
	return s.acceptVersion(by, x.version(), knownMethod)
}

// version is the A2A-Version of the request, "" for none.
func (x *exchange) version() string {
	if version := x.header("A2A-Version"); version != "" {
		return version
	}
	return x.c.Query("A2A-Version")
}

func (s *Server) acceptVersion(by caller, version string, knownMethod bool) error {
	switch {
	case majorMinor(version) == "1.0", version == "" && (s.opts.Dev || !knownMethod):
		return nil
	case version == "":
		return refuse(errVersion, "send the header A2A-Version: 1.0")
	case majorMinor(version) == v03.Version && by.speaks(v03.Version):
		return refuse(errVersion, "0.3 is spoken over JSON-RPC, and over HTTP+JSON below /v1")
	}
	return by.otherVersion()
}

// speaks tells whether the agent that is called speaks a version of A2A.
func (by caller) speaks(version string) bool { return slices.Contains(by.protocols, version) }

// otherVersion refuses a version that the agent does not speak.
func (by caller) otherVersion() error {
	return refuse(errVersion, "this agent speaks "+strings.Join(by.protocols, " and "))
}

// majorMinor cuts a version down to its first two numbers.
func majorMinor(version string) string {
	major, rest, _ := strings.Cut(strings.TrimSpace(version), ".")
	minor, _, _ := strings.Cut(rest, ".")
	return major + "." + minor
}

// appendRPCHead begins a successful response up to the result.
func appendRPCHead(dst, id []byte) []byte {
	dst = append(dst, `{"jsonrpc":"2.0","id":`...)
	dst = append(dst, orNull(id)...)
	return append(dst, `,"result":`...)
}

func appendRPCError(dst, id []byte, w wire, err error) []byte {
	dst = append(dst, `{"jsonrpc":"2.0","id":`...)
	dst = append(dst, orNull(id)...)
	dst = append(dst, `,"error":`...)
	dst = append(dst, marshal(struct {
		Code    int             `json:"code"`
		Message string          `json:"message"`
		Data    json.RawMessage `json:"data"`
	}{w.code, w.text(err), marshal(details(w, err))})...)
	return append(dst, '}')
}

func orNull(id []byte) []byte {
	if id == nil {
		return []byte("null")
	}
	return id
}
