package deepcopy

import (
	"math/bits"
	"reflect"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// heapSize estimates what a message takes on the heap: structs, the arrays
// behind lists and strings rounded up as the allocator does, and maps by the
// layout of Go's. A string that several holders share counts for each.
func heapSize(m protoreflect.Message) int64 {
	n := class(structSize(m)) + class(len(m.GetUnknown()))
	m.Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case fd.IsMap():
			n += mapSize(fd, v.Map())
		case fd.IsList():
			n += listSize(fd, v.List())
		default:
			n += valueSize(fd, v)
			switch { // what stands between the struct and the value
			case fd.Message() != nil && fd.ContainingOneof() == nil:
			case fd.HasPresence():
				n += class(words(fd))
			}
		}
		return true
	})
	return n
}

func structSize(m protoreflect.Message) int {
	if t := reflect.TypeOf(m.Interface()); t.Kind() == reflect.Pointer {
		return int(t.Elem().Size())
	}
	return 0
}

// valueSize is what a field's value takes outside its own words.
func valueSize(fd protoreflect.FieldDescriptor, v protoreflect.Value) int64 {
	switch fd.Kind() {
	case protoreflect.MessageKind, protoreflect.GroupKind:
		return heapSize(v.Message())
	case protoreflect.StringKind:
		return class(len(v.String()))
	case protoreflect.BytesKind:
		return class(len(v.Bytes()))
	default:
		return 0
	}
}

func listSize(fd protoreflect.FieldDescriptor, l protoreflect.List) int64 {
	n := class(l.Len() * words(fd))
	switch fd.Kind() {
	case protoreflect.MessageKind, protoreflect.GroupKind, protoreflect.StringKind, protoreflect.BytesKind:
		for i := range l.Len() {
			n += valueSize(fd, l.Get(i))
		}
	}
	return n
}

// mapSize follows internal/runtime/maps: a group has eight slots and eight
// control bytes; more than one group is filled to seven eighths.
func mapSize(fd protoreflect.FieldDescriptor, m protoreflect.Map) int64 {
	const header, group, table = 48, 8, 40
	slots := group
	n := int64(header)
	if m.Len() > group {
		slots = 1 << bits.Len(uint(m.Len()*8/7))
		n += table
	}
	key, value := words(fd.MapKey()), words(fd.MapValue())
	n += class(slots * (1 + key + value))
	m.Range(func(k protoreflect.MapKey, v protoreflect.Value) bool {
		n += valueSize(fd.MapKey(), k.Value()) + valueSize(fd.MapValue(), v)
		return true
	})
	return n
}

// words is the size of a value's own words in Go.
func words(fd protoreflect.FieldDescriptor) int {
	switch fd.Kind() {
	case protoreflect.BoolKind:
		return 1
	case protoreflect.EnumKind, protoreflect.FloatKind, protoreflect.Int32Kind, protoreflect.Sint32Kind,
		protoreflect.Uint32Kind, protoreflect.Fixed32Kind, protoreflect.Sfixed32Kind:
		return 4
	case protoreflect.StringKind:
		return 16
	case protoreflect.BytesKind:
		return 24
	default: // numbers of 64 bits, pointers to messages
		return 8
	}
}

// class rounds up to about the size that the allocator gives: its classes are 8
// to 16 bytes apart at first, and an eighth or less of themselves later.
func class(n int) int64 {
	switch {
	case n <= 8:
		return int64(n+7) &^ 7
	case n <= 128:
		return int64(n+15) &^ 15
	default:
		step := int64(1) << (bits.Len(uint(n-1)) - 4)
		return (int64(n) + step - 1) &^ (step - 1)
	}
}
