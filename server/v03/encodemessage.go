package v03

import (
	"encoding/base64"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"
	"google.golang.org/protobuf/types/known/structpb"
)

func (w *writer) message(m *a2apb.Message) {
	w.open("message")
	w.member("messageId", m.GetMessageId())
	w.optional("contextId", m.GetContextId())
	w.optional("taskId", m.GetTaskId())
	w.member("role", roleWord(m.GetRole(), w.dialect))
	if w.dialect == REST {
		w.parts("content", m.GetParts())
	} else {
		w.parts("parts", m.GetParts())
		w.texts("referenceTaskIds", m.GetReferenceTaskIds()) // unknown to the proto of 0.3
	}
	w.texts("extensions", m.GetExtensions())
	w.metadata(m.GetMetadata())
	w.raw("}")
}

// parts writes the parts, [] for none: they are required.
func (w *writer) parts(name string, parts []*a2apb.Part) {
	w.name(name)
	write := w.part
	if w.dialect == FastA2A {
		write = w.barePart
	}
	list(w, parts, write)
}

func (w *writer) part(p *a2apb.Part) {
	switch c := p.GetContent().(type) {
	case *a2apb.Part_Raw, *a2apb.Part_Url:
		w.open("file")
		w.file(p)
		if w.twins {
			w.bareContent(p)
		}
	case *a2apb.Part_Data:
		w.dataPart(c.Data, p.GetMetadata())
		return
	default:
		w.open("text")
		w.member("text", p.GetText())
	}
	w.metadata(p.GetMetadata())
	w.raw("}")
}

func (w *writer) file(p *a2apb.Part) {
	w.name("file")
	w.raw("{")
	bytes, uri := "bytes", "uri"
	if w.dialect == REST {
		bytes, uri = "fileWithBytes", "fileWithUri"
	}
	if c, ok := p.GetContent().(*a2apb.Part_Raw); ok {
		w.name(bytes)
		w.fileBytes(c.Raw)
	} else {
		w.member(uri, p.GetUrl())
	}
	w.optional("name", p.GetFilename())
	w.optional("mimeType", p.GetMediaType())
	w.raw("}")
}

// fileBytes writes base64, in REST of base64.
func (w *writer) fileBytes(data []byte) {
	if w.dialect == REST && !w.once {
		data = base64.StdEncoding.AppendEncode(nil, data)
	}
	w.base64(data)
}

// dataPart writes data as an object, which it must be in 0.3: data of another
// kind is wrapped and marked.
func (w *writer) dataPart(data *structpb.Value, metadata *structpb.Struct) {
	w.open("data")
	w.name("data")
	if w.dialect == REST {
		w.raw(`{"data":`)
	}
	_, isObject := data.GetKind().(*structpb.Value_StructValue)
	if isObject {
		w.value(data)
	} else {
		w.raw(`{"value":`)
		w.value(data)
		w.raw("}")
	}
	if w.dialect == REST {
		w.raw("}")
	}
	if !isObject {
		metadata = marked(metadata)
	}
	w.metadata(metadata)
	w.raw("}")
}

// marked returns a copy of the metadata with the mark of wrapped data.
func marked(metadata *structpb.Struct) *structpb.Struct {
	s := &structpb.Struct{Fields: map[string]*structpb.Value{wrapped: structpb.NewBoolValue(true)}}
	for name, value := range metadata.GetFields() {
		if name != wrapped {
			s.Fields[name] = value
		}
	}
	return s
}

// barePart writes a part of FastA2A, as in 1.0.
func (w *writer) barePart(p *a2apb.Part) {
	w.raw("{")
	w.bareContent(p)
	w.metadata(p.GetMetadata())
	w.raw("}")
}

func (w *writer) bareContent(p *a2apb.Part) {
	switch c := p.GetContent().(type) {
	case *a2apb.Part_Raw:
		w.name("raw")
		w.base64(c.Raw)
	case *a2apb.Part_Url:
		w.member("url", c.Url)
	case *a2apb.Part_Data:
		w.name("data")
		w.value(c.Data)
	default:
		w.member("text", p.GetText())
	}
	w.optional("filename", p.GetFilename())
	w.optional("mediaType", p.GetMediaType())
}
