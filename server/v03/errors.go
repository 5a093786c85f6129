package v03

// FieldError is a field of a request that is not as it must be.
type FieldError struct {
	// Field is the path to it below the request or, in JSON-RPC, its params:
	// "message.parts[0].file.bytes". It is "params" for all of it.
	Field string
	// Problem is the end of a sentence that begins with the field.
	Problem string
}

// Error returns the sentence.
func (e *FieldError) Error() string { return e.Field + " " + e.Problem }

// messages are the codes of 0.3 and the messages that its schema has for them.
// Some clients compare them.
var messages = map[int]string{
	-32700: "Invalid JSON payload",
	-32600: "Request payload validation error",
	-32601: "Method not found",
	-32602: "Invalid parameters",
	-32603: "Internal error",
	-32001: "Task not found",
	-32002: "Task cannot be canceled",
	-32003: "Push Notification is not supported",
	-32004: "This operation is not supported",
	-32005: "Incompatible content types",
	-32006: "Invalid agent response",
	-32007: "Authenticated Extended Card is not configured",
}

// Error returns the code that a 1.0 error has in 0.3, and the message of the
// schema, "" for a code that is in no schema. What 1.0 added (a required
// extension, a version) is an invalid request here: 0.3 asks for headers, too.
func Error(code int) (v03 int, message string) {
	if code == -32008 || code == -32009 {
		code = -32600
	}
	return code, messages[code]
}
