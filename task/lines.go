package task

import (
	"context"
	"fmt"
	"iter"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/carrelhq/carrel/storage"
)

// Bounds of a task's log.
const (
	// MaxLine is the longest line kept, in bytes; what exceeds it is cut by the caller.
	MaxLine = 4 << 10
	// MaxLines is how many lines of one attempt are kept.
	MaxLines = 1000
)

// LogLine is one line of a task's log, written by its guest.
type LogLine struct {
	// Seq numbers the lines of a task from 1.
	Seq uint64 `json:"seq"`
	// Run and Attempt tell which run wrote it.
	Run     int       `json:"run"`
	Attempt int       `json:"attempt"`
	Time    time.Time `json:"time"`
	Level   string    `json:"level"`
	Message string    `json:"message"`
}

const (
	lineRun     protowire.Number = 1
	lineAttempt protowire.Number = 2
	lineTime    protowire.Number = 3
	lineLevel   protowire.Number = 4
	lineMessage protowire.Number = 5
)

func (l *LogLine) encode() []byte {
	w := make(wire, 0, len(l.Message)+32)
	w.number(lineRun, uint64(l.Run))
	w.number(lineAttempt, uint64(l.Attempt))
	w.time(lineTime, l.Time)
	w.text(lineLevel, l.Level)
	w.text(lineMessage, l.Message)
	return w
}

func decodeLine(item storage.Item) (l LogLine, err error) {
	key := storage.ReadKey(item.Key)
	key.Str()
	key.Str()
	l.Seq = key.Uint()
	if err := key.Err(); err != nil {
		return l, err
	}
	err = readWire(item.Value, func(field protowire.Number, n uint64, b []byte) {
		switch field {
		case lineRun:
			l.Run = int(n)
		case lineAttempt:
			l.Attempt = int(n)
		case lineTime:
			l.Time = wireTime(n)
		case lineLevel:
			l.Level = string(b)
		case lineMessage:
			l.Message = string(b)
		}
	})
	if err != nil {
		return l, fmt.Errorf("task: line %d: %w", l.Seq, err)
	}
	return l, nil
}

// AppendLine adds a line to the task's log inside [Run.Update]. The last line
// that is kept of an attempt says that the others were dropped.
func (r *Run) AppendLine(_ storage.Tx, level, message string) error {
	e := r.cur
	if e == nil {
		return errOutside
	}
	written := e.h.lines - e.h.runLines
	if written >= MaxLines {
		return nil
	}
	if written == MaxLines-1 {
		level, message = "warn", fmt.Sprintf("The log is full: %d lines of this attempt are kept.", MaxLines)
	}
	e.h.lines++
	l := LogLine{Run: r.Number, Attempt: r.Attempt, Time: e.now, Level: level, Message: message[:min(len(message), MaxLine)]}
	return e.tx.Set(lineKey(e.id, e.h.lines), l.encode())
}

// lineBatch is how many lines are read at a time.
const lineBatch = 256

// Lines yields the task's log lines after the given one. With follow it waits
// for more until the task is finished; else it ends with the last one there is.
func (m *Manager) Lines(ctx context.Context, ref Ref, id string, after uint64, follow bool) iter.Seq2[LogLine, error] {
	return func(yield func(LogLine, error) bool) {
		wake, stop := m.broker.Watch(topic(ref.Tenant, id))
		defer stop()
		for {
			lines, finished, err := m.linesAfter(ctx, ref, id, after)
			if err != nil {
				yield(LogLine{}, err)
				return
			}
			for _, l := range lines {
				after = l.Seq
				if !yield(l, nil) {
					return
				}
			}
			if len(lines) == lineBatch {
				continue
			}
			if !follow || finished {
				return
			}
			select {
			case <-wake:
			case <-ctx.Done():
				yield(LogLine{}, context.Cause(ctx))
				return
			}
		}
	}
}

func (m *Manager) linesAfter(ctx context.Context, ref Ref, id string, after uint64) (lines []LogLine, finished bool, err error) {
	err = m.view(ctx, ref.Tenant, func(tx storage.Tx) error {
		h, err := getAnyHead(tx, ref.Agent, id)
		if err != nil {
			return err
		}
		finished = Terminal(h.state)
		for item, err := range tx.Scan(linesKey(id), lineKey(id, after)) {
			if err != nil {
				return err
			}
			l, err := decodeLine(item)
			if err != nil {
				return err
			}
			if lines = append(lines, l); len(lines) == lineBatch {
				return nil
			}
		}
		return nil
	})
	return lines, finished, err
}
