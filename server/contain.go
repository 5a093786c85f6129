package server

import (
	"fmt"
	"runtime/debug"
)

// contain, deferred, makes an error of a panic. Fasthttp reads the bodies of
// streams after the handler has returned, where nobody else recovers.
func (s *Server) contain(err *error) {
	if p := recover(); p != nil {
		s.opts.Logger.Error("handler panicked", "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
		*err = fmt.Errorf("panic: %v", p)
	}
}
