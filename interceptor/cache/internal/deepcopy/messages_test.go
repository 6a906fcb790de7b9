package deepcopy_test

import (
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/dynamicpb"
	"pgregory.net/rapid"

	shapesv1 "github.com/freshet-io/freshet/proto/freshet/test/shapes/v1"
	testv1 "github.com/freshet-io/freshet/proto/freshet/test/v1"
)

// shapes are messages of each sort that there is.
var shapes = map[string]proto.Message{
	"open":       &testv1.ListProductsResponse{},
	"recursive":  &testv1.Product_Part{},
	"proto2":     &shapesv1.Legacy{},
	"extensions": &shapesv1.Extended{},
	"opaque":     &shapesv1.Opaque{},
	"lazy":       &shapesv1.Late{},
	"dynamic":    dynamicpb.NewMessage((&testv1.Product{}).ProtoReflect().Descriptor()),
}

func drawShape(t *rapid.T) proto.Message {
	names := []string{"open", "recursive", "proto2", "extensions", "opaque", "lazy", "dynamic"}
	return shapes[rapid.SampledFrom(names).Draw(t, "shape")]
}

// draw returns a message of the type of like with random fields, as an origin's
// reply arrives: decoded.
func draw(t *rapid.T, like proto.Message) proto.Message {
	m := like.ProtoReflect().New()
	fill(t, m, 3)
	out := like.ProtoReflect().New().Interface()
	body, err := proto.Marshal(m.Interface())
	if err != nil {
		t.Fatal(err)
	}
	if rapid.Bool().Draw(t, "decoded") {
		if err := proto.Unmarshal(body, out); err != nil {
			t.Fatal(err)
		}
		return out
	}
	return m.Interface()
}

func fill(t *rapid.T, m protoreflect.Message, depth int) {
	var fields []protoreflect.FieldDescriptor
	for i := range m.Descriptor().Fields().Len() {
		fields = append(fields, m.Descriptor().Fields().Get(i))
	}
	if m.Descriptor().ExtensionRanges().Len() > 0 {
		protoregistry.GlobalTypes.RangeExtensionsByMessage(m.Descriptor().FullName(), func(x protoreflect.ExtensionType) bool {
			fields = append(fields, x.TypeDescriptor())
			return true
		})
	}
	for _, fd := range fields {
		if !rapid.Bool().Draw(t, "set "+string(fd.Name())) || depth == 0 && message(fd) {
			continue
		}
		switch {
		case fd.IsMap():
			v := m.NewField(fd)
			for range rapid.IntRange(0, 12).Draw(t, "entries") {
				elem := v.Map().NewValue()
				if fd.MapValue().Message() != nil {
					fill(t, elem.Message(), depth-1)
				} else {
					elem = scalar(t, fd.MapValue())
				}
				v.Map().Set(scalar(t, fd.MapKey()).MapKey(), elem)
			}
			m.Set(fd, v)
		case fd.IsList():
			v := m.NewField(fd)
			for range rapid.IntRange(0, 20/(4-depth)).Draw(t, "elements") {
				if fd.Message() != nil {
					fill(t, v.List().AppendMutable().Message(), depth-1)
				} else {
					v.List().Append(scalar(t, fd))
				}
			}
			m.Set(fd, v)
		case fd.Message() != nil:
			fill(t, m.Mutable(fd).Message(), depth-1)
		default:
			m.Set(fd, scalar(t, fd))
		}
	}
	if rapid.IntRange(0, 3).Draw(t, "unknown") == 0 {
		b := protowire.AppendTag(nil, 19_999, protowire.BytesType)
		m.SetUnknown(protowire.AppendString(b, rapid.StringN(0, 8, 8).Draw(t, "of it")))
	}
}

func message(fd protoreflect.FieldDescriptor) bool {
	return fd.Message() != nil && (!fd.IsMap() || fd.MapValue().Message() != nil)
}

func scalar(t *rapid.T, fd protoreflect.FieldDescriptor) protoreflect.Value {
	label := string(fd.Name())
	switch fd.Kind() {
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(rapid.Bool().Draw(t, label))
	case protoreflect.EnumKind:
		vs := fd.Enum().Values()
		return protoreflect.ValueOfEnum(vs.Get(rapid.IntRange(0, vs.Len()-1).Draw(t, label)).Number())
	case protoreflect.StringKind:
		return protoreflect.ValueOfString(rapid.StringN(0, 12, 40).Draw(t, label))
	case protoreflect.BytesKind:
		return protoreflect.ValueOfBytes(rapid.SliceOfN(rapid.Byte(), 0, 20).Draw(t, label))
	case protoreflect.FloatKind:
		return protoreflect.ValueOfFloat32(rapid.Float32().Draw(t, label))
	case protoreflect.DoubleKind:
		return protoreflect.ValueOfFloat64(rapid.Float64().Draw(t, label))
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		return protoreflect.ValueOfInt32(rapid.Int32().Draw(t, label))
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		return protoreflect.ValueOfUint32(rapid.Uint32().Draw(t, label))
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		return protoreflect.ValueOfUint64(rapid.Uint64().Draw(t, label))
	default:
		return protoreflect.ValueOfInt64(rapid.Int64().Draw(t, label))
	}
}
