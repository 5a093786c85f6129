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

// Code returns the code that a 1.0 error has in 0.3. What 1.0 added (a required
// extension, a version) is an invalid request here: 0.3 asks for headers, too.
func Code(v1 int) int {
	if v1 == -32008 || v1 == -32009 {
		return -32600
	}
	return v1
}
