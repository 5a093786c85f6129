package host

import (
	"context"
	"strings"
	"unicode/utf8"

	"github.com/carrelhq/carrel/abi"
	"github.com/carrelhq/carrel/storage"
)

// Bounds of log lines. The task keeps fewer lines; the session's bound only
// keeps a guest that writes for ever from queueing for ever.
const (
	maxLine  = 4 << 10
	maxLines = 2000
)

var levels = map[string]bool{"debug": true, "info": true, "warn": true, "error": true}

func (s *Session) log(_ context.Context, req abi.LogRequest) (abi.Empty, error) {
	if req.Level == "" {
		req.Level = "info"
	}
	if !levels[req.Level] {
		return abi.Empty{}, invalid("level %.20q is none of debug, info, warn and error", req.Level)
	}
	return abi.Empty{}, s.line(req.Level, req.Message)
}

// Line adds what the guest wrote to its standard output or error to the task's log.
func (s *Session) Line(level, text string) { _ = s.line(level, text) } // a failed flush ends the run at the next call

func (s *Session) line(level, text string) error {
	s.queue.mu.Lock()
	left := s.lineLeft
	if left > 0 {
		s.lineLeft--
	}
	s.queue.mu.Unlock()
	if left == 0 {
		return nil
	}
	text = CleanLine(text)
	return s.queue.add(effect{len(text), func(tx storage.Tx) error { return s.tasks.AppendLine(tx, level, text) }})
}

// CleanLine makes a line fit to be kept: valid UTF-8, at most 4 KiB, cut between characters.
func CleanLine(text string) string {
	cut := len(text) > maxLine
	if cut {
		text = text[:maxLine]
		for i := 0; i < utf8.UTFMax && !utf8.ValidString(text[max(0, len(text)-utf8.UTFMax):]); i++ {
			text = text[:len(text)-1]
		}
	}
	text = strings.ToValidUTF8(text, "\uFFFD")
	if len(text) > maxLine { // repairing may have made it longer
		text = strings.ToValidUTF8(text[:maxLine], "")
	}
	return text
}
