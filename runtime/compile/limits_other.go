//go:build !linux

package compile

import "syscall"

// attributes make a process group of its own for the child. That the parent is
// gone the child sees at the end of its input.
func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// limitMemory does nothing: what there is of a limit elsewhere does not hold a Go
// program. GOMEMLIMIT and the deadline remain.
func limitMemory(int64) error { return nil }

// confine is for Linux only.
func confine(string) (lacks []string) { return []string{"landlock and seccomp: this is not Linux"} }
