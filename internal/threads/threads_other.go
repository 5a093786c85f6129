//go:build !linux

package threads

func stayOnCore() {}
