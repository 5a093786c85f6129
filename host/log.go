package host

import (
	"context"
	"strings"
	"unicode/utf8"

	"github.com/carrelhq/carrel/abi"
)

// Bounds of log lines. The task keeps fewer lines; the session's bound only
// keeps a guest that writes for ever from queueing for ever.
const (
	maxLine  = 4 << 10
	maxLines = 2000
)

func (s *Session) log(_ context.Context, req abi.LogRequest) (abi.Empty, error) {
	switch req.Level {
	case "":
		req.Level = "info"
	case "debug", "info", "warn", "error":
	default:
		return abi.Empty{}, invalid("level %.20q is none of debug, info, warn and error", req.Level)
	}
	return abi.Empty{}, s.line(req.Level, req.Message)
}

// Line adds what the guest wrote to its standard output or error to the task's log.
func (s *Session) Line(level, text string) { _ = s.line(level, text) } // a failed flush ends the run at the next call

func (s *Session) line(level, text string) error {
	if s.lines.Add(1) > maxLines {
		return nil
	}
	return s.queue.add(s.tasks.Line(level, cleanLine(text)))
}

// cleanLine makes a line fit to be kept: valid UTF-8, at most 4 KiB, cut between characters.
func cleanLine(text string) string {
	return cutLine(strings.ToValidUTF8(cutLine(text), "\uFFFD")) // repairing may make it longer
}

func cutLine(text string) string {
	if len(text) <= maxLine {
		return text
	}
	end := maxLine
	for end > maxLine-utf8.UTFMax && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end]
}
