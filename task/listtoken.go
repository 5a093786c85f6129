package task

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"

	"github.com/google/uuid"
)

// A page token is where the page before ended and a MAC over that and over who
// asked for what: tenant, agent, caller, and the filters. What is merely shown of a
// task, and how many at a time, may change from page to page. A token is 55
// characters and says nothing that its holder does not know.
const (
	tokenFormat = 1
	tokenMAC    = 16
	tokenBody   = 1 + 8 + 16
)

// position is that of a task in a list.
type position struct {
	rank uint64
	id   string
}

var tokenText = base64.RawURLEncoding.Strict() // a token has one spelling

var errToken = &FieldError{"pageToken", "is not one that this query was answered with"}

func (q *query) token(last position) (string, error) {
	id, err := uuid.Parse(last.id)
	if err != nil {
		return "", err
	}
	body := binary.BigEndian.AppendUint64([]byte{tokenFormat}, last.rank)
	body = append(body, id[:]...)
	return tokenText.EncodeToString(append(body, q.mac(body)...)), nil
}

// readToken returns where the page begins, nil for the first one.
func (q *query) readToken(token string) (*position, error) {
	if token == "" {
		return nil, nil
	}
	if len(token) != tokenText.EncodedLen(tokenBody+tokenMAC) {
		return nil, errToken
	}
	data, err := tokenText.DecodeString(token)
	if err != nil || len(data) != tokenBody+tokenMAC {
		return nil, errToken
	}
	body, mac := data[:tokenBody], data[tokenBody:]
	if body[0] != tokenFormat || !hmac.Equal(mac, q.mac(body)) {
		return nil, errToken
	}
	return &position{binary.BigEndian.Uint64(body[1:]), uuid.UUID(body[9:]).String()}, nil
}

// mac binds the body of a token to the caller and the query.
func (q *query) mac(body []byte) []byte {
	h := hmac.New(sha256.New, q.key)
	bound := make([]byte, 0, 256)
	for _, part := range []string{q.ref.Tenant, q.ref.Agent, q.caller, q.req.ContextId} {
		bound = binary.AppendUvarint(bound, uint64(len(part)))
		bound = append(bound, part...)
	}
	bound = binary.AppendUvarint(bound, uint64(q.req.Status))
	bound = binary.BigEndian.AppendUint64(bound, q.last)
	h.Write(append(bound, body...))
	return h.Sum(nil)[:tokenMAC]
}
