package runtime

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/tetratelabs/wazero/api"
)

// wasiModule is the import module of WASI preview 1.
const wasiModule = "wasi_snapshot_preview1"

// errno is a WASI error number.
type errno = uint32

const (
	errnoSuccess errno = 0
	errnoBadf    errno = 8
	errnoFault   errno = 21
	errnoInval   errno = 28
	errnoNosys   errno = 52
	errnoNotsup  errno = 58
)

// wasiFunc is one function of the shim. Arguments are as the guest passed them;
// act is nil for a function that only answers ENOSYS.
type wasiFunc struct {
	typ signature
	act func(in *instance, mem api.Memory, args []uint64) errno
}

// wasi makes a row of the table: parameters in letters, i for i32 and l for i64.
func wasi(params string, act func(*instance, api.Memory, []uint64) errno) wasiFunc {
	typ := signature{results: i32}
	for _, p := range params {
		typ.params += map[rune]string{'i': i32, 'l': i64}[p]
	}
	return wasiFunc{typ, act}
}

// wasiFunctions is preview 1 as the specification has it. Guests get what their
// languages' start-up needs, output, clocks and random; the rest is not there.
var wasiFunctions = map[string]wasiFunc{
	"args_get":                wasi("ii", succeed),
	"args_sizes_get":          wasi("ii", noStrings),
	"environ_get":             wasi("ii", succeed),
	"environ_sizes_get":       wasi("ii", noStrings),
	"clock_res_get":           wasi("ii", clockResolution),
	"clock_time_get":          wasi("ili", clockTime),
	"fd_advise":               wasi("illi", nil),
	"fd_allocate":             wasi("ill", nil),
	"fd_close":                wasi("i", nil),
	"fd_datasync":             wasi("i", nil),
	"fd_fdstat_get":           wasi("ii", descriptorStat),
	"fd_fdstat_set_flags":     wasi("ii", nil),
	"fd_fdstat_set_rights":    wasi("ill", nil),
	"fd_filestat_get":         wasi("ii", nil),
	"fd_filestat_set_size":    wasi("il", nil),
	"fd_filestat_set_times":   wasi("illi", nil),
	"fd_pread":                wasi("iiili", nil),
	"fd_prestat_get":          wasi("ii", noDescriptor),
	"fd_prestat_dir_name":     wasi("iii", noDescriptor),
	"fd_pwrite":               wasi("iiili", nil),
	"fd_read":                 wasi("iiii", nil),
	"fd_readdir":              wasi("iiili", nil),
	"fd_renumber":             wasi("ii", nil),
	"fd_seek":                 wasi("ilii", nil),
	"fd_sync":                 wasi("i", nil),
	"fd_tell":                 wasi("ii", nil),
	"fd_write":                wasi("iiii", write),
	"path_create_directory":   wasi("iii", nil),
	"path_filestat_get":       wasi("iiiii", nil),
	"path_filestat_set_times": wasi("iiiilli", nil),
	"path_link":               wasi("iiiiiii", nil),
	"path_open":               wasi("iiiiillii", nil),
	"path_readlink":           wasi("iiiiii", nil),
	"path_remove_directory":   wasi("iii", nil),
	"path_rename":             wasi("iiiiii", nil),
	"path_symlink":            wasi("iiiii", nil),
	"path_unlink_file":        wasi("iii", nil),
	"poll_oneoff":             wasi("iiii", poll),
	"proc_exit":               {signature{params: i32}, exit},
	"proc_raise":              wasi("i", nil),
	"random_get":              wasi("ii", random),
	"sched_yield":             wasi("", succeed),
	"sock_accept":             wasi("iii", nil),
	"sock_recv":               wasi("iiiiii", nil),
	"sock_send":               wasi("iiiii", nil),
	"sock_shutdown":           wasi("ii", nil),
}

func succeed(*instance, api.Memory, []uint64) errno { return errnoSuccess }

func noDescriptor(*instance, api.Memory, []uint64) errno { return errnoBadf }

// fault is errnoFault unless the memory access was within bounds.
func fault(within bool) errno {
	if within {
		return errnoSuccess
	}
	return errnoFault
}

// noStrings answers args_sizes_get and environ_sizes_get: none. A Go guest dies in
// its initialization when these fail.
func noStrings(_ *instance, mem api.Memory, args []uint64) errno {
	return fault(mem.WriteUint32Le(uint32(args[0]), 0) && mem.WriteUint32Le(uint32(args[1]), 0))
}

