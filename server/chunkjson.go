package server

import (
	"slices"
	"unicode/utf8"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"
)

// appendChunk appends the ProtoJSON of a stream's most frequent event, a chunk of
// text: at a fraction of what reflection over it takes, of which a streamed answer
// has hundreds. ok is false for an event that is anything more; then dst is as it was.
func appendChunk(dst []byte, r *a2apb.StreamResponse) (out []byte, ok bool) {
	u := r.GetArtifactUpdate()
	if u.GetArtifact() == nil || u.Metadata != nil {
		return dst, false
	}
	w := plainJSON{out: slices.Grow(dst, 256), ok: true} // as most are
	w.out = append(w.out, `{"artifactUpdate":{`...)
	w.member("taskId", u.TaskId)
	w.member("contextId", u.ContextId)
	w.artifact(u.Artifact)
	w.flag("append", u.Append)
	w.flag("lastChunk", u.LastChunk)
	if !w.ok {
		return dst, false
	}
	return append(w.out, "}}"...), true
}

// plainJSON writes what can be written without reflection. ok is false once
// something could not.
type plainJSON struct {
	out []byte
	ok  bool
}

// name begins a member; out ends with the brace of its object or with a member.
func (w *plainJSON) name(name string) {
	if w.out[len(w.out)-1] != '{' {
		w.out = append(w.out, ',')
	}
	w.out = append(w.out, '"')
	w.out = append(w.out, name...)
	w.out = append(w.out, `":`...)
}

// member writes a text that is left out when it is empty.
func (w *plainJSON) member(name, value string) {
	if value != "" {
		w.name(name)
		w.text(value)
	}
}

func (w *plainJSON) flag(name string, value bool) {
	if value {
		w.name(name)
		w.out = append(w.out, "true"...)
	}
}

func (w *plainJSON) artifact(a *a2apb.Artifact) {
	w.ok = w.ok && a.Metadata == nil && len(a.Extensions) == 0 && len(a.Parts) > 0
	w.name("artifact")
	w.out = append(w.out, '{')
	w.member("artifactId", a.ArtifactId)
	w.member("name", a.Name)
	w.member("description", a.Description)
	w.name("parts")
	w.out = append(w.out, '[')
	for i, p := range a.Parts {
		if i > 0 {
			w.out = append(w.out, ',')
		}
		w.part(p)
	}
	w.out = append(w.out, "]}"...)
}

func (w *plainJSON) part(p *a2apb.Part) {
	t, isText := p.GetContent().(*a2apb.Part_Text)
	if !isText || p.Metadata != nil {
		w.ok = false
		return
	}
	w.out = append(w.out, '{')
	w.name("text")
	w.text(t.Text)
	w.member("filename", p.Filename)
	w.member("mediaType", p.MediaType)
	w.out = append(w.out, '}')
}

// text writes a JSON string. What is no valid UTF-8 is left to the encoder that
// has an error for it.
func (w *plainJSON) text(s string) {
	w.ok = w.ok && utf8.ValidString(s)
	w.out = append(w.out, '"')
	from := 0
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' {
			w.out = append(append(w.out, s[from:i]...), escapes[c]...)
			from = i + 1
		}
	}
	w.out = append(append(w.out, s[from:]...), '"')
}

// escapes are the characters that a JSON string holds in another form.
var escapes = func() (list ['\\' + 1]string) {
	const hex = "0123456789abcdef"
	for c := range byte(' ') {
		list[c] = `\u00` + string([]byte{hex[c>>4], hex[c&15]})
	}
	list['\b'], list['\f'], list['\n'], list['\r'], list['\t'] = `\b`, `\f`, `\n`, `\r`, `\t`
	list['"'], list['\\'] = `\"`, `\\`
	return list
}()
