package task

import (
	"errors"
	"fmt"
	"strings"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"
	"google.golang.org/protobuf/proto"

	"github.com/carrelhq/carrel/storage"
)

// CheckMessage holds a message and its key to the specification (section 4.1.4)
// and to the bounds, as SendOnce does before it looks anything up: it names all
// fields that are invalid.
func (m *Manager) CheckMessage(once Once, req *a2apb.SendMessageRequest) error {
	files := fileBytes(req.GetMessage())
	if size := proto.Size(req) - files; size > m.opts.MaxMessage {
		return &FieldError{"message", fmt.Sprintf("has %d bytes, large files not counted; %d are the most", size, m.opts.MaxMessage)}
	}
	if int64(files) > m.opts.MaxLog {
		return &FieldError{"message", fmt.Sprintf("has files of %d bytes; %d are the most", files, m.opts.MaxLog)}
	}
	var bad FieldErrors
	if req.GetMessage() == nil {
		bad.Add("message", "is required")
	} else {
		checkFields(&bad, req.Message)
	}
	m.checkConfiguration(&bad, req.GetConfiguration())
	bad.Join(once.check())
	if len(bad) == 0 && len(req.Message.TaskId) > MaxID {
		return ErrTaskNotFound
	}
	return bad.Err()
}

func checkFields(bad *FieldErrors, msg *a2apb.Message) {
	switch {
	case msg.MessageId == "":
		bad.Add("message.messageId", "is required")
	case len(msg.MessageId) > MaxID:
		bad.Add("message.messageId", "is longer than %d bytes", MaxID)
	}
	if msg.Role != a2apb.Role_ROLE_USER {
		bad.Add("message.role", "must be ROLE_USER")
	}
	if len(msg.ContextId) > MaxID {
		bad.Add("message.contextId", "is longer than %d bytes", MaxID)
	}
	if len(msg.ReferenceTaskIds) > MaxReferences {
		bad.Add("message.referenceTaskIds", "names more than %d tasks", MaxReferences)
	}
	if len(msg.Parts) == 0 {
		bad.Add("message.parts", "must not be empty")
	}
	for i, p := range msg.Parts {
		switch {
		case bad.full():
			return
		case p.GetContent() == nil:
			bad.Add(fmt.Sprintf("message.parts[%d]", i), "must have one of text, raw, url and data")
		case strings.HasPrefix(p.GetUrl(), BlobScheme):
			bad.Add(fmt.Sprintf("message.parts[%d].url", i), "must not have the scheme %s", BlobScheme)
		}
	}
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

func (m *Manager) checkConfiguration(bad *FieldErrors, c *a2apb.SendMessageConfiguration) {
	if c.GetHistoryLength() < 0 {
		bad.Add("configuration.historyLength", "must not be negative")
	}
	if len(c.GetAcceptedOutputModes()) > MaxModes {
		bad.Add("configuration.acceptedOutputModes", "names more than %d media types", MaxModes)
	}
	for i, mode := range c.GetAcceptedOutputModes() {
		if len(mode) > MaxMode && !bad.full() { // they lie in the head, which every event writes anew
			bad.Add(fmt.Sprintf("configuration.acceptedOutputModes[%d]", i), "is longer than %d bytes", MaxMode)
		}
	}
	if hook := c.GetTaskPushNotificationConfig(); hook != nil && m.PushSupported() {
		m.checkPushConfig(bad, hook, "configuration.taskPushNotificationConfig.")
	}
}

// checkModes refuses parts of a media type that the agent does not take. An
// agent that names no types takes all.
func checkModes(msg *a2apb.Message, modes []string) error {
	if len(modes) == 0 {
		return nil
	}
	for i, p := range msg.Parts {
		if p.MediaType != "" && !takes(modes, p.MediaType) {
			return fmt.Errorf("%w: message.parts[%d] is %.100s; the agent takes %.1000s", ErrContentTypeNotSupported, i, p.MediaType, strings.Join(modes, ", "))
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

// checkReferences holds referenced tasks to the same question as GetTask, and names
// all that are not there.
func checkReferences(tx storage.Tx, ref Ref, msg *a2apb.Message) error {
	var missing FieldErrors
	for i, id := range msg.ReferenceTaskIds {
		_, err := getHead(tx, ref.Agent, id)
		if errors.Is(err, ErrTaskNotFound) {
			missing.Add(fmt.Sprintf("message.referenceTaskIds[%d]", i), "is the id of no task")
		} else if err != nil {
			return fmt.Errorf("message.referenceTaskIds: %w", err)
		}
	}
	if len(missing) > 0 {
		return &missingError{missing}
	}
	return nil
}
