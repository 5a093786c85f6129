package server

import (
	"strings"

	"github.com/carrelhq/carrel/server/v03"
)

// error03 is an error as 0.3 has it. It has no data: of the official clients for
// Go, one cannot read a response where that is a list, and one where it is not.
type error03 struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
}

func newError03(w wire, err error) error03 { return error03{v03.Code(w.code), w.text(err)} }

func appendRPCError03(dst, id []byte, w wire, err error) []byte {
	dst = append(dst, `{"jsonrpc":"2.0","id":`...)
	dst = append(dst, orNull(id)...)
	dst = append(dst, `,"error":`...)
	dst = append(dst, marshal(newError03(w, err))...)
	return append(dst, '}')
}

// status03 is the error body of the HTTP+JSON binding of 0.3, of which its
// specification says nothing: JavaScript's client reads the code and the message,
// Python's the type and the message, Go's what 1.0 has.
type status03 struct {
	error03
	Type string `json:"type"`
	statusBody
}

func newStatus03(w wire, err error) status03 {
	return status03{newError03(w, err), typeName03(w.reason), newStatus(w, err)}
}

// typeName03 is the name that Python's client has for an error: TaskNotFoundError
// for TASK_NOT_FOUND.
func typeName03(reason string) string {
	var name strings.Builder
	for word := range strings.SplitSeq(strings.TrimSuffix(reason, "_ERROR"), "_") {
		name.WriteString(word[:1] + strings.ToLower(word[1:]))
	}
	return name.String() + "Error"
}
