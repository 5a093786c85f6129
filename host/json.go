package host

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/carrelhq/carrel/abi"
	"github.com/carrelhq/carrel/internal/a2ajson"
)

// decode reads a request; an empty one is an empty object. What it refuses, it
// says where.
func decode(request []byte, into any) error {
	if len(bytes.TrimSpace(request)) == 0 {
		return nil
	}
	if !shallow(request) {
		return invalid("the request nests deeper than %d levels", maxDepth)
	}
	err := json.Unmarshal(request, into)
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &syntax):
		return invalid("the request is not JSON: %v at byte %d", syntax, syntax.Offset)
	case errors.As(err, &kind) && kind.Field == "":
		return invalid("the request must be an object, not a JSON %s", kind.Value)
	case errors.As(err, &kind):
		return invalid("the field %.100s of the request cannot be a JSON %.100s", kind.Field, kind.Value)
	}
	return invalid("the request cannot be read: %v", err)
}

// The members of the requests that come most often.
var (
	statusMembers   = []string{"message"}
	artifactMembers = []string{"artifact", "append", "lastChunk"}
)

// readStatus reads a request as SDKs write it, without reflection; what it has of
// the request is part of that. False is for decode to look at.
func readStatus(request []byte, req *abi.TaskStatusRequest) bool {
	r := a2ajson.NewReader(request)
	r.Object(statusMembers, func(int) { req.Message = r.Raw() })
	return r.End()
}

// readArtifact is readStatus for artifacts.
func readArtifact(request []byte, req *abi.TaskArtifactRequest) bool {
	r := a2ajson.NewReader(request)
	r.Object(artifactMembers, func(i int) {
		switch i {
		case 0:
			req.Artifact = r.Raw()
		case 1:
			req.Append = r.Bool()
		case 2:
			req.LastChunk = r.Bool()
		}
	})
	return r.End()
}

// shallow reports whether no value nests deeper than maxDepth. It only counts
// brackets outside strings; whether the text is JSON is for the decoder to say.
func shallow(text []byte) bool {
	depth, inString := 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '{' || c == '[':
			if depth++; depth > maxDepth {
				return false
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return true
}

// nothing is the frame of a reply that says only that all went well.
const nothing = `{"ok":{}}`

var nothingFrame = []byte(nothing)

// accept frames a reply: {"ok":…}. It is not to be changed.
func accept(rep any) ([]byte, error) {
	if rep == any(abi.Empty{}) {
		return nothingFrame, nil
	}
	var out bytes.Buffer
	out.WriteString(`{"ok":`)
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(rep); err != nil {
		return nil, err
	}
	out.Truncate(out.Len() - 1) // the encoder ends lines
	out.WriteByte('}')
	if out.Len() > maxReply {
		return nil, &abi.Error{Code: abi.TooLarge, Message: fmt.Sprintf("the reply has %d bytes; %d are the most", out.Len(), maxReply)}
	}
	return out.Bytes(), nil
}

// refuse frames a refusal: {"error":…}.
func refuse(e *abi.Error) ([]byte, error) {
	return json.Marshal(abi.Reply[abi.Empty]{Error: e})
}
