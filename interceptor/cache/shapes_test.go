package cache_test

import (
	"bytes"
	"context"
	"math"
	"strings"
	"sync"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/encoding/gzip"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/structpb"

	shapesv1 "github.com/freshet-io/freshet/proto/freshet/test/shapes/v1"
	testv1 "github.com/freshet-io/freshet/proto/freshet/test/v1"
)

func packed(t *testing.T, m proto.Message) *anypb.Any {
	t.Helper()
	a, err := anypb.New(m)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func withUnknown[M proto.Message](m M, number protowire.Number, text string) M {
	b := protowire.AppendTag(m.ProtoReflect().GetUnknown(), number, protowire.BytesType)
	m.ProtoReflect().SetUnknown(protowire.AppendString(b, text))
	return m
}

func extended(t *testing.T) *shapesv1.Extended {
	t.Helper()
	m := &shapesv1.Extended{Name: proto.String("")}
	proto.SetExtension(m, shapesv1.E_Rank, int32(-1))
	proto.SetExtension(m, shapesv1.E_More, &shapesv1.Legacy_Inner{Number: proto.Int32(0), Inner: []*shapesv1.Legacy_Inner{{}}})
	proto.SetExtension(m, shapesv1.E_Words, []string{"a", ""})
	return withUnknown(m, 150, "an extension that nobody knows")
}

func legacy(t *testing.T) *shapesv1.Legacy {
	t.Helper()
	return withUnknown(&shapesv1.Legacy{
		Name: proto.String(""), Note: proto.String("none"), Data: []byte{}, On: proto.Bool(false), Count: proto.Int64(0),
		Colour: shapesv1.Colour_COLOUR_BLUE.Enum(), Colours: []shapesv1.Colour{0, 2, 1},
		One:     &shapesv1.Legacy_One{Text: proto.String("in a group")},
		Many:    []*shapesv1.Legacy_Many{{Inner: []*shapesv1.Legacy_Inner{{}}}, {}},
		Numbers: []int64{math.MinInt64, 0}, Blobs: [][]byte{{}, {0xff}},
		ByName: map[string][]byte{"": {}, "x": {0}}, ByNumber: map[uint64]*shapesv1.Legacy_Inner{math.MaxUint64: {}},
		ByTruth: map[bool]shapesv1.Colour{false: 1}, Weights: map[string]float64{"zero": math.Copysign(0, -1), "none": math.NaN()},
		Choice:   &shapesv1.Legacy_Picked_{Picked: &shapesv1.Legacy_Picked{Text: proto.String("it")}},
		Extended: extended(t), Extendeds: []*shapesv1.Extended{{}, extended(t)},
		ExtendedByName: map[string]*shapesv1.Extended{"x": extended(t)},
	}, 999, "later")
}

func opaque() *shapesv1.Opaque {
	inner := shapesv1.Opaque_Inner_builder{Text: proto.String(""), Inner: []*shapesv1.Opaque_Inner{{}}}.Build()
	return withUnknown(shapesv1.Opaque_builder{
		Name: proto.String(""), Count: proto.Int64(0), Data: []byte{}, Texts: []string{"", "x"}, Numbers: []int32{-1, 0},
		Blobs: [][]byte{{}, {0xff}}, Inner: inner, Inners: []*shapesv1.Opaque_Inner{{}, inner},
		ByName: map[string]string{"": ""}, ByNumber: map[int64]*shapesv1.Opaque_Inner{-1: inner},
		Chosen: inner, Flavour: shapesv1.Flavour(77).Enum(), Flavours: []shapesv1.Flavour{0, 78}, On: proto.Bool(false), Group: inner,
		Late: lazyOne(),
	}.Build(), 999, "later")
}

func lazyOne() *shapesv1.Late {
	inner := shapesv1.Opaque_Inner_builder{Text: proto.String("late"), Inner: []*shapesv1.Opaque_Inner{{}}}.Build()
	return shapesv1.Late_builder{One: withUnknown(inner, 88, "in what is decoded late"), Many: []*shapesv1.Opaque_Inner{{}, inner}}.Build()
}

// asItCame is an encoding of a Legacy that no encoder writes: fields in two parts and out of order,
// packed where it need not be, varints longer than they are, values of a closed enum that it
// does not have.
func asItCame() proto.Message {
	field := func(b []byte, n protowire.Number, v []byte) []byte {
		return protowire.AppendBytes(protowire.AppendTag(b, n, protowire.BytesType), v)
	}
	b := field(nil, 15, field(nil, 1, []byte("no value")))
	b = append(protowire.AppendTag(b, 6, protowire.VarintType), 0x81, 0x80, 0x00) // colour 1, in three bytes
	b = protowire.AppendVarint(protowire.AppendTag(b, 6, protowire.VarintType), 9)
	b = field(b, 7, []byte{1, 9, 2})
	b = field(b, 10, []byte{3, 4})
	b = protowire.AppendVarint(protowire.AppendTag(b, 10, protowire.VarintType), 5)
	b = field(b, 20, field(nil, 1, []byte("first")))
	b = field(b, 20, field(nil, 102, []byte("word")))
	b = field(b, 16, nil)
	b = field(b, 17, []byte("the last of a oneof counts"))
	b = field(b, 1, []byte("name"))
	m := &emptypb.Empty{}
	m.ProtoReflect().SetUnknown(field(b, 1, []byte("name again")))
	return m
}

// asUnknown is a message as one sees it who knows none of its fields.
func asUnknown(t *testing.T, m proto.Message) proto.Message {
	t.Helper()
	b, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	out := &emptypb.Empty{}
	out.ProtoReflect().SetUnknown(b)
	return out
}

// scribble overwrites a message and what lies within it.
func scribble(m protoreflect.Message) {
	m.Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case fd.IsMap():
			v.Map().Range(func(k protoreflect.MapKey, v protoreflect.Value) bool {
				over(v)
				return true
			})
		case fd.IsList():
			for i := range v.List().Len() {
				over(v.List().Get(i))
			}
			v.List().Truncate(0)
		default:
			over(v)
		}
		m.Clear(fd)
		return true
	})
	over(protoreflect.ValueOfBytes(m.GetUnknown()))
}

