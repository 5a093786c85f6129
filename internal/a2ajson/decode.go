package a2ajson

import (
	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"
	"google.golang.org/protobuf/proto"
)

// Decode reads ProtoJSON into m, which must be empty, and reports whether it has:
// it reads what is well-formed and plain only. If it has not, m is empty, and
// protojson finds what there is, or what is wrong with it.
func Decode(data []byte, m proto.Message) bool {
	r := NewReader(data)
	switch m := m.(type) {
	case *a2apb.SendMessageRequest:
		r.request(m)
	case *a2apb.Message:
		r.Message(m)
	case *a2apb.Artifact:
		r.Artifact(m)
	default:
		return false
	}
	if r.End() {
		return true
	}
	proto.Reset(m)
	return false
}

// The members that are read here; others are left to protojson.
var (
	requestNames  = []string{"message", "configuration", "tenant"}
	settingNames  = []string{"acceptedOutputModes", "historyLength", "returnImmediately"}
	messageNames  = []string{"messageId", "role", "parts", "contextId", "taskId", "extensions", "referenceTaskIds"}
	artifactNames = []string{"artifactId", "name", "parts", "description", "extensions"}
	partNames     = []string{"text", "mediaType", "filename"}
)

func (r *Reader) request(m *a2apb.SendMessageRequest) {
	r.Object(requestNames, func(i int) {
		switch i {
		case 0:
			m.Message = &a2apb.Message{}
			r.Message(m.Message)
		case 1:
			m.Configuration = &a2apb.SendMessageConfiguration{}
			r.settings(m.Configuration)
		case 2:
			m.Tenant = r.Text()
		}
	})
}

func (r *Reader) settings(c *a2apb.SendMessageConfiguration) {
	r.Object(settingNames, func(i int) {
		switch i {
		case 0:
			c.AcceptedOutputModes = r.texts()
		case 1:
			c.HistoryLength = proto.Int32(r.count())
		case 2:
			c.ReturnImmediately = r.Bool()
		}
	})
}

// Message reads a message of texts.
func (r *Reader) Message(m *a2apb.Message) {
	r.Object(messageNames, func(i int) {
		switch i {
		case 0:
			m.MessageId = r.Text()
		case 1:
			m.Role = r.role()
		case 2:
			m.Parts = r.parts()
		case 3:
			m.ContextId = r.Text()
		case 4:
			m.TaskId = r.Text()
		case 5:
			m.Extensions = r.texts()
		case 6:
			m.ReferenceTaskIds = r.texts()
		}
	})
}

// Artifact reads an artifact of texts.
func (r *Reader) Artifact(a *a2apb.Artifact) {
	r.Object(artifactNames, func(i int) {
		switch i {
		case 0:
			a.ArtifactId = r.Text()
		case 1:
			a.Name = r.Text()
		case 2:
			a.Parts = r.parts()
		case 3:
			a.Description = r.Text()
		case 4:
			a.Extensions = r.texts()
		}
	})
}

func (r *Reader) parts() (parts []*a2apb.Part) {
	r.Array(func() {
		p := &a2apb.Part{}
		r.Object(partNames, func(i int) {
			switch i {
			case 0:
				p.Content = &a2apb.Part_Text{Text: r.Text()}
			case 1:
				p.MediaType = r.Text()
			case 2:
				p.Filename = r.Text()
			}
		})
		parts = append(parts, p)
	})
	return parts
}

func (r *Reader) texts() (list []string) {
	r.Array(func() { list = append(list, r.Text()) })
	return list
}

func (r *Reader) role() a2apb.Role {
	name := r.text()
	switch string(name) {
	case "ROLE_USER":
		return a2apb.Role_ROLE_USER
	case "ROLE_AGENT":
		return a2apb.Role_ROLE_AGENT
	}
	r.bad = true
	return 0
}