// The clocks that there are; both show the guest's own time.
const (
	clockRealtime  = 0
	clockMonotonic = 1
)

func clockResolution(_ *instance, mem api.Memory, args []uint64) errno {
	return fault(mem.WriteUint64Le(uint32(args[1]), uint64(time.Millisecond)))
}

func clockTime(in *instance, mem api.Memory, args []uint64) errno {
	if id := uint32(args[0]); id != clockRealtime && id != clockMonotonic {
		return errnoInval
	}
	return fault(mem.WriteUint64Le(uint32(args[2]), uint64(in.now().UnixNano())))
}

func random(in *instance, mem api.Memory, args []uint64) errno {
	view, ok := mem.Read(uint32(args[0]), uint32(args[1]))
	if ok {
		in.random(view)
	}
	return fault(ok)
}

const characterDevice = 2

func descriptorStat(_ *instance, mem api.Memory, args []uint64) errno {
	if uint32(args[0]) > 2 {
		return errnoBadf
	}
	var stat [24]byte
	stat[0] = characterDevice
	return fault(mem.Write(uint32(args[1]), stat[:]))
}

// maxVectors bounds the buffers of one write.
const maxVectors = 1024

// write turns output to descriptors 1 and 2 into log lines.
func write(in *instance, mem api.Memory, args []uint64) errno {
	descriptor, at, n := uint32(args[0]), uint32(args[1]), uint32(args[2])
	if descriptor != 1 && descriptor != 2 {
		return errnoBadf
	}
	if n > maxVectors {
		return errnoInval
	}
	vectors, ok := mem.Read(at, n*8)
	if !ok {
		return errnoFault
	}
	written := uint32(0)
	for ; len(vectors) > 0; vectors = vectors[8:] {
		text, ok := mem.Read(binary.LittleEndian.Uint32(vectors), binary.LittleEndian.Uint32(vectors[4:]))
		if !ok {
			return errnoFault
		}
		in.output.write(descriptor, text)
		written += uint32(len(text))
	}
	return fault(mem.WriteUint32Le(uint32(args[3]), written))
}

// The layout of subscriptions and events of poll_oneoff.
const (
	maxSubscriptions = 64
	subscriptionSize = 48
	eventSize        = 32
	subscribeClock   = 0
	absoluteTime     = 1
)

// poll waits on clocks by advancing the guest's own: nobody waits. The
// subscriptions that have come due by then are answered.
func poll(in *instance, mem api.Memory, args []uint64) errno {
	at, out, n := uint32(args[0]), uint32(args[1]), uint32(args[2])
	if n == 0 || n > maxSubscriptions {
		return errnoInval
	}
	view, ok := mem.Read(at, n*subscriptionSize)
	if !ok {
		return errnoFault
	}
	wait, found := time.Duration(0), false
	for s := view; len(s) > 0; s = s[subscriptionSize:] {
		if d, ok := in.waitOf(s); ok && (!found || d < wait) {
			wait, found = d, true
		}
	}
	if !found {
		return errnoNotsup
	}
	events := dueEvents(in, view, wait)
	in.sleep(wait)
	return fault(mem.Write(out, events) && mem.WriteUint32Le(uint32(args[3]), uint32(len(events)/eventSize)))
}

// waitOf returns how long a subscription to a clock waits.
func (in *instance) waitOf(s []byte) (time.Duration, bool) {
	if s[8] != subscribeClock {
		return 0, false
	}
	timeout := binary.LittleEndian.Uint64(s[24:])
	if binary.LittleEndian.Uint16(s[40:])&absoluteTime != 0 {
		if now := uint64(in.now().UnixNano()); timeout > now {
			timeout -= now
		} else {
			timeout = 0
		}
	}
	return time.Duration(min(timeout, 1<<62)), true
}

func dueEvents(in *instance, subscriptions []byte, wait time.Duration) (events []byte) {
	for s := subscriptions; len(s) > 0; s = s[subscriptionSize:] {
		if d, ok := in.waitOf(s); ok && d <= wait {
			var event [eventSize]byte
			copy(event[:8], s[:8])
			event[10] = subscribeClock
			events = append(events, event[:]...)
		}
	}
	return events
}

// exit never returns to the guest.
func exit(_ *instance, _ api.Memory, args []uint64) errno {
	panic(&guestFault{fmt.Sprintf("it exited with code %d; what it printed is in the task's log", uint32(args[0]))})
}
