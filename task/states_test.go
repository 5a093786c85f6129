package task

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"
)

// drawn are the transitions of the diagram: "submitted --> working".
func drawn(t *testing.T) (list []string) {
	t.Helper()
	text, err := os.ReadFile("states.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`(?m)^\s+(\S+) --> ([a-z_]+)`).FindAllStringSubmatch(string(text), -1) {
		list = append(list, strings.Replace(m[1], "[*]", "unspecified", 1)+" "+m[2])
	}
	slices.Sort(list)
	return list
}

func word(s int32) string {
	return strings.ToLower(strings.TrimPrefix(a2apb.TaskState_name[s], "TASK_STATE_"))
}

func TestTheStateMachineIsTheOneThatIsDrawn(t *testing.T) {
	t.Parallel()
	var allowed []string
	for from := range a2apb.TaskState_name {
		for to := range a2apb.TaskState_name {
			if enter(a2apb.TaskState(from), a2apb.TaskState(to)) == nil {
				allowed = append(allowed, fmt.Sprintf("%s %s", word(from), word(to)))
			}
		}
	}
	slices.Sort(allowed)
	if want := drawn(t); !slices.Equal(allowed, want) {
		t.Errorf("code allows\n%s\nand the diagram\n%s", strings.Join(allowed, "\n"), strings.Join(want, "\n"))
	}
}

func TestATerminalStateIsNeverLeft(t *testing.T) {
	t.Parallel()
	for from := range a2apb.TaskState_name {
		if Terminal(a2apb.TaskState(from)) && len(transitions[a2apb.TaskState(from)]) > 0 {
			t.Errorf("%s can be left", word(from))
		}
	}
}
