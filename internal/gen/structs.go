package main

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
)

// structs makes objects of the structs of package abi, each once.
type structs struct {
	docs     docs
	protocol *protocol
	all      []*object
	err      error
}

// object returns the object of a struct, given its zero value.
func (s *structs) object(zero any) *object { return s.of(reflect.TypeOf(zero)) }

func (s *structs) of(t reflect.Type) *object {
	for _, o := range s.all {
		if o.Name == t.Name() {
			return o
		}
	}
	o := &object{Name: t.Name(), Go: sdkName(t.Name()), Doc: s.docs[t.Name()]}
	s.all = append(s.all, o)
	for f := range t.Fields() {
		o.Fields = append(o.Fields, s.field(t, f))
	}
	o.Forms = []string{s.form(t)}
	return o
}

func (s *structs) field(owner reflect.Type, f reflect.StructField) field {
	name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
	out := field{Go: f.Name, JSON: name, Doc: s.docs[owner.Name()+"."+f.Name], Optional: options == "omitempty"}
	t := f.Type
	if t.Kind() == reflect.Slice && t.Elem().Kind() != reflect.Uint8 {
		out.List, t = true, t.Elem()
	}
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch message := f.Tag.Get("a2a"); {
	case message != "":
		out.of = s.protocol.named(message)
		out.Kind = nested(out.of, "A2A "+message)
	case t.Kind() == reflect.Struct:
		out.of = s.of(t)
		out.Kind = nested(out.of, fmt.Sprintf("[%s](#%s)", t.Name(), strings.ToLower(t.Name())))
	default:
		out.Kind = s.kind(t)
	}
	return out
}

func (s *structs) kind(t reflect.Type) kind {
	switch t.Kind() {
	case reflect.String:
		return text
	case reflect.Bool:
		return boolean
	case reflect.Int:
		return integer
	case reflect.Int64:
		return long
	case reflect.Uint64:
		return unsigned
	case reflect.Slice:
		return binary
	}
	s.err = fmt.Errorf("there is no codec for %s", t)
	return kind{}
}

// form returns a struct of that type as package abi writes it, with every field set.
func (s *structs) form(t reflect.Type) string {
	v := reflect.New(t).Elem()
	s.fill(v, "")
	text, err := json.Marshal(v.Interface())
	if err != nil {
		s.err = err
	}
	return string(text)
}

// fill sets v and all in it; message is what A2A object it holds, if it does.
func (s *structs) fill(v reflect.Value, message string) {
	switch {
	case v.Type() == reflect.TypeFor[json.RawMessage]():
		v.SetBytes([]byte(s.protocol.named(message).Forms[0]))
	case v.Type() == reflect.TypeFor[[]byte]():
		v.SetBytes(sampleBytes)
	case v.Kind() == reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		s.fill(v.Index(0), message)
		s.fill(v.Index(1), message)
	case v.Kind() == reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		s.fill(v.Elem(), message)
	case v.Kind() == reflect.Struct:
		for f, value := range v.Fields() {
			s.fill(value, f.Tag.Get("a2a"))
		}
	case v.Kind() == reflect.String:
		v.SetString(sampleText)
	case v.CanInt():
		v.SetInt(-1 << 53)
	case v.CanUint():
		v.SetUint(1<<64 - 1)
	case v.Kind() == reflect.Bool:
		v.SetBool(true)
	}
}
