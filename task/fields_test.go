package task_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/carrelhq/carrel/task"
)

func TestFieldErrors(t *testing.T) {
	t.Parallel()
	var bad task.FieldErrors
	if bad.Err() != nil || task.Fields(nil) != nil || task.Fields(task.ErrBusy) != nil {
		t.Error("there are fields in no error")
	}
	bad.Add("a", "is %d%%", 100)
	var one *task.FieldError
	if err := bad.Err(); !errors.As(err, &one) || err.Error() != "a is 100%" {
		t.Errorf("one: got %v", err)
	}
	bad.Join(task.ErrBusy)
	bad.Join(fmt.Errorf("in it: %w", &task.FieldError{Field: "b", Problem: "is 100%"}))
	err := fmt.Errorf("two: %w", bad.Err())
	if !errors.Is(err, task.ErrInvalidParams) || !errors.As(err, &one) || one.Field != "a" || err.Error() != "two: a is 100%; b is 100%" {
		t.Errorf("two: got %v", err)
	}
	if got := task.Fields(err); len(got) != 2 || got[1].Field != "b" {
		t.Errorf("two: got %v", got)
	}
	for range task.MaxFieldErrors {
		bad.Add("c", "is one of many")
		bad.Join(err)
	}
	if len(bad) != task.MaxFieldErrors {
		t.Errorf("got %d of them", len(bad))
	}
}
