package runtime

import (
	"encoding/binary"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"

	"github.com/carrelhq/carrel/host"
)

// TestTheShimHasTheFunctionsOfPreview1 compares its table with another implementation.
func TestTheShimHasTheFunctionsOfPreview1(t *testing.T) {
	t.Parallel()
	r := wazero.NewRuntimeWithConfig(t.Context(), wazero.NewRuntimeConfigInterpreter())
	defer r.Close(t.Context())
	if _, err := wasi_snapshot_preview1.Instantiate(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	want := map[string]signature{}
	for name, f := range r.Module(wasiModule).ExportedFunctionDefinitions() {
		want[name] = signature{Params: string(f.ParamTypes()), Results: string(f.ResultTypes())}
	}
	got := map[string]signature{}
	for name, f := range wasiFunctions {
		got[name] = f.typ
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(signature{})); diff != "" {
		t.Error(diff)
	}
}

// callShim calls one function of the shim in a run, with its arguments, and
// returns its result and the 64 bytes at address 1024. prepare may fill memory.
func callShim(t *testing.T, function string, prepare func(*guest), args ...int64) (errno, []byte, []string) {
	t.Helper()
	g := newWasiGuest(function)
	if prepare != nil {
		prepare(g)
	}
	var code []byte
	for i, a := range args {
		if wasiFunctions[function].typ.Params[i] == i64[0] {
			code = append(code, i64Const(a)...)
		} else {
			code = append(code, i32Const(a)...)
		}
	}
	// The result goes to address 1020, in front of what the function writes.
	run(g, i32Const(1020), code, call(0), i32Store, pack(1020, 68))
	tasks := &fakeTasks{}
	reply, err := runGuest(t.Context(), t, load(t, newEngine(t, Options{}), g.bytes()), "{}", tasks)
	if err != nil {
		t.Fatal(err)
	}
	return errno(binary.LittleEndian.Uint32([]byte(reply))), []byte(reply[4:]), tasks.lines
}

func TestShimRefusesAddressesOutsideOfMemory(t *testing.T) {
	t.Parallel()
	vectors := func(g *guest) { // one buffer outside, and one inside
		g.dataAt(2048, binary.LittleEndian.AppendUint64(nil, outside|1<<32))
		g.dataAt(2056, binary.LittleEndian.AppendUint64(nil, 16|1<<32))
	}
	clocks := func(g *guest) { g.dataAt(2048, subscription(subscribeClock, clockMonotonic, 1, 0)) }
	for name, c := range map[string]struct {
		function string
		prepare  func(*guest)
		args     []int64
		want     errno
	}{
		"args_sizes_get, the first":           {"args_sizes_get", nil, []int64{outside, 1024}, errnoFault},
		"args_sizes_get, the second":          {"args_sizes_get", nil, []int64{1024, lastByte}, errnoFault},
		"environ_sizes_get":                   {"environ_sizes_get", nil, []int64{-1, -1}, errnoFault},
		"clock_time_get":                      {"clock_time_get", nil, []int64{0, 0, lastByte - 6}, errnoFault},
		"clock_time_get of a clock unknown":   {"clock_time_get", nil, []int64{2, 0, 1024}, errnoInval},
		"random_get":                          {"random_get", nil, []int64{0, outside}, errnoFault},
		"random_get whose end overflows":      {"random_get", nil, []int64{-1, -1}, errnoFault},
		"random_get of nothing":               {"random_get", nil, []int64{0, 0}, errnoSuccess},
		"fd_fdstat_get":                       {"fd_fdstat_get", nil, []int64{1, outside}, errnoFault},
		"fd_fdstat_get of another descriptor": {"fd_fdstat_get", nil, []int64{3, 1024}, errnoBadf},
		"fd_prestat_get":                      {"fd_prestat_get", nil, []int64{3, 1024}, errnoBadf},
		"fd_write, the vectors":               {"fd_write", nil, []int64{1, lastByte, 1, 1024}, errnoFault},
		"fd_write, a buffer":                  {"fd_write", vectors, []int64{1, 2048, 1, 1024}, errnoFault},
		"fd_write, the count":                 {"fd_write", vectors, []int64{1, 2056, 1, outside}, errnoFault},
		"fd_write of 2^29 vectors":            {"fd_write", nil, []int64{1, 0, 1 << 29, 1024}, errnoInval},
		"fd_write to standard input":          {"fd_write", vectors, []int64{0, 2056, 1, 1024}, errnoBadf},
		"fd_write to a file":                  {"fd_write", vectors, []int64{4, 2056, 1, 1024}, errnoBadf},
		"poll_oneoff, the subscriptions":      {"poll_oneoff", nil, []int64{lastByte, 1024, 1, 1024}, errnoFault},
		"poll_oneoff, the events":             {"poll_oneoff", clocks, []int64{2048, lastByte, 1, 1024}, errnoFault},
		"poll_oneoff, the count":              {"poll_oneoff", clocks, []int64{2048, 1024, 1, outside}, errnoFault},
		"poll_oneoff of nothing":              {"poll_oneoff", nil, []int64{0, 1024, 0, 1024}, errnoInval},
		"poll_oneoff of 2^28 subscriptions":   {"poll_oneoff", nil, []int64{0, 1024, 1 << 28, 1024}, errnoInval},
		"fd_read is not there":                {"fd_read", nil, []int64{0, 0, 0, 0}, errnoNosys},
		"path_open is not there":              {"path_open", nil, []int64{3, 0, 0, 0, 0, 0, 0, 0, 0}, errnoNosys},
		"sched_yield":                         {"sched_yield", nil, nil, errnoSuccess},
		"args_get":                            {"args_get", nil, []int64{0, 0}, errnoSuccess},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got, _, _ := callShim(t, c.function, c.prepare, c.args...); got != c.want {
				t.Errorf("got errno %d, want %d", got, c.want)
			}
		})
	}
}

