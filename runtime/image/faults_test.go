//go:build linux && (amd64 || arm64)

package image_test

import (
	"testing"

	"github.com/carrelhq/carrel/internal/faults"
)

var mistakes = []faults.Fault{
	{"only the last watch counts", "faults_linux.go", "(w.quiet || !w.seen) && w.before", "w.before", "TestAPageFaultOfAnyWatchIsNoticed"},
	{"a reset without a watch is taken for a quiet one", "faults_linux.go", "w.seen && w.quiet &&", "w.quiet &&", "TestWatchedMemoriesAreResetAfterAllKindsOfRuns"},
	{"a watch lasts for two resets", "faults_linux.go", "	w.seen = false\n", "", "TestAPageFaultOfAnyWatchIsNoticed"},
	{"pages that were given back are taken for found", "mapped_linux.go", "	s.known = false\n	for", "	for", "TestPagesThatWereGivenBackAreNotWritten"},
	{"pages are always looked for", "mapped_linux.go", "if s.watch.nothingNew() && s.known {", "if s.watch.nothingNew() && false {", "TestPagesAreNotLookedForWithoutAPageFault"},
	{"faults are not looked at", "faults_linux.go", "w.before == threadFaults()", "true", "TestAPageFaultOfAnyWatchIsNoticed"},
}

func TestSeededFaultsAreNoticed(t *testing.T) {
	t.Parallel()
	faults.Noticed(t, mistakes)
}
