package deepcopy

import (
	"reflect"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

var protoMessage = reflect.TypeFor[proto.Message]()

// builder compiles plans: one for each message type, nil for those that are
// copied by proto.Merge.
type builder map[reflect.Type]*plan

// message returns the plan of a message type, a pointer.
func (b builder) message(t reflect.Type) *plan {
	if p, met := b[t]; met {
		return p
	}
	if !known(t) {
		b[t] = nil
		return nil
	}
	p := &plan{goType: t.Elem()}
	b[t] = p // before its fields: types may refer to themselves
	for i := range p.goType.NumField() {
		f := p.goType.Field(i)
		switch {
		case f.Tag.Get("protobuf_oneof") != "":
			b.add(p, f, b.oneof(t, f))
		case f.Name == "XXX_raceDetectHookData":
			b.add(p, f, wiped(f.Type))
		case f.Tag.Get("protobuf") != "", f.Name == "unknownFields":
			b.add(p, f, b.field(f.Type))
		}
	}
	return p
}

func (builder) add(p *plan, f reflect.StructField, do field) {
	if do.scan != nil {
		do.offset, do.goType = f.Offset, f.Type
		p.fields = append(p.fields, do)
	}
}

// known reports whether t is a pointer to a message struct as protoc-gen-go makes
// it for the open or the opaque API, with nothing in it but what this package
// knows of.
func known(t reflect.Type) bool {
	if t.Kind() != reflect.Pointer || t.Elem().Kind() != reflect.Struct || !t.Implements(protoMessage) {
		return false
	}
	var marked bool
	for i := range t.Elem().NumField() {
		f := t.Elem().Field(i)
		switch f.Name {
		case "state":
			api := f.Tag.Get("protogen")
			marked = api == "open.v1" || api == "opaque.v1"
		case "sizeCache", "unknownFields", "XXX_presence", "XXX_raceDetectHookData":
		default:
			if f.Tag.Get("protobuf") == "" && f.Tag.Get("protobuf_oneof") == "" {
				return false // extensions, fields decoded late, or what comes after this was written
			}
		}
	}
	if !marked {
		return false
	}
	// The struct's own reflection, and not one that it was lent.
	m, ok := reflect.Zero(t).Interface().(proto.Message)
	return ok && reflect.TypeOf(m.ProtoReflect().Interface()) == t
}

// field says what there is to do for a field of type t; nothing if its words are
// all there is to it.
func (b builder) field(t reflect.Type) field {
	switch t.Kind() {
	case reflect.Pointer:
		if t.Implements(protoMessage) {
			return b.submessage(t)
		}
		if t.Elem().Kind() == reflect.Slice {
			return b.hiddenList(t)
		}
		return pointer(t)
	case reflect.Slice:
		if t.Elem().Implements(protoMessage) {
			return b.list(t)
		}
		return array(t)
	case reflect.Map:
		if t.Elem().Implements(protoMessage) {
			return b.mapOfMessages(t)
		}
		return mapOfValues(t)
	case reflect.String: // its words are all there is to copy
		return field{scan: func(s *scanner, _ loc, src reflect.Value) { s.heap += class(uintptr(src.Len())) }}
	default:
		return field{}
	}
}

// wrappers returns the types of the structs that the field of a oneof may hold,
// by setting each of its members once.
func wrappers(t reflect.Type, f reflect.StructField) []reflect.Type {
	m := reflect.New(t.Elem())
	pm := m.Interface().(proto.Message).ProtoReflect() //nolint:forcetypeassert // t is a message's
	name, _, _ := strings.Cut(f.Tag.Get("protobuf_oneof"), ",")
	members := pm.Descriptor().Oneofs().ByName(protoreflect.Name(name)).Fields()
	var out []reflect.Type
	for i := range members.Len() {
		pm.Set(members.Get(i), pm.NewField(members.Get(i)))
		w := m.Elem().FieldByIndex(f.Index).Elem().Type()
		if !slices.Contains(out, w) {
			out = append(out, w)
		}
	}
	return out
}
