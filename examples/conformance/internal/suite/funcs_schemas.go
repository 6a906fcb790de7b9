package suite

import (
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/freshet-io/freshet/examples/conformance/internal/script"
	"github.com/freshet-io/freshet/examples/conformance/internal/stage"
	"github.com/freshet-io/freshet/examples/conformance/internal/subject"
	shapesv1 "github.com/freshet-io/freshet/proto/freshet/test/shapes/v1"
	testv1 "github.com/freshet-io/freshet/proto/freshet/test/v1"
)

// shapes are messages of each sort that protobuf has, by the method that answers
// with one.
var shapes = map[string]proto.Message{
	"GetLegacy":   &shapesv1.Legacy{},
	"GetExtended": &shapesv1.Extended{},
	"GetOpaque":   &shapesv1.Opaque{},
	"GetLate":     &shapesv1.Late{},
	"GetOpen":     &testv1.ListProductsResponse{},
}

// shapesService is what serves them: made here, since the messages are for tests
// that need no service.
const shapesService = "/freshet.conformance.v1.Shapes/"

// schemas gets each shape twice and a third time as a dynamic message.
func schemas(t *testing.T, s subject.Subject, c *script.Case) error {
	files, err := withShapes()
	if err != nil {
		return &stage.Fault{Kind: "Setup", Text: err.Error()}
	}
	scene := c.Scene
	scene.Methods = map[string]map[string]any{}
	for name := range shapes {
		scene.Methods[shapesService+name] = map[string]any{"cache": map[string]any{"max_age": "60s", "scope": "PUBLIC"}}
	}
	var asked atomic.Int64
	answer := func(_ any, stream grpc.ServerStream) error {
		asked.Add(1)
		method, _ := grpc.MethodFromServerStream(stream)
		if err := stream.RecvMsg(&testv1.PeekRequest{}); err != nil {
			return err
		}
		return stream.SendMsg(filled(shapes[strings.TrimPrefix(method, shapesService)]))
	}
	return within(t, s, scene, stage.Options{Files: files, Unknown: answer}, func(st *stage.Stage) {
		for name, shape := range shapes {
			r, want := shape.ProtoReflect(), filled(shape)
			for i, got := range []proto.Message{r.New().Interface(), r.New().Interface(), dynamicpb.NewMessage(r.Descriptor())} {
				if err := st.Invoke(shapesService+name, &testv1.PeekRequest{Id: "1"}, got); err != nil {
					st.Failf("%s: call %d failed: %v", name, i+1, err)
				}
				if !proto.Equal(got, want) {
					st.Failf("%s: reply %d is %v, want %v", name, i+1, got, want)
				}
			}
		}
		if n := asked.Load(); n != int64(len(shapes)) {
			st.Failf("%d calls reached the origin, want %d", n, len(shapes))
		}
	})
}

func filled(shape proto.Message) proto.Message {
	m := shape.ProtoReflect().New().Interface()
	stage.Fill(m, 1, 3)
	return m
}

// withShapes returns the linked-in descriptors and one of the service.
func withShapes() (*protoregistry.Files, error) {
	files := &protoregistry.Files{}
	var err error
	protoregistry.GlobalFiles.RangeFiles(func(fd protoreflect.FileDescriptor) bool {
		err = files.RegisterFile(fd)
		return err == nil
	})
	if err != nil {
		return nil, err
	}
	service := &descriptorpb.ServiceDescriptorProto{Name: proto.String("Shapes")}
	imports := map[string]bool{(&testv1.PeekRequest{}).ProtoReflect().Descriptor().ParentFile().Path(): true}
	safe := descriptorpb.MethodOptions_NO_SIDE_EFFECTS
	for name, shape := range shapes {
		d := shape.ProtoReflect().Descriptor()
		imports[d.ParentFile().Path()] = true
		service.Method = append(service.Method, &descriptorpb.MethodDescriptorProto{
			Name: &name, InputType: proto.String(".freshet.test.v1.PeekRequest"), OutputType: proto.String("." + string(d.FullName())),
			Options: &descriptorpb.MethodOptions{IdempotencyLevel: &safe},
		})
	}
	fd, err := protodesc.NewFile(&descriptorpb.FileDescriptorProto{
		Name: proto.String("freshet/conformance/v1/shapes.proto"), Package: proto.String("freshet.conformance.v1"),
		Syntax: proto.String("proto3"), Dependency: slices.Sorted(maps.Keys(imports)),
		Service: []*descriptorpb.ServiceDescriptorProto{service},
	}, files)
	if err != nil {
		return nil, err
	}
	return files, files.RegisterFile(fd)
}
