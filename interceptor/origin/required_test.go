package origin_test

import (
	"context"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/freshet-io/freshet/cachepolicy/wire"
	"github.com/freshet-io/freshet/interceptor/origin"
)

const readOld = "/freshet.test.old.Old/Read"

// registerOld registers a service of old: its reply has required fields, without
// which there is no message of it.
func registerOld(t *testing.T) {
	t.Helper()
	if _, err := protoregistry.GlobalFiles.FindFileByPath("freshet/test/old.proto"); err == nil {
		return // -count
	}
	file, err := protodesc.NewFile(&descriptorpb.FileDescriptorProto{
		Name: proto.String("freshet/test/old.proto"), Package: proto.String("freshet.test.old"), Syntax: proto.String("proto2"),
		Dependency: []string{"google/protobuf/descriptor.proto", "google/protobuf/empty.proto"},
		Service: []*descriptorpb.ServiceDescriptorProto{{Name: proto.String("Old"), Method: []*descriptorpb.MethodDescriptorProto{{
			Name: proto.String("Read"), InputType: proto.String(".google.protobuf.Empty"), OutputType: proto.String(".google.protobuf.UninterpretedOption.NamePart"),
			Options: &descriptorpb.MethodOptions{IdempotencyLevel: descriptorpb.MethodOptions_NO_SIDE_EFFECTS.Enum()},
		}}}},
	}, protoregistry.GlobalFiles)
	if err != nil {
		t.Fatal(err)
	}
	if err := protoregistry.GlobalFiles.RegisterFile(file); err != nil {
		t.Fatal(err)
	}
}

// A reply without which there is no message is sent, whoever has it.
func TestRequiredFields(t *testing.T) {
	registerOld(t)
	for name, f := range map[string]func(context.Context) bool{
		"SetETag":     func(ctx context.Context) bool { return origin.SetETag(ctx, `"v1"`) != nil },
		"NotModified": func(ctx context.Context) bool { return origin.NotModified(ctx, `"v1"`) },
	} {
		t.Run(name, func(t *testing.T) {
			o, _ := newOrigin(t)
			handler := func(srv any, ctx context.Context, dec func(any) error, interceptor grpc.UnaryServerInterceptor) (any, error) {
				in := &emptypb.Empty{}
				if err := dec(in); err != nil {
					return nil, err
				}
				return interceptor(ctx, in, &grpc.UnaryServerInfo{Server: srv, FullMethod: readOld}, func(ctx context.Context, _ any) (any, error) {
					if f(ctx) {
						t.Error("the handler is told that it need not work, or that it has no tag")
					}
					return &descriptorpb.UninterpretedOption_NamePart{NamePart: proto.String("x"), IsExtension: proto.Bool(true)}, nil
				})
			}
			conn := dialAny(t, serveAny(t, func(r grpc.ServiceRegistrar) {
				r.RegisterService(&grpc.ServiceDesc{
					ServiceName: "freshet.test.old.Old",
					Methods:     []grpc.MethodDesc{{MethodName: "Read", Handler: handler}},
				}, nil)
			}, o.ServerOptions()...), "old")
			out := &descriptorpb.UninterpretedOption_NamePart{}
			var header metadata.MD
			ctx := metadata.AppendToOutgoingContext(t.Context(), wire.KeyIfNoneMatch, `"v1"`)
			if err := conn.Invoke(ctx, readOld, &emptypb.Empty{}, out, grpc.Header(&header)); err != nil {
				t.Fatal(err)
			}
			got := heardIn(header, nil, out)
			if out.GetNamePart() != "x" || got.ETag != `"v1"` || got.NotModified != "" {
				t.Errorf("got %v with %+v, want the whole reply and its tag", out, got)
			}
		})
	}
}
