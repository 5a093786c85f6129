package compile

import (
	"fmt"
	"os"
	"slices"

	"github.com/elastic/go-seccomp-bpf"
	"github.com/elastic/go-seccomp-bpf/arch"
	"github.com/landlock-lsm/go-landlock/landlock"
	landlocksys "github.com/landlock-lsm/go-landlock/landlock/syscall"
	"golang.org/x/sys/unix"
)

// confine leaves this process, all its threads, nothing but files below dir and
// what computing needs. It returns what the kernel does not have of that.
func confine(dir string) (lacks []string) {
	if err := landlocked(dir); err != nil {
		lacks = append(lacks, "landlock: "+err.Error())
	}
	if err := filtered(); err != nil {
		lacks = append(lacks, "seccomp: "+err.Error())
	}
	return lacks
}

// landlocked bars the process from all files but those below dir, and as far as
// this kernel's landlock goes from the network and from signalling others.
func landlocked(dir string) error {
	if _, err := landlocksys.LandlockGetABIVersion(); err != nil {
		return fmt.Errorf("this kernel has none: %w", err)
	}
	return landlock.V6.BestEffort().Restrict(landlock.RWDirs(dir))
}

// filtered bars all system calls but those listed: no other program, process or
// connection is made, no other process touched. It sets no_new_privs.
func filtered() error {
	info, err := arch.GetInfo("")
	if err != nil {
		return err
	}
	known := func(names []string) []string {
		return slices.DeleteFunc(slices.Clone(names), func(name string) bool {
			_, ok := info.SyscallNames[name]
			return !ok
		})
	}
	return seccomp.LoadFilter(seccomp.Filter{
		NoNewPrivs: true,
		Flag:       seccomp.FilterFlagTSync,
		Policy: seccomp.Policy{
			DefaultAction: seccomp.ActionErrno,
			Syscalls: []seccomp.SyscallGroup{
				{Names: known(calls), Action: seccomp.ActionAllow},
				// Its flags cannot be looked at; libc uses clone when it is not there.
				{Names: known([]string{"clone3"}), Action: seccomp.ActionErrno | seccomp.Action(unix.ENOSYS)},
				{NamesWithCondtions: []seccomp.NameWithConditions{
					{Name: "clone", Conditions: seccomp.ArgumentConditions{{Argument: 0, Operation: seccomp.BitsSet, Value: unix.CLONE_THREAD}}},
					{Name: "tgkill", Conditions: seccomp.ArgumentConditions{{Argument: 0, Operation: seccomp.Equal, Value: uint64(os.Getpid())}}},
				}, Action: seccomp.ActionAllow},
			},
		},
	})
}

// calls is what Go's runtime, libc and the writing of a file use, by the names of
// all architectures.
var calls = []string{
	"brk", "madvise", "membarrier", "mincore", "mmap", "mprotect", "mremap", "munmap",
	"clock_gettime", "clock_nanosleep", "gettimeofday", "nanosleep", "timer_create", "timer_delete", "timer_settime",
	"exit", "exit_group", "futex", "getpid", "getppid", "gettid", "restart_syscall", "rseq", "sched_getaffinity", "sched_yield", "set_robust_list",
	"rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigaltstack",
	"geteuid", "getrandom", "getuid", "uname",
	"close", "epoll_create1", "epoll_ctl", "epoll_pwait", "epoll_wait", "eventfd2", "fcntl", "pipe2", "poll", "ppoll", "read", "write", "writev",
	"fstat", "fstatat", "fsync", "getdents64", "lseek", "mkdirat", "newfstatat", "openat", "pread64", "readlinkat",
	"renameat", "renameat2", "statx", "unlinkat",
}
