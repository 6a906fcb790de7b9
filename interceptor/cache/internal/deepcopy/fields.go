package deepcopy

import (
	"reflect"
	"unsafe"

	"google.golang.org/protobuf/proto"
)

// message notes that the pointer at a place points to a copy of the message that
// src points to, whose plan is p.
func (s *scanner) message(p *plan, at loc, src reflect.Value) {
	switch {
	case src.IsNil():
	case p == nil:
		s.foreign = true
		own := cloned(src)
		s.heap += heapSize(own.Interface().(proto.Message).ProtoReflect()) //nolint:forcetypeassert // cloned returns one
		s.fixes = append(s.fixes, fix{at: at, own: own, do: func(at unsafe.Pointer, _ memory) {
			value(own.Type(), at).Set(cloned(own))
		}})
	default:
		s.pointTo(at, p.scan(s, src.Elem()))
	}
}

// cloned copies a message that has no plan.
func cloned(src reflect.Value) reflect.Value {
	return reflect.ValueOf(proto.Clone(src.Interface().(proto.Message))) //nolint:forcetypeassert // the field's type says so
}

// submessage is for a field with a message of its own.
func (b builder) submessage(t reflect.Type) field {
	p := b.message(t)
	return field{scan: func(s *scanner, at loc, src reflect.Value) { s.message(p, at, src) }}
}

// list is for a list of messages.
func (b builder) list(t reflect.Type) field {
	p := b.message(t.Elem())
	return field{scan: func(s *scanner, at loc, src reflect.Value) {
		if s.slice(at, src) {
			s.messages(p, at, src)
		}
	}}
}

// messages notes that the list at a place has copies of the messages in src,
// whose plan is p.
func (s *scanner) messages(p *plan, at loc, src reflect.Value) {
	to := s.pointers(src.Len())
	s.pointTo(at, to)
	for i := range src.Len() {
		s.message(p, to.plus(uintptr(i)*unsafe.Sizeof(uintptr(0))), src.Index(i))
	}
}

// hiddenList is for a list of messages as the opaque API has it: the struct
// points to the slice.
func (b builder) hiddenList(t reflect.Type) field {
	p := b.message(t.Elem().Elem())
	return field{
		scan: func(s *scanner, at loc, src reflect.Value) {
			if src.IsNil() {
				return
			}
			to := s.header(src.Elem().Len())
			s.pointTo(at, to)
			if src.Elem().Len() > 0 {
				s.messages(p, to, src.Elem())
			}
		},
		share: func(dst reflect.Value) { renew(t, dst) },
	}
}

// renew makes dst, a pointer, point to a copy of what it points to.
func renew(t reflect.Type, dst reflect.Value) {
	if !dst.IsNil() {
		p := reflect.New(t.Elem())
		p.Elem().Set(dst.Elem())
		dst.Set(p)
	}
}

// wiped is for a field that copies have empty.
func wiped(t reflect.Type) field {
	return field{scan: func(s *scanner, at loc, _ reflect.Value) {
		s.amends = append(s.amends, amend{at, func(at unsafe.Pointer) { value(t, at).SetZero() }})
	}}
}

// slice sees to the header of a slice, and reports whether there is anything
// behind it.
func (s *scanner) slice(at loc, src reflect.Value) bool {
	if src.Cap() > 0 {
		s.amends = append(s.amends, amend{at, clip})
	}
	return src.Len() > 0
}

// pointer is for a scalar or a string with presence.
func pointer(t reflect.Type) field {
	size := t.Elem().Size()
	f := field{
		scan: func(s *scanner, at loc, src reflect.Value) {
			if !src.IsNil() {
				s.pointTo(at, s.bytes(raw(src.UnsafePointer(), size)))
			}
		},
		share: func(dst reflect.Value) { renew(t, dst) },
	}
	if t.Elem().Kind() == reflect.String {
		f.scan = func(s *scanner, at loc, src reflect.Value) {
			if !src.IsNil() {
				s.pointTo(at, s.strings([]string{src.Elem().String()}))
			}
		}
	}
	return f
}

// array is for a byte slice, and for a list of scalars, strings or byte slices.
func array(t reflect.Type) field {
	size := t.Elem().Size()
	place := func(s *scanner, src reflect.Value) loc {
		return s.bytes(raw(src.UnsafePointer(), uintptr(src.Len())*size))
	}
	switch t {
	case reflect.TypeFor[[]string]():
		place = func(s *scanner, src reflect.Value) loc { return s.strings(src.Interface().([]string)) } //nolint:forcetypeassert // by t
	case reflect.TypeFor[[][]byte]():
		place = func(s *scanner, src reflect.Value) loc { return s.headers(src.Interface().([][]byte)) } //nolint:forcetypeassert // by t
	}
	return field{scan: func(s *scanner, at loc, src reflect.Value) {
		if s.slice(at, src) {
			s.pointTo(at, place(s, src))
		}
	}}
}

// oneof is for the field of a message of type t that holds a oneof's member, in a
// struct of its own.
func (b builder) oneof(t reflect.Type, f reflect.StructField) field {
	plans := map[reflect.Type]*plan{}
	for _, w := range wrappers(t, f) {
		p := &plan{goType: w.Elem()}
		b.add(p, p.goType.Field(0), b.field(p.goType.Field(0).Type))
		plans[w] = p
	}
	return field{
		scan: func(s *scanner, at loc, src reflect.Value) {
			if w := src.Elem(); w.IsValid() && !w.IsNil() {
				// Of an interface's two words the second one is the pointer.
				s.pointTo(at.plus(unsafe.Sizeof(uintptr(0))), plans[w.Type()].scan(s, w.Elem()))
			}
		},
		share: func(dst reflect.Value) {
			if w := dst.Elem(); w.IsValid() && !w.IsNil() {
				n := reflect.New(w.Type().Elem())
				n.Elem().Set(w.Elem())
				dst.Set(n)
			}
		},
	}
}