func over(v protoreflect.Value) {
	switch v := v.Interface().(type) {
	case protoreflect.Message:
		scribble(v)
	case []byte:
		for i := range v {
			v[i] = 0x55
		}
	}
}

// A reply equals what the origin sent, in each way that a cache has to answer, for each
// sort of message that there is; compressed or not, a caller's own or shared.
func TestRepliesAreEqual(t *testing.T) {
	product := withUnknown(&testv1.Product{Id: "1", Extra: packed(t, &testv1.Product{
		Extra: packed(t, legacy(t)), Notes: map[string]string{"a": "b", "c": "d"},
	})}, 2047, "later")
	for _, tt := range []struct {
		name string
		sent proto.Message
		as   proto.Message // the caller's type; nil: the sent one
	}{
		{name: "empty", sent: &testv1.GetProductResponse{}},
		{name: "proto3", sent: &testv1.GetProductResponse{Product: product, Serial: math.MinInt64}},
		{name: "Any in Any", sent: product.GetExtra()},
		{name: "Any of a type that nobody has", sent: &testv1.Product{Extra: &anypb.Any{TypeUrl: "example.com/none.Such", Value: []byte{0xff, 0xff}}}},
		{name: "proto2", sent: legacy(t)},
		{name: "as no encoder writes it", sent: asItCame(), as: &shapesv1.Legacy{}},
		{name: "extensions", sent: extended(t)},
		{name: "required", sent: &descriptorpb.UninterpretedOption_NamePart{NamePart: proto.String(""), IsExtension: proto.Bool(false)}},
		{name: "editions and the opaque API", sent: opaque()},
		{name: "lazy", sent: lazyOne()},
		{name: "large", sent: &testv1.ListProductsResponse{Products: []*testv1.Product{{Picture: bytes.Repeat([]byte("large "), 30_000)}, {Name: strings.Repeat("ü", 3000)}}}},
		{name: "recursive", sent: packed(t, nested(90))},
		{name: "deep", sent: nested(90)},
		{name: "all fields unknown", sent: asUnknown(t, legacy(t))},
		{name: "dynamic", sent: opaque(), as: dynamicpb.NewMessage((&shapesv1.Opaque{}).ProtoReflect().Descriptor())},
	} {
		for _, how := range []struct {
			name string
			rule string
			opts []grpc.CallOption
		}{
			{"owned", "", nil},
			{"owned, compressed", "", []grpc.CallOption{grpc.UseCompressor(gzip.Name)}},
			{"shared", "shared_reply: true", nil},
		} {
			t.Run(tt.name+"/"+how.name, func(t *testing.T) {
				inBubble(t, func(t *testing.T) {
					as := tt.as
					if as == nil {
						as = tt.sent
					}
					fresh := func() proto.Message { return as.ProtoReflect().New().Interface() }
					body, err := proto.Marshal(tt.sent)
					if err != nil {
						t.Fatal(err)
					}
					want := fresh()
					if err := proto.Unmarshal(body, want); err != nil {
						t.Fatal(err)
					}
					wire, err := proto.MarshalOptions{Deterministic: true}.Marshal(want)
					if err != nil {
						t.Fatal(err)
					}
					s := newShapes(t, tt.sent, as.ProtoReflect().Descriptor(), how.rule, how.opts...)
					var mu sync.Mutex
					decoded := s.inEachWay(fresh, func(way string, got proto.Message) {
						mu.Lock()
						defer mu.Unlock()
						if !proto.Equal(got, want) {
							t.Errorf("%s: got %v, want %v", way, got, want)
						}
						if again, err := (proto.MarshalOptions{Deterministic: true}).Marshal(got); err != nil || !bytes.Equal(again, wire) {
							t.Errorf("%s: encoded again it is %x, %v, want %x", way, again, err, wire)
						}
						if how.rule == "" {
							scribble(got.ProtoReflect())
						}
					})
					if decoded == 0 {
						t.Error("no hit was from the decoded tier")
					}
				})
			})
		}
	}
}

