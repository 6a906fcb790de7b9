package cachepolicy_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/freshet-io/freshet/cachepolicy"
	freshetv1 "github.com/freshet-io/freshet/proto/freshet/v1"
)

// rpc describes one method of the service odd.v1.Odd, which takes and
// returns an odd.v1.Message. No .proto file of the repository may hold what it can.
type rpc struct {
	name             string
	level            descriptorpb.MethodOptions_IdempotencyLevel
	policy           string // a MethodPolicy in text format; "" for no annotation
	raw              []byte // options as unknown bytes
	fromMany, toMany bool
}

const (
	safe       = descriptorpb.MethodOptions_NO_SIDE_EFFECTS
	idempotent = descriptorpb.MethodOptions_IDEMPOTENT
	unsafe     = descriptorpb.MethodOptions_IDEMPOTENCY_UNKNOWN
)

// scalars are the kinds that a template can render, by the name that fields are
// given after them.
var scalars = []string{
	"double", "float", "int64", "uint64", "int32", "fixed64", "fixed32", "bool", "string",
	"bytes", "uint32", "sfixed32", "sfixed64", "sint32", "sint64", "enum",
}

// odd builds a registry that holds odd.proto with the methods given.
func odd(t testing.TB, rpcs ...rpc) *protoregistry.Files {
	t.Helper()
	fd := oddFile()
	s := &descriptorpb.ServiceDescriptorProto{Name: proto.String("Odd")}
	for _, r := range rpcs {
		s.Method = append(s.Method, method(t, r))
	}
	fd.Service = append(fd.Service, s)
	return registry(t, fd)
}

func registry(t testing.TB, files ...*descriptorpb.FileDescriptorProto) *protoregistry.Files {
	t.Helper()
	reg := &protoregistry.Files{}
	for _, f := range files {
		fd, err := protodesc.NewFile(f, reg)
		if err != nil {
			t.Fatalf("the test's own schema: %v", err)
		}
		if err := reg.RegisterFile(fd); err != nil {
			t.Fatalf("the test's own schema: %v", err)
		}
	}
	return reg
}

func method(t testing.TB, r rpc) *descriptorpb.MethodDescriptorProto {
	t.Helper()
	o := &descriptorpb.MethodOptions{}
	if r.level != unsafe {
		o.IdempotencyLevel = r.level.Enum()
	}
	if r.policy != "" {
		mp := &freshetv1.MethodPolicy{}
		if err := prototext.Unmarshal([]byte(r.policy), mp); err != nil {
			t.Fatalf("the test's own policy: %v", err)
		}
		proto.SetExtension(o, freshetv1.E_Policy, mp)
	}
	o.ProtoReflect().SetUnknown(r.raw)
	return &descriptorpb.MethodDescriptorProto{
		Name: proto.String(r.name), Options: o,
		InputType: proto.String(".odd.v1.Message"), OutputType: proto.String(".odd.v1.Message"),
		ClientStreaming: proto.Bool(r.fromMany), ServerStreaming: proto.Bool(r.toMany),
	}
}

func oddFile() *descriptorpb.FileDescriptorProto {
	return &descriptorpb.FileDescriptorProto{
		Name: proto.String("odd.proto"), Package: proto.String("odd.v1"), Syntax: proto.String("proto3"),
		EnumType: []*descriptorpb.EnumDescriptorProto{{
			Name: proto.String("Color"),
			Value: []*descriptorpb.EnumValueDescriptorProto{
				{Name: proto.String("COLOR_UNSPECIFIED"), Number: proto.Int32(0)},
				{Name: proto.String("RED"), Number: proto.Int32(1)},
			},
		}},
		MessageType: []*descriptorpb.DescriptorProto{
			{Name: proto.String("Inner"), Field: []*descriptorpb.FieldDescriptorProto{
				field("name", 1, "string", ""), field("inner", 2, ".odd.v1.Inner", ""),
				field("inners", 3, ".odd.v1.Inner", "list"), field("words", 4, "string", "list"),
			}},
			{Name: proto.String("Message"), Field: oddFields(), NestedType: maps(), OneofDecl: oneofs()},
		},
	}
}

// oddFields are v_<kind>, l_<kind> (a list) and o_<kind> (optional) for every
// scalar, and what is no scalar.
func oddFields() []*descriptorpb.FieldDescriptorProto {
	var fs []*descriptorpb.FieldDescriptorProto
	for i, kind := range scalars {
		n := int32(i)
		f := field("o_"+kind, 201+n, kind, "")
		f.Proto3Optional, f.OneofIndex = proto.Bool(true), proto.Int32(n+1)
		fs = append(fs, field("v_"+kind, 1+n, kind, ""), field("l_"+kind, 101+n, kind, "list"), f)
	}
	either, or := field("either", 306, "string", ""), field("or", 307, "int32", "")
	either.OneofIndex, or.OneofIndex = proto.Int32(0), proto.Int32(0)
	return append(fs,
		field("inner", 301, ".odd.v1.Inner", ""), field("inners", 302, ".odd.v1.Inner", "list"),
		field("notes", 303, ".odd.v1.Message.NotesEntry", "list"), field("places", 304, ".odd.v1.Message.PlacesEntry", "list"),
		field("response", 305, ".odd.v1.Inner", ""), either, or)
}

