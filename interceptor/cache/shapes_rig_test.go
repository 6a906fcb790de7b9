package cache_test

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/freshet-io/freshet/cachepolicy"
	"github.com/freshet-io/freshet/interceptor/cache"
)

// shapesMethod is of a service that is in no .proto file: its reply is a message of the
// type that it is registered for.
const shapesMethod = "/freshet.test.shapes.Shapes/Get"

// shapesPolicy is the method's, with a reply of the given type.
func shapesPolicy(t *testing.T, reply protoreflect.MessageDescriptor, rule string) *cachepolicy.Set {
	t.Helper()
	file, err := protodesc.NewFile(&descriptorpb.FileDescriptorProto{
		Name: proto.String("freshet/test/shapes.proto"), Package: proto.String("freshet.test.shapes"), Syntax: proto.String("proto3"),
		Dependency: []string{"google/protobuf/wrappers.proto", reply.ParentFile().Path()},
		Service: []*descriptorpb.ServiceDescriptorProto{{Name: proto.String("Shapes"), Method: []*descriptorpb.MethodDescriptorProto{{
			Name: proto.String("Get"), InputType: proto.String(".google.protobuf.StringValue"), OutputType: proto.String("." + string(reply.FullName())),
			Options: &descriptorpb.MethodOptions{IdempotencyLevel: descriptorpb.MethodOptions_NO_SIDE_EFFECTS.Enum()},
		}}}},
	}, protoregistry.GlobalFiles)
	if err != nil {
		t.Fatal(err)
	}
	files := &protoregistry.Files{}
	if err := files.RegisterFile(file); err != nil {
		t.Fatal(err)
	}
	set, err := cachepolicy.ParseFor(files, "shapes.yaml", fmt.Appendf(nil, "methods: [{method: %s, policy: {cache: {scope: PUBLIC, groups: [all], max_age: 60s, stale_if_error: 600s, %s}}}]", shapesMethod, rule))
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// shapes is an origin of one message, with an etag, and a client of it with a cache.
type shapes struct {
	t     *testing.T
	cache *cache.Cache
	conn  *grpc.ClientConn
	sent  proto.Message
	down  bool
	takes time.Duration
}

func newShapes(t *testing.T, sent proto.Message, reply protoreflect.MessageDescriptor, rule string, opts ...grpc.CallOption) *shapes {
	t.Helper()
	c, err := cache.New(cache.WithLogger(slog.New(slog.DiscardHandler)), cache.WithMaxBytes(roomy), cache.WithoutAnnotations(),
		cache.WithPolicies(shapesPolicy(t, reply, rule)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	s := &shapes{t: t, cache: c, sent: sent}
	lis := bufconn.Listen(1 << 20)
	server := grpc.NewServer()
	server.RegisterService(&grpc.ServiceDesc{ServiceName: "freshet.test.shapes.Shapes", Methods: []grpc.MethodDesc{{MethodName: "Get",
		Handler: func(_ any, ctx context.Context, dec func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
			return s.get(ctx, dec)
		}}}}, nil)
	go func() { _ = server.Serve(lis) }()
	t.Cleanup(server.Stop)
	s.conn = dial(t, lis, "shapes", append(c.DialOptions(), grpc.WithDefaultCallOptions(opts...))...)
	return s
}

func (s *shapes) get(ctx context.Context, dec func(any) error) (any, error) {
	if err := dec(&wrapperspb.StringValue{}); err != nil {
		return nil, err
	}
	if s.takes > 0 {
		take(s.takes)
	}
	if s.down {
		return nil, status.Error(codes.Unavailable, "down")
	}
	_ = grpc.SetHeader(ctx, metadata.Pairs("etag", `"v1"`))
	if len(metadata.ValueFromIncomingContext(ctx, "if-none-match")) > 0 && !s.required() {
		_ = grpc.SetHeader(ctx, metadata.Pairs("cache-not-modified", "1"))
		return s.sent.ProtoReflect().New().Interface(), nil
	}
	return s.sent, nil
}

// required reports whether no message of the type is empty: not-modified cannot be said.
func (s *shapes) required() bool {
	return s.sent.ProtoReflect().Descriptor().RequiredNumbers().Len() > 0
}

func (s *shapes) ask(reply proto.Message) cache.Outcome {
	s.t.Helper()
	var out cache.Outcome
	if err := s.conn.Invoke(s.t.Context(), shapesMethod, wrapperspb.String("it"), reply, cache.Report(&out)); err != nil {
		s.t.Fatal(err)
	}
	return out
}

// inEachWay asks for the message in each way that a cache has to answer, and shows f what came.
// It returns how many of the hits were from the decoded tier.
func (s *shapes) inEachWay(fresh func() proto.Message, f func(way string, got proto.Message)) (decoded uint64) {
	s.t.Helper()
	ask := func(way string, want cache.Result) {
		s.t.Helper()
		got := fresh()
		if out := s.ask(got); out.Result != want {
			s.t.Errorf("%s: got a %v (%s), want a %v", way, out.Result, out.CacheStatus, want)
		}
		f(way, got)
	}
	ask("from the origin", cache.Miss)
	for i := range 6 { // the first ones from bytes
		ask(fmt.Sprintf("hit %d", i+1), cache.Hit)
	}
	decoded = s.cache.Stats().DecodedHits
	pass(61 * time.Second)
	if s.required() {
		ask("replaced", cache.Miss)
	} else {
		ask("validated", cache.Validated)
	}
	ask("hit after that", cache.Hit)
	pass(61 * time.Second)
	s.down = true
	ask("stale", cache.Stale)
	s.down, s.takes = false, time.Second
	s.cache.Invalidate("all")
	var wg sync.WaitGroup
	for i := range 3 {
		wg.Go(func() {
			got := fresh()
			s.ask(got)
			f(fmt.Sprintf("collapsed %d", i), got)
		})
	}
	wg.Wait()
	if n := s.cache.Stats().Collapsed; n != 2 {
		s.t.Errorf("got %d collapsed calls, want 2", n)
	}
	return decoded
}
