package stage

import (
	"cmp"
	"slices"
	"strconv"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// Fill sets every field and extension of a message, of a oneof the last, to
// values that depend on n; messages within to a depth.
func Fill(m proto.Message, n, depth int) { fill(m.ProtoReflect(), n, depth) }

func fill(m protoreflect.Message, n, depth int) {
	for i, fd := range fieldsOf(m) {
		switch {
		case depth == 0 && (fd.Message() != nil || fd.IsMap()):
		case fd.IsMap():
			v := m.Mutable(fd).Map()
			for k := range 3 {
				elem := v.NewValue()
				if fd.MapValue().Message() != nil {
					fill(elem.Message(), n+k, depth-1)
				} else {
					elem = scalar(fd.MapValue(), n+k)
				}
				v.Set(scalar(fd.MapKey(), k).MapKey(), elem)
			}
		case fd.IsList():
			v := m.Mutable(fd).List()
			for k := range 2 {
				if fd.Message() != nil {
					fill(v.AppendMutable().Message(), n+k, depth-1)
				} else {
					v.Append(scalar(fd, n+i+k))
				}
			}
		case fd.Message() != nil:
			fill(m.Mutable(fd).Message(), n+i, depth-1)
		default:
			m.Set(fd, scalar(fd, n+i))
		}
	}
}

// fieldsOf returns the fields of a message and its extensions. What Any holds is
// not looked at.
func fieldsOf(m protoreflect.Message) []protoreflect.FieldDescriptor {
	d := m.Descriptor()
	if d.FullName() == "google.protobuf.Any" {
		return nil
	}
	var out []protoreflect.FieldDescriptor
	for i := range d.Fields().Len() {
		out = append(out, d.Fields().Get(i))
	}
	if d.ExtensionRanges().Len() > 0 {
		protoregistry.GlobalTypes.RangeExtensionsByMessage(d.FullName(), func(x protoreflect.ExtensionType) bool {
			out = append(out, x.TypeDescriptor())
			return true
		})
	}
	slices.SortFunc(out, func(a, b protoreflect.FieldDescriptor) int { return cmp.Compare(a.Number(), b.Number()) })
	return out
}

func scalar(fd protoreflect.FieldDescriptor, n int) protoreflect.Value {
	switch fd.Kind() {
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(n%2 == 0)
	case protoreflect.EnumKind:
		values := fd.Enum().Values()
		return protoreflect.ValueOfEnum(values.Get(n % values.Len()).Number())
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		return protoreflect.ValueOfInt32(int32(-n))
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		return protoreflect.ValueOfUint32(uint32(n))
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind:
		return protoreflect.ValueOfInt64(int64(-n) << 33)
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		return protoreflect.ValueOfUint64(uint64(n) << 33)
	case protoreflect.FloatKind:
		return protoreflect.ValueOfFloat32(float32(n) / 3)
	case protoreflect.DoubleKind:
		return protoreflect.ValueOfFloat64(float64(n) / 7)
	case protoreflect.BytesKind:
		return protoreflect.ValueOfBytes([]byte{0xff, byte(n), 0x00})
	default:
		return protoreflect.ValueOfString("ü" + strconv.Itoa(n))
	}
}

// Scramble changes everything that is reachable from a message in place: each
// scalar, each byte of its bytes and unknown fields, each element and entry, and
// the messages within.
func Scramble(m proto.Message) { scramble(m.ProtoReflect()) }

func scramble(m protoreflect.Message) {
	m.Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case fd.IsMap():
			v.Map().Range(func(k protoreflect.MapKey, elem protoreflect.Value) bool {
				scrambled(fd.MapValue(), elem, func(to protoreflect.Value) { v.Map().Set(k, to) })
				return true
			})
			if fd.MapKey().Kind() == protoreflect.StringKind {
				v.Map().Set(protoreflect.ValueOfString("scrambled").MapKey(), v.Map().NewValue())
			}
		case fd.IsList():
			for i := range v.List().Len() {
				scrambled(fd, v.List().Get(i), func(to protoreflect.Value) { v.List().Set(i, to) })
			}
			v.List().Append(v.List().NewElement())
		default:
			scrambled(fd, v, func(to protoreflect.Value) { m.Set(fd, to) })
		}
		return true
	})
	flip(m.GetUnknown())
}

func scrambled(fd protoreflect.FieldDescriptor, v protoreflect.Value, set func(protoreflect.Value)) {
	switch {
	case fd.Message() != nil:
		scramble(v.Message())
	case fd.Kind() == protoreflect.BytesKind:
		flip(v.Bytes())
	default:
		set(scalar(fd, 4711))
	}
}

func flip(b []byte) {
	for i := range b {
		b[i] ^= 0xff
	}
}