func subscription(kind byte, clock uint32, timeout uint64, flags uint16) []byte {
	s := make([]byte, subscriptionSize)
	binary.LittleEndian.PutUint64(s, 0xabcd)
	s[8] = kind
	binary.LittleEndian.PutUint32(s[16:], clock)
	binary.LittleEndian.PutUint64(s[24:], timeout)
	binary.LittleEndian.PutUint16(s[40:], flags)
	return s
}

func TestPrintedTextBecomesLines(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		text string
		want []string
	}{
		"lines, the last without an end": {"one\r\ntwo\n\nthree", []string{"info one", "info two", "info three"}},
		"a line that is too long": {
			strings.Repeat("x", maxOutputLine+1) + "\ny",
			[]string{"info " + strings.Repeat("x", maxOutputLine), "info x", "info y"},
		},
		"what is not UTF-8": {"a\xffb\n", []string{"info a\uFFFDb"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			prepare := func(g *guest) {
				g.dataAt(2048, binary.LittleEndian.AppendUint64(nil, uint64(4096|len(c.text)<<32)))
				g.dataAt(4096, []byte(c.text))
			}
			result, memory, lines := callShim(t, "fd_write", prepare, 1, 2048, 1, 1024)
			if written := binary.LittleEndian.Uint32(memory); result != errnoSuccess || int(written) != len(c.text) {
				t.Errorf("got errno %d and %d bytes written, want %d", result, written, len(c.text))
			}
			if diff := cmp.Diff(c.want, lines); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestPrintingWithoutEnd prints all of memory a thousand times in one call: it is
// not looked at for longer than what is kept of it is worth.
func TestPrintingWithoutEnd(t *testing.T) {
	t.Parallel()
	g := newWasiGuest("fd_write")
	g.dataAt(2048, slices.Repeat(binary.LittleEndian.AppendUint64(nil, pageSize<<32), maxVectors))
	run(g, loop, i32Const(1), i32Const(2048), i32Const(maxVectors), i32Const(1024), call(0), drop, forever, end, pack(0, 0))
	m := load(t, newEngine(t, Options{}), g.bytes())
	tasks := &fakeTasks{}
	if _, err := runGuest(soon(t), t, m, "{}", tasks); err == nil || err != errSoon {
		t.Errorf("got %v, want %v", err, errSoon)
	}
	size := 0
	for _, l := range tasks.lines {
		size += len(l)
	}
	if size > maxOutput+len(tasks.lines)*len("info ") {
		t.Errorf("%d bytes were kept of the output", size)
	}
}

func TestClocksMoveOnlyByWaiting(t *testing.T) {
	t.Parallel()
	const hour = uint64(time.Hour)
	for name, c := range map[string]struct {
		subscriptions []byte
		moved         time.Duration
		events        []errno
	}{
		"one clock":       {subscription(subscribeClock, clockMonotonic, hour, 0), time.Hour, []errno{errnoSuccess}},
		"the wall clock":  {subscription(subscribeClock, clockRealtime, hour, 0), time.Hour, []errno{errnoSuccess}},
		"a moment passed": {subscription(subscribeClock, clockRealtime, hour, absoluteTime), 0, []errno{errnoSuccess}},
		"the shorter of two": {slices.Concat(
			subscription(subscribeClock, clockMonotonic, hour, 0), subscription(subscribeClock, clockMonotonic, 2*hour, 0),
		), time.Hour, []errno{errnoSuccess}},
		"two alike": {slices.Concat(
			subscription(subscribeClock, clockMonotonic, hour, 0), subscription(subscribeClock, clockRealtime, hour, 0),
		), time.Hour, []errno{errnoSuccess, errnoSuccess}},
		"a clock unknown": {subscription(subscribeClock, 7, hour, 0), 0, []errno{errnoInval}},
		"a descriptor": {slices.Concat(
			subscription(1, 0, 0, 0), subscription(subscribeClock, clockMonotonic, hour, 0),
		), 0, []errno{errnoNotsup}},
		"for ever": {subscription(subscribeClock, clockMonotonic, math.MaxUint64, 0), 365 * 24 * time.Hour, []errno{errnoSuccess}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := int64(len(c.subscriptions) / subscriptionSize)
			g := newWasiGuest("poll_oneoff", "clock_time_get")
			g.dataAt(2048, c.subscriptions)
			read := func(at int64) []byte {
				return slices.Concat(i32Const(clockMonotonic), i64Const(0), i32Const(at), call(1), drop)
			}
			run(g, read(1024), i32Const(2048), i32Const(1048), i32Const(n), i32Const(1040), call(0), drop, read(1032), pack(1024, 24+2*eventSize))
			reply, err := runGuest(t.Context(), t, load(t, newEngine(t, Options{}), g.bytes()), "{}", &fakeTasks{})
			if err != nil {
				t.Fatal(err)
			}
			b := []byte(reply)
			moved := time.Duration(binary.LittleEndian.Uint64(b[8:]) - binary.LittleEndian.Uint64(b))
			if moved != c.moved {
				t.Errorf("the clock moved by %v, want %v", moved, c.moved)
			}
			var events []errno
			for i := range binary.LittleEndian.Uint32(b[16:]) {
				event := b[24+i*eventSize:]
				if binary.LittleEndian.Uint64(event) != 0xabcd {
					t.Errorf("event %d has user data %x", i, event[:8])
				}
				events = append(events, errno(binary.LittleEndian.Uint16(event[8:])))
			}
			if diff := cmp.Diff(c.events, events); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestTimeAndRandomBeforeARun: what a guest sees while it is initialized is the
// same in every sandbox, and what it sees in a run is not; its monotonic clock
// does not jump in between.
func TestTimeAndRandomBeforeARun(t *testing.T) {
	t.Parallel()
	g := newWasiGuest("clock_time_get", "random_get")
	look := func(at int64) []byte {
		return slices.Concat(
			i32Const(clockRealtime), i64Const(0), i32Const(at), call(0), drop,
			i32Const(clockMonotonic), i64Const(0), i32Const(at+8), call(0), drop,
			i32Const(at+16), i32Const(16), call(1), drop,
		)
	}
	g.function("_initialize", noneToNone, look(1024))
	run(g, look(1056), pack(1024, 64))
	m := load(t, newEngine(t, Options{}), g.bytes())
	var replies [2]string
	for i := range replies {
		var err error
		if replies[i], err = runGuest(t.Context(), t, m, "{}", &fakeTasks{}); err != nil {
			t.Fatal(err)
		}
	}
	if replies[0][:32] != replies[1][:32] {
		t.Errorf("two sandboxes begin differently: %x and %x", replies[0][:32], replies[1][:32])
	}
	if replies[0][48:] == replies[1][48:] || replies[0][16:32] == replies[0][48:] {
		t.Errorf("random numbers repeat: %x and %x", replies[0], replies[1])
	}
	b := []byte(replies[0])
	if before, after := binary.LittleEndian.Uint64(b[8:]), binary.LittleEndian.Uint64(b[40:]); before != after {
		t.Errorf("the monotonic clock jumps from %d to %d", before, after)
	}
	if wall := time.Unix(0, int64(binary.LittleEndian.Uint64(b[32:]))); time.Since(wall).Abs() > time.Hour {
		t.Errorf("in a run the time of day is %v", wall)
	}
}

// TestEveryRunHasASeedOfItsOwn: a guest may have a generator from before its runs.
func TestEveryRunHasASeedOfItsOwn(t *testing.T) {
	t.Parallel()
	g := newGuest()
	g.function("carrel_reseed", signature{Params: i64}, i32Const(1024), localGet(0), i64Store)
	m := load(t, newEngine(t, Options{}), run(g, pack(1024, 8)).bytes())
	seen := map[string]bool{"\x00\x00\x00\x00\x00\x00\x00\x00": true}
	for range 3 {
		seed, err := runGuest(t.Context(), t, m, "{}", &fakeTasks{})
		if err != nil {
			t.Fatal(err)
		}
		if seen[seed] {
			t.Errorf("a run has the seed %x, as one before or none", seed)
		}
		seen[seed] = true
	}
}

// TestLastWordsAreInTheReason: a language's runtime prints why it gives up, and
// the author reads it where the task says that it failed.
func TestLastWordsAreInTheReason(t *testing.T) {
	t.Parallel()
	const text = "starting\npanic: no luck\n\ngoroutine 1 [running]:\n"
	g := newWasiGuest("fd_write", "proc_exit")
	g.dataAt(2048, binary.LittleEndian.AppendUint64(nil, uint64(4096|len(text)<<32)))
	g.dataAt(4096, []byte(text))
	run(g, i32Const(2), i32Const(2048), i32Const(1), i32Const(1024), call(0), drop, i32Const(2), call(1), pack(0, 0))
	tasks := &fakeTasks{}
	_, err := runGuest(t.Context(), t, load(t, newEngine(t, Options{}), g.bytes()), "{}", tasks)
	if want := host.ErrGuest.Error() + ": it exited with code 2: panic: no luck"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	if want := []string{"warn starting", "warn panic: no luck", "warn goroutine 1 [running]:"}; !slices.Equal(tasks.lines, want) {
		t.Errorf("lines: got %q, want %q", tasks.lines, want)
	}
}
