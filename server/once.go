package server

import (
	"cmp"
	"errors"
	"strings"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/carrelhq/carrel/agent"
	"github.com/carrelhq/carrel/task"
)

// A message that comes with an idempotency key is accepted once: whoever did not
// hear the answer sends it again and gets what came of it. The key is a header,
// metadata of the call over gRPC, or, for clients that can set neither, metadata
// of the request or of the message.
const (
	headerOnce   = "Idempotency-Key"
	metadataOnce = agent.OnceMetadata
)

// once is the idempotency key of a message, in the name of its caller.
func (by caller) once(req *a2apb.SendMessageRequest) (task.Once, error) {
	key, err := unquote(by.onceKey)
	if err != nil {
		return task.Once{}, badField(headerOnce, err.Error())
	}
	for _, in := range []struct {
		field    string
		metadata *structpb.Struct
	}{{"metadata", req.GetMetadata()}, {"message.metadata", req.GetMessage().GetMetadata()}} {
		value, there := in.metadata.GetFields()[metadataOnce]
		if !there {
			continue
		}
		named := value.GetStringValue()
		if named == "" || key != "" && key != named {
			return task.Once{}, badField(in.field, "has an idempotency key that is no string, or not the one that the request has elsewhere")
		}
		key = named
	}
	if by.anonymous && key != "" && !unguessable(key) {
		// Callers without a key are one to us: who guesses the key of another, and
		// his message, would be shown his task.
		return task.Once{}, badField(headerOnce, "must be a random UUID (version 4 or 7), for callers without a key")
	}
	return task.Once{Caller: by.name(), Key: key}, nil
}

// name tells callers apart where what one asked for is none of another's business.
func (by caller) name() string {
	if by.anonymous {
		return "anonymous"
	}
	return "key " + cmp.Or(by.principal.KeyID, "of a development server")
}

// unquote takes the key as the IETF's draft has it, a string of RFC 9651, and as
// most clients send it, without the quotes.
func unquote(header string) (string, error) {
	inner, quoted := strings.CutPrefix(header, `"`)
	if !quoted {
		return header, nil
	}
	var key strings.Builder
	for i := 0; i < len(inner); i++ {
		switch c := inner[i]; {
		case c == '"' && i == len(inner)-1:
			return nonEmpty(key.String())
		case c == '"':
			return "", errQuotes
		case c == '\\':
			if i++; i == len(inner) || inner[i] != '"' && inner[i] != '\\' {
				return "", errQuotes
			}
		}
		key.WriteByte(inner[i])
	}
	return "", errQuotes
}

var errQuotes = errors.New("begins with a quotation mark and is no quoted string")

func nonEmpty(key string) (string, error) {
	if key == "" {
		return "", errors.New("must not be empty")
	}
	return key, nil
}
