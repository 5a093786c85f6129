package server

import (
	"fmt"
	"runtime/debug"
)

// contain, deferred, makes an error of a panic. Fasthttp reads the bodies of
// streams after the handler has returned, where nobody else recovers.
func (s *Server) contain(err *error) {
	if p := recover(); p != nil {
		*err = s.panicked(p)
	}
}

// panicked logs what a panic was recovered with, and makes an error of it.
func (s *Server) panicked(p any) error {
	s.opts.Logger.Error("handler panicked", "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
	return fmt.Errorf("panic: %v", p)
}
