package server

import (
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/carrelhq/carrel/task"
)

// serveREST serves the HTTP+JSON binding below an agent's base. Section 11.
func (s *Server) serveREST(x *exchange, ref task.Ref, below string) error {
	x.media = restMedia(x.headers(fiber.HeaderAccept))
	if route, fields, ok := findResource03(x, below); ok {
		return s.serveREST03(x, ref, route, fields)
	}
	route, fields, ok := findResource(ref, below)
	if ok {
		x.route = routeRPC + route.pattern
	}
	name := route.verbs[verbOf(x.c.Method(), route)]
	if name == "" {
		if _, err := s.admitReader(x, ref); err != nil {
			return err
		}
		if !ok {
			return errNotFound
		}
		return s.allow(x, route.allowed())
	}
	by, err := s.admitCaller(x, ref)
	if err != nil {
		return err
	}
	if err := s.checkVersion(x, by, true); err != nil {
		return err
	}
	if err := x.negotiate(by); err != nil {
		return err
	}
	asked, err := s.readREST(x, fields, restDecoder{decodeProto, decodeQuery, task.ErrContentTypeNotSupported})
	if err != nil {
		return err
	}
	asked.framing = restFraming()
	if err := s.answerREST(x, by, s.methods[name], asked); err != nil {
		return err
	}
	if route.keepable {
		s.keepable(x, true)
		x.vary(fiber.HeaderAccept)
	}
	return nil
}

func (s *Server) answerREST(x *exchange, by caller, m method, asked call) error {
	if m.streams {
		return s.serveStream(x, by, asked.framing, func() (*feed, error) {
			_, f, err := m.serve(x.ctx, by, asked, nil)
			return f, err
		})
	}
	reply, _, err := m.serve(x.ctx, by, asked, make([]byte, 0, 1024))
	if err != nil {
		return err
	}
	x.json(fiber.StatusOK, x.media, reply)
	return nil
}

// restFraming shows bare events. Section 11.7.
func restFraming() framing {
	return framing{encode: showJSON, fail: func(w wire, err error) []byte { return marshal(newStatus(w, err)) }}
}

// restDecoder is how the bodies and the queries of requests are decoded.
type restDecoder struct {
	body  func(data []byte, req proto.Message) error
	query func(query string, req proto.Message) error
	// otherType is the error that a body of another media type is.
	otherType error
}

// readREST reads the request: the fields in its path, and its body or, where the
// verb has none, its query.
func (s *Server) readREST(x *exchange, fields []pathField, in restDecoder) (call, error) {
	asked := call{lastEventID: x.header("Last-Event-ID")}
	if x.c.Method() != fiber.MethodPost {
		query := string(x.c.Context().URI().QueryString())
		asked.piecemeal = true
		asked.decode = func(req proto.Message) error {
			if err := in.query(query, req); err != nil {
				return also(err, setFields(req, fields))
			}
			return setFields(req, fields)
		}
		return asked, nil
	}
	data, err := x.body.all(s.opts.MaxBody)
	if err != nil {
		return call{}, err
	}
	if len(data) > 0 { // none is as good as an empty object
		if err := checkJSON(x, in.otherType); err != nil {
			return call{}, err
		}
		if err := checkObject(data); err != nil {
			return call{}, err
		}
	}
	asked.decode = func(req proto.Message) error {
		if len(data) > 0 {
			if err := in.body(data, req); err != nil {
				return err
			}
		}
		return setFields(req, fields)
	}
	return asked, nil
}

// setFields puts the fields of the path into the request. Where the body names
// one, too, it must say the same.
func setFields(req proto.Message, fields []pathField) error {
	m := req.ProtoReflect()
	var bad task.FieldErrors
	for _, f := range fields {
		field := m.Descriptor().Fields().ByJSONName(f.name)
		if there := m.Get(field).String(); there != "" && there != f.value {
			bad.Add(f.name, "is not the one of the address")
			continue
		}
		m.Set(field, protoreflect.ValueOfString(f.value))
	}
	return bad.Err()
}

// restMedia is the media type of answers: the binding's own, section 11.1, but
// plain JSON for who names that in Accept and likes nothing of this binding better.
// Who names events gets errors in plain JSON, too: the official Go client (v2.4.0)
// knows no others.
func restMedia(accept string) string {
	if preference(accept, typeJSON, typeEvents) > preference(accept, typeA2A) {
		return typeJSON
	}
	return typeA2A
}

// preference is the highest q with which an Accept header names one of the media
// types, 0 where it names none.
func preference(accept string, types ...string) (highest float64) {
	for entry := range strings.SplitSeq(accept, ",") {
		media, params, _ := strings.Cut(entry, ";")
		if slices.Contains(types, strings.ToLower(strings.TrimSpace(media))) {
			highest = max(highest, quality(params))
		}
	}
	return highest
}
