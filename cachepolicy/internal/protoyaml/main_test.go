package protoyaml_test

import (
	"testing"

	"go.uber.org/goleak"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
	_ "google.golang.org/protobuf/types/known/anypb"
	_ "google.golang.org/protobuf/types/known/durationpb"
	_ "google.golang.org/protobuf/types/known/structpb"
	_ "google.golang.org/protobuf/types/known/timestamppb"
	_ "google.golang.org/protobuf/types/known/wrapperspb"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// everything declares a message with a field of each type.
const everything = `
name: "everything.proto" package: "test" syntax: "proto3"
dependency: ["google/protobuf/any.proto", "google/protobuf/duration.proto", "google/protobuf/struct.proto", "google/protobuf/timestamp.proto", "google/protobuf/wrappers.proto"]
enum_type { name: "Color" value { name: "NONE" number: 0 } value { name: "RED" number: 1 } value { name: "DARK_RED" number: -7 } }
message_type {
  name: "All"
  field { name: "a_bool" number: 1 type: TYPE_BOOL label: LABEL_OPTIONAL }
  field { name: "an_int32" number: 2 type: TYPE_INT32 label: LABEL_OPTIONAL }
  field { name: "a_sint64" number: 3 type: TYPE_SINT64 label: LABEL_OPTIONAL }
  field { name: "a_uint32" number: 4 type: TYPE_UINT32 label: LABEL_OPTIONAL }
  field { name: "a_fixed64" number: 5 type: TYPE_FIXED64 label: LABEL_OPTIONAL }
  field { name: "a_float" number: 6 type: TYPE_FLOAT label: LABEL_OPTIONAL }
  field { name: "a_double" number: 7 type: TYPE_DOUBLE label: LABEL_OPTIONAL }
  field { name: "a_string" number: 8 type: TYPE_STRING label: LABEL_OPTIONAL }
  field { name: "some_bytes" number: 9 type: TYPE_BYTES label: LABEL_OPTIONAL }
  field { name: "a_color" number: 10 type: TYPE_ENUM type_name: ".test.Color" label: LABEL_OPTIONAL }
  field { name: "numbers" number: 11 type: TYPE_INT32 label: LABEL_REPEATED }
  field { name: "all" number: 12 type: TYPE_MESSAGE type_name: ".test.All" label: LABEL_OPTIONAL }
  field { name: "alls" number: 13 type: TYPE_MESSAGE type_name: ".test.All" label: LABEL_REPEATED }
  field { name: "a_map" number: 14 type: TYPE_MESSAGE type_name: ".test.All.AMapEntry" label: LABEL_REPEATED }
  field { name: "an_any" number: 15 type: TYPE_MESSAGE type_name: ".google.protobuf.Any" label: LABEL_OPTIONAL }
  field { name: "a_duration" number: 16 type: TYPE_MESSAGE type_name: ".google.protobuf.Duration" label: LABEL_OPTIONAL }
  field { name: "durations" number: 17 type: TYPE_MESSAGE type_name: ".google.protobuf.Duration" label: LABEL_REPEATED }
  field { name: "a_time" number: 18 type: TYPE_MESSAGE type_name: ".google.protobuf.Timestamp" label: LABEL_OPTIONAL }
  field { name: "a_struct" number: 19 type: TYPE_MESSAGE type_name: ".google.protobuf.Struct" label: LABEL_OPTIONAL }
  field { name: "wrapped" number: 20 type: TYPE_MESSAGE type_name: ".google.protobuf.Int32Value" label: LABEL_OPTIONAL }
  field { name: "left" number: 21 type: TYPE_STRING label: LABEL_OPTIONAL oneof_index: 0 }
  field { name: "right" number: 22 type: TYPE_STRING label: LABEL_OPTIONAL oneof_index: 0 }
  field { name: "maybe" number: 23 type: TYPE_INT32 label: LABEL_OPTIONAL proto3_optional: true oneof_index: 1 }
  field { name: "a_uint64" number: 24 type: TYPE_UINT64 label: LABEL_OPTIONAL }
  field { name: "colors" number: 25 type: TYPE_ENUM type_name: ".test.Color" label: LABEL_REPEATED }
  oneof_decl { name: "side" }
  oneof_decl { name: "_maybe" }
  nested_type {
    name: "AMapEntry" options { map_entry: true }
    field { name: "key" number: 1 type: TYPE_STRING label: LABEL_OPTIONAL }
    field { name: "value" number: 2 type: TYPE_STRING label: LABEL_OPTIONAL }
  }
}`

var allType = func() protoreflect.MessageType {
	var file descriptorpb.FileDescriptorProto
	if err := prototext.Unmarshal([]byte(everything), &file); err != nil {
		panic(err)
	}
	fd, err := protodesc.NewFile(&file, protoregistry.GlobalFiles)
	if err != nil {
		panic(err)
	}
	return dynamicpb.NewMessageType(fd.Messages().ByName("All"))
}()

// newAll returns an empty test.All.
func newAll() proto.Message { return allType.New().Interface() }

// wantAll returns the test.All that prototext describes.
func wantAll(t *testing.T, text string) proto.Message {
	t.Helper()
	m := newAll()
	if err := prototext.Unmarshal([]byte(text), m); err != nil {
		t.Fatal(err)
	}
	return m
}
