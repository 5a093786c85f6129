package v03

import (
	"encoding/base64"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"
	"google.golang.org/protobuf/types/known/structpb"
)

// wrapped marks, in the metadata of a data part, that its data is no object in
// 1.0: 0.3 has it as {"value": …}. The official Go module calls it so.
const wrapped = "data_part_compat"

func (r *reader) message() *a2apb.Message {
	m := &a2apb.Message{}
	parts := "parts"
	if r.dialect == REST {
		parts = "content"
	}
	discriminated := false
	r.object(func(name string) bool {
		switch name {
		case "kind":
			discriminated = true
			r.kind("message")
		case "messageId":
			m.MessageId = r.text()
		case "contextId":
			m.ContextId = r.text()
		case "taskId":
			m.TaskId = r.text()
		case "role":
			m.Role = r.role()
		case parts:
			r.list(func() {
				part, hasKind := r.part()
				discriminated = discriminated || hasKind
				m.Parts = append(m.Parts, part)
			})
		case "metadata":
			m.Metadata = r.members()
		case "extensions":
			m.Extensions = r.texts()
		case "referenceTaskIds":
			m.ReferenceTaskIds = r.texts()
		default:
			return false
		}
		return true
	})
	// The samples of the 0.3 specification leave the kind of a message out, but
	// never that of a part.
	if r.dialect == JSONRPC && !discriminated {
		r.dialect = FastA2A
	}
	return m
}

func (r *reader) kind(want string) {
	if r.text() != want {
		r.fail(`must be "` + want + `"`)
	}
}

func (r *reader) role() a2apb.Role {
	role, ok := rolesByWord[r.text()]
	if !ok {
		r.fail("must be one of " + oneOf(roles))
	}
	return role
}

// part reads a part of any dialect, and reports whether it says its kind, or has
// a file, which FastA2A has not.
func (r *reader) part() (*a2apb.Part, bool) {
	p := &a2apb.Part{}
	kind, has := "", ""
	var contents int
	content := func(of string) {
		has = of
		contents++
	}
	r.object(func(name string) bool {
		switch name {
		case "kind":
			kind = r.text()
		case "metadata":
			p.Metadata = r.members()
		case "text":
			content("text")
			p.Content = &a2apb.Part_Text{Text: r.text()}
		case "file":
			content("file")
			r.file(p)
		case "data":
			content("data")
			p.Content = &a2apb.Part_Data{Data: r.data()}
		default:
			return r.barePart(name, p, content)
		}
		return true
	})
	switch {
	case contents != 1:
		r.fail("must have exactly one of text, file and data")
	case kind != "" && kind != has:
		r.failAt("kind", "must be text, file or data, as the content is")
	}
	if kind != "" && r.dialect == JSONRPC && p.GetData() != nil && p.GetData().GetStructValue() == nil {
		r.failAt("data", "must be an object")
	}
	unwrap(p)
	return p, kind != "" || has == "file"
}

// barePart reads what only FastA2A has in a part: no kind goes with it.
func (r *reader) barePart(name string, p *a2apb.Part, content func(string)) bool {
	if r.dialect == REST {
		return false
	}
	switch name {
	case "raw":
		content("")
		p.Content = &a2apb.Part_Raw{Raw: r.bytes()}
	case "url":
		content("")
		p.Content = &a2apb.Part_Url{Url: r.text()}
	case "filename":
		p.Filename = r.text()
	case "mediaType":
		p.MediaType = r.text()
	default:
		return false
	}
	return true
}

// data reads the value of a data part, which REST wraps once more.
func (r *reader) data() *structpb.Value {
	if r.dialect != REST {
		return r.anything()
	}
	object := &structpb.Struct{}
	r.object(func(name string) bool {
		if name == "data" {
			object = r.members()
			return true
		}
		return false
	})
	return structpb.NewStructValue(object)
}

func (r *reader) file(p *a2apb.Part) {
	contents := 0
	r.object(func(name string) bool {
		switch name {
		case "bytes", "fileWithBytes":
			contents++
			p.Content = &a2apb.Part_Raw{Raw: r.fileBytes()}
		case "uri", "fileWithUri":
			contents++
			p.Content = &a2apb.Part_Url{Url: r.text()}
		case "name":
			p.Filename = r.text()
		case "mimeType":
			p.MediaType = r.text()
		default:
			return false
		}
		return true
	})
	if contents != 1 {
		r.fail("must have exactly one of bytes and uri")
	}
}

// fileBytes reads the bytes of a file. Over REST, the official clients for Python
// and Go encode them twice, the one for JavaScript once. What is base64 still
// after one decoding is taken to be of the former.
func (r *reader) fileBytes() []byte {
	data := r.bytes()
	if r.dialect != REST {
		return data
	}
	if twice, err := base64.StdEncoding.Strict().DecodeString(string(data)); err == nil {
		return twice
	}
	return data
}

// unwrap takes data that is no object out of its wrapping.
func unwrap(p *a2apb.Part) {
	value, ok := p.GetData().GetStructValue().GetFields()["value"]
	if !ok || !p.GetMetadata().GetFields()[wrapped].GetBoolValue() {
		return
	}
	p.Content = &a2apb.Part_Data{Data: value}
	delete(p.Metadata.Fields, wrapped)
	if len(p.Metadata.Fields) == 0 {
		p.Metadata = nil
	}
}
