package runtime

import (
	"context"
	"fmt"

	"github.com/tetratelabs/wazero/api"

	"github.com/carrelhq/carrel/host"
)

// wasiModule is the import module of WASI preview 1.
const wasiModule = "wasi_snapshot_preview1"

// errno is a WASI error number.
type errno uint32

const (
	errnoSuccess errno = 0
	errnoBadf    errno = 8
	errnoFault   errno = 21
	errnoInval   errno = 28
	errnoNosys   errno = 52
	errnoNotsup  errno = 58
)

// wasiFunc is one function of the shim. act is nil for a function that only
// answers ENOSYS.
type wasiFunc struct {
	typ signature
	act func(*wasiCall) errno
}

// wasi makes a row of the table: parameters in letters, i for i32 and l for i64.
func wasi(params string, act func(*wasiCall) errno) wasiFunc {
	typ := signature{Results: i32}
	for _, p := range params {
		typ.Params += map[rune]string{'i': i32, 'l': i64}[p]
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
	"clock_res_get":           wasi("ii", nil),
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
	"fd_prestat_dir_name":     wasi("iii", nil),
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
	"proc_exit":               {signature{Params: i32}, exit},
	"proc_raise":              wasi("i", nil),
	"random_get":              wasi("ii", random),
	"sched_yield":             wasi("", succeed),
	"sock_accept":             wasi("iii", nil),
	"sock_recv":               wasi("iiiiii", nil),
	"sock_send":               wasi("iiiii", nil),
	"sock_shutdown":           wasi("ii", nil),
}

// wasiCall is one call of the shim.
type wasiCall struct {
	ctx  context.Context
	in   *instance
	mem  api.Memory
	args []uint64
}

func (c *wasiCall) arg(i int) uint32 { return uint32(c.args[i]) }

// checkContext ends the run if its time is over, from within long work.
func (c *wasiCall) checkContext() {
	if c.ctx.Err() != nil {
		endRun(context.Cause(c.ctx))
	}
}

// bind makes a host function of a row.
func (f wasiFunc) bind() api.GoModuleFunc {
	return func(ctx context.Context, m api.Module, stack []uint64) {
		result := errnoNosys
		if f.act != nil {
			in := instanceOf(ctx)
			in.enter(ctx)
			result = f.act(&wasiCall{ctx, in, m.Memory(), stack})
		}
		if f.typ.Results != "" {
			stack[0] = uint64(result)
		}
	}
}

func succeed(*wasiCall) errno { return errnoSuccess }

func noDescriptor(*wasiCall) errno { return errnoBadf }

// faultUnless is errnoFault unless the memory access was within bounds.
func faultUnless(within bool) errno {
	if within {
		return errnoSuccess
	}
	return errnoFault
}

// noStrings answers args_sizes_get and environ_sizes_get: none. A Go guest dies in
// its initialization when these fail.
func noStrings(c *wasiCall) errno {
	return faultUnless(c.mem.WriteUint32Le(c.arg(0), 0) && c.mem.WriteUint32Le(c.arg(1), 0))
}

// random fills memory in steps, because it may be all of it.
func random(c *wasiCall) errno {
	const step = 64 << 10
	view, ok := c.mem.Read(c.arg(0), c.arg(1))
	for len(view) > 0 {
		n := min(len(view), step)
		c.in.payInSteps(c.ctx, n)
		c.in.random(view[:n])
		view = view[n:]
	}
	return faultUnless(ok)
}

// exit never returns to the guest.
func exit(c *wasiCall) errno {
	c.in.output.flush()
	endRun(&exited{c.arg(0), c.in.lastWords()})
	return errnoSuccess
}

// exited is a host.ErrGuest: the module asked to end.
type exited struct {
	code  uint32
	words string
}

// Error says so.
func (e *exited) Error() string {
	return fmt.Sprintf("%v: it exited with code %d%s", host.ErrGuest, e.code, e.words)
}

// Unwrap returns host.ErrGuest.
func (e *exited) Unwrap() error { return host.ErrGuest }
