package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/a2aproject/a2a-go/v2/a2a"
)

// resultText is the text of an answer: of a message, of a task's artifacts, or of its status.
func resultText(result a2a.SendMessageResult) string {
	switch r := result.(type) {
	case *a2a.Message:
		return textOf(r.Parts)
	case *a2a.Task:
		if text := artifactsText(r.Artifacts); text != "" {
			return text
		}
		if r.Status.State == a2a.TaskStateCompleted {
			return statusText(r.Status)
		}
	}
	return ""
}

func artifactsText(artifacts []*a2a.Artifact) string {
	var texts []string
	for _, a := range artifacts {
		if text := artifactText(a); text != "" {
			texts = append(texts, text)
		}
	}
	return strings.Join(texts, "\n")
}

// artifactText is the text of an artifact, which another server may leave out.
func artifactText(a *a2a.Artifact) string {
	if a == nil {
		return ""
	}
	return textOf(a.Parts)
}

// textOf is the text of parts, with a mark in the place of what is none. What
// another server sends has any of them null.
func textOf(parts a2a.ContentParts) string {
	var out strings.Builder
	for _, p := range parts {
		if p == nil {
			continue
		}
		switch content := p.Content.(type) {
		case a2a.Text:
			out.WriteString(string(content))
		case a2a.URL:
			fmt.Fprintf(&out, "[%s]", content)
		case a2a.Raw:
			fmt.Fprintf(&out, "[%s%d bytes %s]", p.Filename, len(content), p.MediaType)
		case a2a.Data:
			out.WriteString(dataText(content.Value))
		}
	}
	return out.String()
}

func dataText(v any) string {
	encoded, err := json.Marshal(v)
	if err != nil {
		return "[data]"
	}
	return string(encoded)
}

func statusText(status a2a.TaskStatus) string {
	if status.Message == nil {
		return ""
	}
	return textOf(status.Message.Parts)
}

// stateText is a state as people write it: "input required".
func stateText(state a2a.TaskState) string {
	text := strings.ToLower(strings.TrimPrefix(string(state), "TASK_STATE_"))
	return strings.ReplaceAll(text, "_", " ")
}

// stateError is nil for a completed task, and says of any other how it is.
func stateError(status a2a.TaskStatus) error {
	if status.State == a2a.TaskStateCompleted || status.State == a2a.TaskStateUnspecified {
		return nil
	}
	if text := statusText(status); text != "" {
		return fmt.Errorf("the task is %s: %s", stateText(status.State), printable(text))
	}
	return fmt.Errorf("the task is %s", stateText(status.State))
}
