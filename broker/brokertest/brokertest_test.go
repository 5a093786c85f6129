package brokertest

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/carrelhq/carrel/broker"
)

// faultEnv names the fault that a re-executed test binary seeds.
const faultEnv = "CARREL_BROKER_FAULT"

// TestSuite runs the suite against the in-process broker, with the fault that
// the environment names.
func TestSuite(t *testing.T) {
	t.Parallel()
	seed := func(b broker.Broker) broker.Broker { return b }
	for _, f := range faults {
		if f.name == os.Getenv(faultEnv) {
			seed = f.seed
		}
	}
	Run(t, func(*testing.T) broker.Broker { return seed(broker.New()) })
}

// TestSuiteNoticesFaults runs this binary once per fault, because a suite that
// fails cannot be a subtest of one that passes.
func TestSuiteNoticesFaults(t *testing.T) {
	t.Parallel()
	for _, f := range faults {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			caught := strings.ReplaceAll(f.caught, " ", "_")
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestSuite$/^"+caught+"$", "-test.timeout=1m")
			cmd.Env = append(os.Environ(), faultEnv+"="+f.name)
			out, err := cmd.CombinedOutput()
			if err == nil {
				t.Fatalf("the suite passes:\n%s", out)
			}
			want := "--- FAIL: TestSuite/" + caught + " "
			if !strings.Contains(string(out), want) {
				t.Errorf("the output lacks %q:\n%s", want, out)
			}
		})
	}
}

func TestEveryBehaviourHasAFaultThatItNotices(t *testing.T) {
	t.Parallel()
	for _, c := range behaviours() {
		if !slices.ContainsFunc(faults, func(f fault) bool { return f.caught == c.name }) {
			t.Errorf("%q has never been seen to fail", c.name)
		}
	}
}
