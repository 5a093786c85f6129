package agent

import (
	"strings"

	"github.com/carrelhq/carrel/guests/go/internal/codec"
)

// Text returns the message's text parts, one after another.
func (m Message) Text() string { return textOf(m.Parts) }

// Text makes a part of a text.
func Text(text string) Part { return Part{Text: text} }

// MarshalJSON writes an empty text as a text: a part must have content.
func (m Part) MarshalJSON() ([]byte, error) {
	var w codec.Writer
	m.encode(&w)
	return w.Bytes(), w.Err()
}

func agentMessage(text string) *Message {
	return &Message{Role: "ROLE_AGENT", Parts: []Part{Text(text)}}
}

func textOf(parts []Part) string {
	if len(parts) == 1 {
		return parts[0].Text
	}
	var out strings.Builder
	for _, p := range parts {
		out.WriteString(p.Text)
	}
	return out.String()
}
