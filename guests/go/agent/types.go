package agent

import (
	"encoding/json"
	"strings"
)

// Message is a message of A2A (lf.a2a.v1.Message).
type Message struct {
	MessageID        string         `json:"messageId,omitempty"`
	ContextID        string         `json:"contextId,omitempty"`
	TaskID           string         `json:"taskId,omitempty"`
	Role             string         `json:"role,omitempty"`
	Parts            []Part         `json:"parts"`
	Metadata         map[string]any `json:"metadata,omitempty"`
	Extensions       []string       `json:"extensions,omitempty"`
	ReferenceTaskIDs []string       `json:"referenceTaskIds,omitempty"`
}

// Text returns the message's text parts, one after another.
func (m Message) Text() string { return textOf(m.Parts) }

// Part is a part of A2A: exactly one of Text, Raw, URL and Data is set.
type Part struct {
	Text      string          `json:"text,omitempty"`
	Raw       []byte          `json:"raw,omitempty"`
	URL       string          `json:"url,omitempty"`
	Data      json.RawMessage `json:"data,omitempty"`
	Filename  string          `json:"filename,omitempty"`
	MediaType string          `json:"mediaType,omitempty"`
	Metadata  map[string]any  `json:"metadata,omitempty"`
}

// Text makes a part of a text.
func Text(text string) Part { return Part{Text: text} }

// MarshalJSON writes an empty text as a text: a part must have content.
func (p Part) MarshalJSON() ([]byte, error) {
	type plain Part
	if p.Text != "" || p.Raw != nil || p.URL != "" || p.Data != nil {
		return json.Marshal(plain(p))
	}
	return json.Marshal(struct {
		Text string `json:"text"`
		plain
	}{"", plain(p)})
}

// Artifact is an artifact of A2A, or a chunk of one.
type Artifact struct {
	ArtifactID  string         `json:"artifactId,omitempty"`
	Name        string         `json:"name,omitempty"`
	Description string         `json:"description,omitempty"`
	Parts       []Part         `json:"parts"`
	Metadata    map[string]any `json:"metadata,omitempty"`
}

// Description is the author's part of the agent's card. What is empty is filled in by carrel.
type Description struct {
	Name             string   `json:"name,omitempty"`
	Description      string   `json:"description,omitempty"`
	Version          string   `json:"version,omitempty"`
	Skills           []Skill  `json:"skills,omitempty"`
	InputModes       []string `json:"inputModes,omitempty"`
	OutputModes      []string `json:"outputModes,omitempty"`
	DocumentationURL string   `json:"documentationUrl,omitempty"`
	IconURL          string   `json:"iconUrl,omitempty"`
}

// Skill is a skill of the card.
type Skill struct {
	ID          string   `json:"id"`
	Name        string   `json:"name"`
	Description string   `json:"description"`
	Tags        []string `json:"tags,omitempty"`
	Examples    []string `json:"examples,omitempty"`
	InputModes  []string `json:"inputModes,omitempty"`
	OutputModes []string `json:"outputModes,omitempty"`
}

// Limits are the bounds a run has.
type Limits struct {
	RunSeconds  int   `json:"runSeconds"`
	MemoryBytes int64 `json:"memoryBytes"`
}

// runRequest is what carrel_run gets, runReply what it returns.
type runRequest struct {
	TaskID              string    `json:"taskId"`
	ContextID           string    `json:"contextId"`
	Tenant              string    `json:"tenant"`
	Agent               string    `json:"agent"`
	Run                 int       `json:"run"`
	Message             Message   `json:"message"`
	Pending             []Message `json:"pending"`
	AcceptedOutputModes []string  `json:"acceptedOutputModes"`
	Limits              Limits    `json:"limits"`
}

type runReply struct {
	State     string     `json:"state,omitempty"`
	Message   *Message   `json:"message,omitempty"`
	Artifacts []Artifact `json:"artifacts,omitempty"`
	Error     *Error     `json:"error,omitempty"`
}

func agentMessage(text string) *Message {
	return &Message{Role: "ROLE_AGENT", Parts: []Part{Text(text)}}
}

func textOf(parts []Part) string {
	var out strings.Builder
	for _, p := range parts {
		out.WriteString(p.Text)
	}
	return out.String()
}
