package task

import (
	"fmt"
	"strings"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"
	"google.golang.org/protobuf/proto"

	"github.com/carrelhq/carrel/storage"
)

// checkRequest holds the message to the specification (section 4.1.4) and to the bounds.
func (m *Manager) checkRequest(req *a2apb.SendMessageRequest) error {
	msg := req.GetMessage()
	if msg == nil {
		return &FieldError{"message", "is required"}
	}
	files := fileBytes(msg)
	if size := proto.Size(req) - files; size > m.opts.MaxMessage {
		return &FieldError{"message", fmt.Sprintf("has %d bytes, large files not counted; %d are the most", size, m.opts.MaxMessage)}
	}
	if int64(files) > m.opts.MaxLog {
		return &FieldError{"message", fmt.Sprintf("has files of %d bytes; %d are the most", files, m.opts.MaxLog)}
	}
	switch {
	case msg.MessageId == "":
		return &FieldError{"message.messageId", "is required"}
	case len(msg.MessageId) > MaxID:
		return &FieldError{"message.messageId", fmt.Sprintf("is longer than %d bytes", MaxID)}
	case msg.Role != a2apb.Role_ROLE_USER:
		return &FieldError{"message.role", "must be ROLE_USER"}
	case len(msg.Parts) == 0:
		return &FieldError{"message.parts", "must not be empty"}
	case len(msg.ContextId) > MaxID:
		return &FieldError{"message.contextId", fmt.Sprintf("is longer than %d bytes", MaxID)}
	case len(msg.TaskId) > MaxID:
		return ErrTaskNotFound
	case len(msg.ReferenceTaskIds) > MaxReferences:
		return &FieldError{"message.referenceTaskIds", fmt.Sprintf("names more than %d tasks", MaxReferences)}
	}
	for i, p := range msg.Parts {
		if p.GetContent() == nil {
			return &FieldError{fmt.Sprintf("message.parts[%d]", i), "must have one of text, raw, url and data"}
		}
		if strings.HasPrefix(p.GetUrl(), BlobScheme) {
			return &FieldError{fmt.Sprintf("message.parts[%d].url", i), "must not have the scheme " + BlobScheme}
		}
	}
	return checkConfiguration(req.GetConfiguration())
}

// fileBytes is the size of what is stored as blobs.
func fileBytes(msg *a2apb.Message) (n int) {
	for _, p := range msg.GetParts() {
		if isLarge(p) {
			n += len(p.GetRaw())
		}
	}
	return n
}

func checkConfiguration(c *a2apb.SendMessageConfiguration) error {
	switch {
	case c.GetHistoryLength() < 0:
		return &FieldError{"configuration.historyLength", "must not be negative"}
	case len(c.GetAcceptedOutputModes()) > MaxModes:
		return &FieldError{"configuration.acceptedOutputModes", fmt.Sprintf("names more than %d media types", MaxModes)}
	}
	for i, mode := range c.GetAcceptedOutputModes() {
		if len(mode) > MaxMode { // they lie in the head, which every event writes anew
			return &FieldError{fmt.Sprintf("configuration.acceptedOutputModes[%d]", i), fmt.Sprintf("is longer than %d bytes", MaxMode)}
		}
	}
	return nil
}

// checkModes refuses parts of a media type that the agent does not take. An
// agent that names no types takes all.
func checkModes(msg *a2apb.Message, modes []string) error {
	if len(modes) == 0 {
		return nil
	}
	for i, p := range msg.Parts {
		if p.MediaType != "" && !takes(modes, p.MediaType) {
			return fmt.Errorf("%w: message.parts[%d] is %.100s; the agent takes %s", ErrContentTypeNotSupported, i, p.MediaType, strings.Join(modes, ", "))
		}
	}
	return nil
}

func takes(modes []string, mediaType string) bool {
	mediaType, _, _ = strings.Cut(strings.ToLower(mediaType), ";")
	mediaType = strings.TrimSpace(mediaType)
	for _, mode := range modes {
		mode = strings.ToLower(mode)
		family, any := strings.CutSuffix(mode, "*")
		if mode == mediaType || mode == "*/*" || any && strings.HasPrefix(mediaType, family) {
			return true
		}
	}
	return false
}

// checkReferences holds referenced tasks to the same question as GetTask.
func checkReferences(tx storage.Tx, ref Ref, msg *a2apb.Message) error {
	for _, id := range msg.ReferenceTaskIds {
		if _, err := getHead(tx, ref.Agent, id); err != nil {
			return fmt.Errorf("message.referenceTaskIds: %w", err)
		}
	}
	return nil
}
