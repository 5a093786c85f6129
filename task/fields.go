package task

import (
	"errors"
	"fmt"
	"strings"
)

// MaxFieldErrors bounds the invalid fields that a refusal names: with as many it
// fits into the trailers of a gRPC call.
const MaxFieldErrors = 16

// FieldError is an invalid field of a request. It is an ErrInvalidParams.
type FieldError struct {
	// Field is the path in the request's JSON, for example "message.parts".
	Field string
	// Problem is a phrase, for example "must not be empty".
	Problem string
}

// Error returns "field problem".
func (e *FieldError) Error() string { return e.Field + " " + e.Problem }

// Is reports true for ErrInvalidParams.
func (e *FieldError) Is(target error) bool { return target == ErrInvalidParams }

// FieldErrors are the invalid fields of a request, at most [MaxFieldErrors], in the
// order they were found. They are an ErrInvalidParams, and as a [FieldError] the
// first. The zero value is none, ready to Add to; it is not safe for concurrent use.
type FieldErrors []*FieldError

// Error returns the fields with their problems, with "; " between them.
func (e FieldErrors) Error() string {
	texts := make([]string, len(e))
	for i, f := range e {
		texts[i] = f.Error()
	}
	return strings.Join(texts, "; ")
}

// Unwrap returns each.
func (e FieldErrors) Unwrap() []error {
	list := make([]error, len(e))
	for i, f := range e {
		list[i] = f
	}
	return list
}

// Add notes an invalid field; the problem is a format for args. What is beyond
// MaxFieldErrors is left out.
func (e *FieldErrors) Add(field, problem string, args ...any) {
	if e.full() {
		return
	}
	if len(args) > 0 {
		problem = fmt.Sprintf(problem, args...)
	}
	*e = append(*e, &FieldError{field, problem})
}

// Join notes the fields that err names, and nothing of an error that names none.
func (e *FieldErrors) Join(err error) {
	for _, f := range Fields(err) {
		if !e.full() {
			*e = append(*e, f)
		}
	}
}

// Err is nil when there are none, and a [FieldError] for a single one.
func (e FieldErrors) Err() error {
	switch len(e) {
	case 0:
		return nil
	case 1:
		return e[0]
	}
	return e
}

func (e FieldErrors) full() bool { return len(e) >= MaxFieldErrors }

// missingError is an ErrTaskNotFound about tasks that a request names beside the one
// it is for. It is no ErrInvalidParams, though it names fields.
type missingError struct{ fields FieldErrors }

// Error names the fields.
func (e *missingError) Error() string { return ErrTaskNotFound.Error() + ": " + e.fields.Error() }

// Unwrap returns ErrTaskNotFound.
func (e *missingError) Unwrap() error { return ErrTaskNotFound }

// Fields returns the fields that err says something about, none for nil and errors
// that name no field. They are invalid ones where err is an ErrInvalidParams; those of
// an ErrTaskNotFound hold the ids of tasks that are not there, or not the caller's.
func Fields(err error) FieldErrors {
	if err == nil {
		return nil // without the allocations of looking for it
	}
	var list FieldErrors
	var one *FieldError
	var missing *missingError
	switch {
	case errors.As(err, &missing):
		return missing.fields
	case errors.As(err, &list):
		return list
	case errors.As(err, &one):
		return FieldErrors{one}
	}
	return nil
}
