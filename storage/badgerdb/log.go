package badgerdb

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
)

// engineLog hands Badger's messages to slog. Badger only logs when it cannot
// sync its value log, and goes on as if the commit were durable; engineLog
// remembers that for the writer.
type engineLog struct {
	log    *slog.Logger
	failed atomic.Pointer[string]
}

func (l *engineLog) syncFailure() error {
	if text := l.failed.Load(); text != nil {
		return errors.New(*text)
	}
	return nil
}

// Errorf implements badger.Logger.
func (l *engineLog) Errorf(format string, args ...any) {
	text := line(format, args)
	if strings.Contains(text, "curlf sync") {
		l.failed.Store(&text)
	}
	l.log.Error("engine", "text", text)
}

// Warningf implements badger.Logger.
func (l *engineLog) Warningf(format string, args ...any) {
	l.log.Warn("engine", "text", line(format, args))
}

// Infof implements badger.Logger. What Badger calls news is detail to an operator.
func (l *engineLog) Infof(string, ...any) {}

// Debugf implements badger.Logger.
func (l *engineLog) Debugf(string, ...any) {}

func line(format string, args []any) string {
	return strings.TrimSpace(fmt.Sprintf(format, args...))
}
