package compile

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"
)

// FuzzJob: a child takes a job whose numbers are within bounds.
func FuzzJob(f *testing.F) {
	good, err := json.Marshal(job{Dir: "/d", ModuleSize: 8, Limits: Limits{MemoryBytes: 1 << 30, Time: time.Second, CodeBytes: 1 << 20}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(append(good, '\n'))
	f.Add(bytes.Replace(append(good, '\n'), []byte(":8"), []byte(":99999999999"), 1))
	f.Add(bytes.Repeat([]byte(" "), maxJob+1))
	f.Fuzz(func(t *testing.T, line []byte) {
		j, err := readJob(bufio.NewReaderSize(bytes.NewReader(line), maxJob))
		if err != nil {
			return
		}
		if j.Dir == "" || j.ModuleSize < 0 || j.ModuleSize > maxModule || j.Limits.MemoryBytes <= 0 || j.Limits.Time <= 0 || j.Limits.CodeBytes <= 0 {
			t.Errorf("%q is the job %+v", line, j)
		}
	})
}

// FuzzReply: what a child answers, which has compiled what others wrote, is one of
// the package's errors, and short.
func FuzzReply(f *testing.F) {
	for _, r := range []reply{{}, replyOf(ErrMemory, []string{"landlock"}), replyOf(&crash{"r", "t"}, nil), {Fault: "?"}} {
		text, err := json.Marshal(r)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Add([]byte(`{"Fault":"invalid","Reason":"` + strings.Repeat("x", 2*maxReason) + `"}`))
	c := &Cache{opts: Options{Logger: slog.New(slog.DiscardHandler)}}
	f.Fuzz(func(t *testing.T, line []byte) {
		err := c.answer(line)
		if err == nil {
			return
		}
		known := false
		for _, fault := range faults {
			known = known || errors.Is(err, fault)
		}
		if !known || len(err.Error()) > 8*maxReason { // what is quoted grows
			t.Errorf("%q: got %d bytes of %.100v", line, len(err.Error()), err)
		}
		if c := (*crash)(nil); errors.As(err, &c) && len(c.trace) > maxTrace {
			t.Errorf("a trace has %d bytes", len(c.trace))
		}
	})
}
