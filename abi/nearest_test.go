package abi

import (
	"strings"
	"testing"
)

func TestNearestNamesWhatWasMeant(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, got, want string
	}{
		{"an exact name is its own nearest", "context_save", "context_save"},
		{"a missing letter", "contxt_save", "context_save"},
		{"a swapped word order is still found", "context_saved", "context_save"},
		{"another separator", "task-status", "task_status"},
		{"upper case", "Task_get", "task_get"},
		{"a short name", "logs", "log"},
		{"nothing alike", "zzzzzzzz", ""},
		{"an empty name", "", ""},
		{"a name that is too long to be meant", strings.Repeat("task_get", 100), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, ok := Nearest(c.got)
			if got != c.want || ok != (c.want != "") {
				t.Errorf("Nearest(%.20q) = %q, %v, want %q", c.got, got, ok, c.want)
			}
		})
	}
}
