package main

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestTargetsAreReadFromTheList(t *testing.T) {
	t.Parallel()
	out := "FuzzA\nFuzzB\nok  \texample.com/m/a\t0.01s\nok  \texample.com/m/b\t0.01s\n?   \texample.com/m/c\t[no test files]\nFuzzC\nok  \texample.com/m/d\t(cached)\n"
	got := listed("dir", []byte(out))
	want := []target{{"dir", "example.com/m/a", "FuzzA"}, {"dir", "example.com/m/a", "FuzzB"}, {"dir", "example.com/m/d", "FuzzC"}}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestTheTableHasExecutionsAndFailures(t *testing.T) {
	t.Parallel()
	n := execs(strings.NewReader("fuzz: elapsed: 0s, execs: 3 (0/sec)\nfuzz: elapsed: 3s, execs: 1729 (576/sec), new interesting: 5 (total: 9)\nPASS\n"))
	var out bytes.Buffer
	table(&out, []result{{target{"m", "example.com/m/a", "FuzzA"}, n, 61*time.Second + 1, false}, {target{"m", "b", "FuzzLonger"}, 0, time.Second, true}})
	want := "target        executions  took  \na.FuzzA       1729        1m1s  ok\nb.FuzzLonger  0           1s    FAILED\n"
	if out.String() != want {
		t.Errorf("got\n%s, want\n%s", &out, want)
	}
}
