package v03

import (
	"bytes"
	"encoding/json"
	"io"
	"slices"
	"strconv"
	"strings"
)

const (
	// maxDepth is how deep values of metadata and data may nest.
	maxDepth = 100
	// maxPath bounds the path in an error: names in it are the client's.
	maxPath = 200
)

// reader reads JSON token by token. Each method that reads a value finds the
// first token of it in tok and leaves the last one there. The first error stays
// in err, and ends all loops; what was read until then is void. null is as good
// as nothing everywhere.
type reader struct {
	dialect Dialect
	err     error

	dec   *json.Decoder
	tok   json.Token
	path  []step
	depth int
}

// step is a step down: into a member, or an element of a list.
type step struct {
	name  string
	index int
}

func newReader(data []byte, d Dialect) *reader {
	r := &reader{dialect: d, dec: json.NewDecoder(bytes.NewReader(data))}
	r.dec.UseNumber()
	r.next()
	return r
}

// end checks that nothing follows, and returns the first error.
func (r *reader) end() error {
	if r.err == nil {
		if _, err := r.dec.Token(); err != io.EOF {
			r.fail("is followed by something")
		}
	}
	return r.err
}

func (r *reader) next() {
	if r.err != nil {
		return
	}
	tok, err := r.dec.Token()
	if err != nil {
		r.fail("is malformed JSON")
		return
	}
	r.tok = tok
}

// fail notes what is wrong with the value at hand.
func (r *reader) fail(problem string) {
	if r.err != nil {
		return
	}
	var path strings.Builder
	for i, s := range r.path {
		if s.name == "" {
			path.WriteString("[" + strconv.Itoa(s.index) + "]")
			continue
		}
		if i > 0 {
			path.WriteByte('.')
		}
		path.WriteString(s.name)
	}
	field := path.String()
	if field == "" {
		field = "params"
	}
	if len(field) > maxPath {
		field = strings.ToValidUTF8(field[:maxPath], "") + "…"
	}
	r.err = &FieldError{field, problem}
}

// failAt notes what is wrong with a member of the object at hand.
func (r *reader) failAt(name, problem string) {
	r.path = append(r.path, step{name: name})
	r.fail(problem)
	r.path = r.path[:len(r.path)-1]
}

func (r *reader) null() bool { return r.tok == nil }

// object reads an object. visit reads the value of a member that it knows and
// returns true; others are ignored. Names are taken in snake_case, too, as
// ProtoJSON and the models of Python allow. A member that is known may be there
// only once.
func (r *reader) object(visit func(name string) bool) {
	if r.null() || !r.begins('{', "must be an object") {
		return
	}
	var seen []string
	for {
		r.next()
		name, ok := r.tok.(string)
		if r.err != nil || !ok {
			return
		}
		name = camel(name)
		r.path = append(r.path, step{name: name})
		r.next()
		switch {
		case r.err != nil:
		case r.null():
		case !visit(name):
			r.skip()
		case slices.Contains(seen, name):
			r.fail("is there twice")
		default:
			seen = append(seen, name)
		}
		r.path = r.path[:len(r.path)-1]
	}
}

// list reads a list, element by element.
func (r *reader) list(visit func()) {
	if r.null() || !r.begins('[', "must be a list") {
		return
	}
	for i := 0; ; i++ {
		r.next()
		if r.err != nil || r.tok == json.Delim(']') {
			return
		}
		r.path = append(r.path, step{index: i})
		visit()
		r.path = r.path[:len(r.path)-1]
	}
}

func (r *reader) begins(with json.Delim, problem string) bool {
	if r.err == nil && r.tok != with {
		r.fail(problem)
	}
	return r.err == nil
}

// skip reads over a value of any depth.
func (r *reader) skip() {
	for depth := 0; r.err == nil; r.next() {
		switch r.tok {
		case json.Delim('{'), json.Delim('['):
			depth++
		case json.Delim('}'), json.Delim(']'):
			depth--
		}
		if depth == 0 {
			return
		}
	}
}

// camel is the camelCase form of a name that may be in snake_case.
func camel(name string) string {
	first, rest, snake := strings.Cut(name, "_")
	for snake {
		var word string
		word, rest, snake = strings.Cut(rest, "_")
		if word != "" {
			first += strings.ToUpper(word[:1]) + word[1:]
		}
	}
	return first
}
