package deepcopy

import (
	"reflect"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

var protoMessage = reflect.TypeFor[proto.Message]()

// builder compiles a layout.
type builder struct {
	layout   *layout
	messages map[reflect.Type]*plan // nil: has none
}

// message returns the plan of a message type, nil if it is to be copied by
// proto.Merge.
func (b *builder) message(t reflect.Type) *plan {
	if p, met := b.messages[t]; met {
		return p
	}
	if !open(t) {
		b.messages[t] = nil
		return nil
	}
	p := b.plan(t.Elem())
	b.messages[t] = p // before its fields: types may refer to themselves
	for i := range p.goType.NumField() {
		f := p.goType.Field(i)
		switch {
		case f.Name == "unknownFields":
			p.unknown = i
		case f.Tag.Get("protobuf_oneof") != "":
			p.fields = append(p.fields, b.oneof(i, t, f))
		case f.IsExported():
			b.add(p, i, f.Type)
		}
	}
	return p
}

func (b *builder) plan(s reflect.Type) *plan {
	p := &plan{id: len(b.layout.plans), goType: s, unknown: -1}
	for i := range p.arrays {
		p.arrays[i] = reflect.ArrayOf(1<<i, s)
	}
	b.layout.plans = append(b.layout.plans, p)
	return p
}

// open reports whether t is a pointer to a message struct as protoc-gen-go makes
// it for the open API, with nothing in it but what this package knows of.
func open(t reflect.Type) bool {
	if t.Kind() != reflect.Pointer || t.Elem().Kind() != reflect.Struct || !t.Implements(protoMessage) {
		return false
	}
	var marked bool
	for i := range t.Elem().NumField() {
		f := t.Elem().Field(i)
		switch {
		case f.Anonymous:
			return false
		case f.Name == "state":
			marked = f.Tag.Get("protogen") == "open.v1"
		case f.Name == "sizeCache", f.Name == "unknownFields":
		case !f.IsExported():
			return false // extensions, or what a later version may have
		case f.Tag.Get("protobuf") == "" && f.Tag.Get("protobuf_oneof") == "":
			return false
		}
	}
	if !marked {
		return false
	}
	// The struct's own reflection, and not one that it was lent.
	m, ok := reflect.Zero(t).Interface().(proto.Message)
	return ok && reflect.TypeOf(m.ProtoReflect().Interface()) == t
}

// add adds what there is to do for field i of type t, if anything.
func (b *builder) add(p *plan, i int, t reflect.Type) {
	var f field
	switch t.Kind() {
	case reflect.Pointer:
		if t.Implements(protoMessage) {
			f = b.submessage(t)
		} else {
			f = pointer(t)
		}
	case reflect.Slice:
		switch {
		case t.Elem().Implements(protoMessage):
			f = b.list(t)
		default:
			f = values(t)
		}
	case reflect.Map:
		if t.Elem().Implements(protoMessage) {
			f = b.mapOfMessages(t)
		} else {
			f = mapOfValues(t)
		}
	default: // its words are all there is to it
		return
	}
	f.index = i
	p.fields = append(p.fields, f)
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
