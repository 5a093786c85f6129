//go:build !linux

package schedule

// letThreadsRun leaves it to the operating system when other threads run.
func letThreadsRun() {}