// nested is a value with others in it, to a depth.
func nested(depth int) *structpb.Value {
	v := structpb.NewNullValue()
	for range depth {
		v = structpb.NewListValue(&structpb.ListValue{Values: []*structpb.Value{v}})
	}
	return v
}

// Callers of one method whose messages are of different types each get theirs.
func TestRepliesInOtherTypes(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		sent := opaque()
		body, err := proto.MarshalOptions{Deterministic: true}.Marshal(sent)
		if err != nil {
			t.Fatal(err)
		}
		s := newShapes(t, asUnknown(t, sent), sent.ProtoReflect().Descriptor(), "")
		types := []proto.Message{&shapesv1.Opaque{}, dynamicpb.NewMessage(sent.ProtoReflect().Descriptor()), &emptypb.Empty{}}
		for i := range 20 {
			got := types[i%len(types)].ProtoReflect().New().Interface()
			want := got.ProtoReflect().New().Interface()
			if err := proto.Unmarshal(body, want); err != nil {
				t.Fatal(err)
			}
			s.ask(got)
			if !proto.Equal(got, want) {
				t.Errorf("call %d: got %v, want %v", i, got, want)
			}
		}
		if n := s.cache.Stats().Hits; n != 19 {
			t.Errorf("got %d hits, want 19", n)
		}
	})
}

// The items of a batch equal the origin's, whichever of them were stored.
func TestItemsAreEqual(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r, _ := batched(t, batchRule)
		extra := packed(t, legacy(t)) // once: its maps' order is any
		item := func(id string) *testv1.Product {
			return withUnknown(&testv1.Product{
				Id: id, Extra: proto.CloneOf(extra), Picture: []byte{}, SoldOut: proto.Bool(false), Size: &testv1.Product_Letter{},
				Notes: map[string]string{"": id}, Parts: []*testv1.Product_Part{{}, withUnknown(&testv1.Product_Part{Count: 1}, 77, id)},
			}, 2047, "of "+id)
		}
		r.shop.batch = func(_ context.Context, req *testv1.BatchGetProductsRequest) (*testv1.BatchGetProductsResponse, error) {
			out := &testv1.BatchGetProductsResponse{}
			for _, id := range req.GetIds() {
				out.Products = append(out.Products, item(id))
			}
			return out, nil
		}
		for _, ids := range [][]string{{"a"}, {"a"}, {"b", "a", "c"}, {"c", "b", "a"}, {"d", "a", "d", "a"}, {"d", "d"}} {
			for _, opts := range [][]grpc.CallOption{nil, {grpc.UseCompressor(gzip.Name)}} {
				want := &testv1.BatchGetProductsResponse{}
				for _, id := range ids {
					want.Products = append(want.Products, item(id))
				}
				got, err := r.client.BatchGetProducts(t.Context(), &testv1.BatchGetProductsRequest{Ids: ids}, opts...)
				if err != nil {
					t.Fatal(err)
				}
				if !proto.Equal(got, want) {
					t.Errorf("%v: got %v, want %v", ids, got, want)
				}
				scribble(got.ProtoReflect())
			}
		}
		if s := r.cache.Stats(); s.Hits != 9 || s.OriginCalls != 3 {
			t.Errorf("got %+v", s)
		}
	})
}