func oneofs() []*descriptorpb.OneofDescriptorProto {
	all := []*descriptorpb.OneofDescriptorProto{{Name: proto.String("choice")}}
	for _, kind := range scalars {
		all = append(all, &descriptorpb.OneofDescriptorProto{Name: proto.String("_o_" + kind)})
	}
	return all
}

func maps() []*descriptorpb.DescriptorProto {
	entry := func(name, value string) *descriptorpb.DescriptorProto {
		return &descriptorpb.DescriptorProto{
			Name: proto.String(name), Options: &descriptorpb.MessageOptions{MapEntry: proto.Bool(true)},
			Field: []*descriptorpb.FieldDescriptorProto{field("key", 1, "string", ""), field("value", 2, value, "")},
		}
	}
	return []*descriptorpb.DescriptorProto{entry("NotesEntry", "string"), entry("PlacesEntry", ".odd.v1.Inner")}
}

func field(name string, number int32, kind, list string) *descriptorpb.FieldDescriptorProto {
	f := &descriptorpb.FieldDescriptorProto{
		Name: proto.String(name), Number: proto.Int32(number),
		Label: descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL.Enum(),
	}
	if list != "" {
		f.Label = descriptorpb.FieldDescriptorProto_LABEL_REPEATED.Enum()
	}
	switch {
	case kind[0] == '.':
		f.Type, f.TypeName = descriptorpb.FieldDescriptorProto_TYPE_MESSAGE.Enum(), proto.String(kind)
	case kind == "enum":
		f.Type, f.TypeName = descriptorpb.FieldDescriptorProto_TYPE_ENUM.Enum(), proto.String(".odd.v1.Color")
	default:
		for n, name := range descriptorpb.FieldDescriptorProto_Type_name {
			if name == "TYPE_"+strings.ToUpper(kind) {
				f.Type = descriptorpb.FieldDescriptorProto_Type(n).Enum()
			}
		}
	}
	return f
}

// message fills a message of the package odd.v1 from text format.
func message(t testing.TB, reg *protoregistry.Files, name protoreflect.FullName, text string) proto.Message {
	t.Helper()
	d, err := reg.FindDescriptorByName(name)
	if err != nil {
		t.Fatal(err)
	}
	m := dynamicpb.NewMessage(d.(protoreflect.MessageDescriptor))
	if err := prototext.Unmarshal([]byte(text), m); err != nil {
		t.Fatalf("the test's own message: %v", err)
	}
	return m
}

// oddMessage fills an odd.v1.Message.
func oddMessage(t testing.TB, reg *protoregistry.Files, text string) proto.Message {
	t.Helper()
	return message(t, reg, "odd.v1.Message", text)
}

// refusals takes an error apart into its faults, and fails the test for one that
// is not of RuleErrors alone or that errors.As cannot find them in.
func refusals(t testing.TB, err error) []cachepolicy.RuleError {
	t.Helper()
	if err == nil {
		return nil
	}
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		t.Fatalf("%T has no Unwrap() []error", err)
	}
	var all []cachepolicy.RuleError
	for _, e := range joined.Unwrap() {
		re := &cachepolicy.RuleError{}
		ok := errors.As(e, &re)
		if !ok {
			t.Fatalf("got a %T among the faults: %v", e, e)
		}
		if !strings.Contains(err.Error(), re.Error()) {
			t.Errorf("the error's text leaves out %q", re.Error())
		}
		all = append(all, *re)
	}
	var first *cachepolicy.RuleError
	if !errors.As(err, &first) || *first != all[0] {
		t.Errorf("errors.As found %v, want the first fault", first)
	}
	return all
}

// texts are the faults as the error prints them.
func texts(t testing.TB, err error) []string {
	t.Helper()
	var out []string
	for _, r := range refusals(t, err) {
		out = append(out, strings.TrimPrefix(r.Error(), "cachepolicy: "))
	}
	return out
}

func diff(t testing.TB, what string, got, want any, opts ...cmp.Option) {
	t.Helper()
	if d := cmp.Diff(want, got, opts...); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

// mustParse compiles a policy file that has to be sound.
func mustParse(t testing.TB, reg *protoregistry.Files, text string) *cachepolicy.Set {
	t.Helper()
	set, err := cachepolicy.ParseFor(reg, "policy.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// imposterSchema is a freshet.test.v1.UpdateProductRequest of another shape: a
// message that has the name, and a number where the product has its name.
func imposterSchema(t testing.TB) protoreflect.MessageDescriptor {
	t.Helper()
	reg := registry(t, &descriptorpb.FileDescriptorProto{
		Name: proto.String("imposter.proto"), Package: proto.String("freshet.test.v1"), Syntax: proto.String("proto3"),
		MessageType: []*descriptorpb.DescriptorProto{
			{Name: proto.String("Product"), Field: []*descriptorpb.FieldDescriptorProto{field("name", 2, "int64", "")}},
			{Name: proto.String("UpdateProductRequest"), Field: []*descriptorpb.FieldDescriptorProto{field("product", 1, ".freshet.test.v1.Product", "")}},
		},
	})
	d, err := reg.FindDescriptorByName("freshet.test.v1.UpdateProductRequest")
	if err != nil {
		t.Fatal(err)
	}
	return d.(protoreflect.MessageDescriptor)
}
