package origin_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/test/bufconn"

	"github.com/freshet-io/freshet/cachepolicy/wire"
	"github.com/freshet-io/freshet/interceptor/origin"
	testv1 "github.com/freshet-io/freshet/proto/freshet/test/v1"
)

// shop is a scripted server. A method without a script answers at once.
type shop struct {
	testv1.UnimplementedShopServer
	get     func(context.Context, *testv1.GetProductRequest) (*testv1.GetProductResponse, error)
	basket  func(context.Context) error
	list    func(context.Context) (*testv1.ListProductsResponse, error)
	quote   func(context.Context) error
	peek    func(context.Context) error
	update  func(context.Context, *testv1.UpdateProductRequest) error
	create  func(context.Context) (*testv1.CreateProductResponse, error)
	touch   func(context.Context) error
	restock func(*testv1.RestockRequest, grpc.ServerStreamingServer[testv1.RestockResponse]) error
	chat    func(grpc.BidiStreamingServer[testv1.ChatRequest, testv1.ChatResponse]) error
	watch   func(grpc.ServerStreamingServer[testv1.WatchResponse]) error
	imports func(context.Context) error
}

func (s *shop) GetProduct(ctx context.Context, req *testv1.GetProductRequest) (*testv1.GetProductResponse, error) {
	if s.get != nil {
		return s.get(ctx, req)
	}
	return &testv1.GetProductResponse{}, nil
}

func (s *shop) GetBasket(ctx context.Context, _ *testv1.GetBasketRequest) (*testv1.GetBasketResponse, error) {
	return &testv1.GetBasketResponse{}, run(ctx, s.basket)
}

func (s *shop) ListProducts(ctx context.Context, _ *testv1.ListProductsRequest) (*testv1.ListProductsResponse, error) {
	if s.list != nil {
		return s.list(ctx)
	}
	return &testv1.ListProductsResponse{Products: []*testv1.Product{{Id: "1"}, {Id: "2"}}}, nil
}

func (s *shop) GetQuote(ctx context.Context, _ *testv1.GetQuoteRequest) (*testv1.GetQuoteResponse, error) {
	return &testv1.GetQuoteResponse{}, run(ctx, s.quote)
}

func (s *shop) Peek(ctx context.Context, _ *testv1.PeekRequest) (*testv1.PeekResponse, error) {
	return &testv1.PeekResponse{}, run(ctx, s.peek)
}

func (s *shop) UpdateProduct(ctx context.Context, req *testv1.UpdateProductRequest) (*testv1.UpdateProductResponse, error) {
	var err error
	if s.update != nil {
		err = s.update(ctx, req)
	}
	return &testv1.UpdateProductResponse{}, err
}

func (s *shop) CreateProduct(ctx context.Context, _ *testv1.CreateProductRequest) (*testv1.CreateProductResponse, error) {
	if s.create != nil {
		return s.create(ctx)
	}
	return &testv1.CreateProductResponse{Product: &testv1.Product{Id: "new"}}, nil
}

func (s *shop) Touch(ctx context.Context, _ *testv1.TouchRequest) (*testv1.TouchResponse, error) {
	return &testv1.TouchResponse{}, run(ctx, s.touch)
}

func (s *shop) Restock(req *testv1.RestockRequest, stream grpc.ServerStreamingServer[testv1.RestockResponse]) error {
	if s.restock != nil {
		return s.restock(req, stream)
	}
	for i := range req.GetSteps() {
		if err := stream.Send(&testv1.RestockResponse{Step: i}); err != nil {
			return err
		}
	}
	return nil
}

func (s *shop) Import(stream grpc.ClientStreamingServer[testv1.ImportRequest, testv1.ImportResponse]) error {
	out := &testv1.ImportResponse{}
	for {
		req, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		out.Ids = append(out.Ids, req.GetProduct().GetId())
	}
	if err := run(stream.Context(), s.imports); err != nil {
		return err
	}
	return stream.SendAndClose(out)
}

func (s *shop) Chat(stream grpc.BidiStreamingServer[testv1.ChatRequest, testv1.ChatResponse]) error {
	if s.chat != nil {
		return s.chat(stream)
	}
	return nil
}

func (s *shop) Watch(_ *testv1.WatchRequest, stream grpc.ServerStreamingServer[testv1.WatchResponse]) error {
	if s.watch != nil {
		return s.watch(stream)
	}
	return stream.Send(&testv1.WatchResponse{})
}

func run(ctx context.Context, f func(context.Context) error) error {
	if f == nil {
		return nil
	}
	return f(ctx)
}

// newOrigin returns an Origin and what it logs.
func newOrigin(t testing.TB, opts ...origin.Option) (*origin.Origin, *logged) {
	t.Helper()
	log := &logged{}
	o, err := origin.New(append([]origin.Option{origin.WithLogger(slog.New(slog.NewTextHandler(log, nil)))}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	return o, log
}

// logged is a log that can be read while it is written.
type logged struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

// count says how many lines contain text.
func (l *logged) count(text string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.b.String(), text)
}

// serve starts a server and returns where it listens.
func serve(t testing.TB, s *shop, opts ...grpc.ServerOption) *bufconn.Listener {
	t.Helper()
	return serveAny(t, func(r grpc.ServiceRegistrar) { testv1.RegisterShopServer(r, s) }, opts...)
}

func serveAny(t testing.TB, register func(grpc.ServiceRegistrar), opts ...grpc.ServerOption) *bufconn.Listener {
	t.Helper()
	lis := bufconn.Listen(1 << 20)
	server := grpc.NewServer(append(opts, grpc.WaitForHandlers(true))...)
	register(server)
	go func() { _ = server.Serve(lis) }()
	t.Cleanup(server.Stop)
	return lis
}

// dial connects to lis under a name: the target is passthrough:///name.
func dial(t testing.TB, lis *bufconn.Listener, name string, opts ...grpc.DialOption) testv1.ShopClient {
	t.Helper()
	return testv1.NewShopClient(dialAny(t, lis, name, opts...))
}

func dialAny(t testing.TB, lis *bufconn.Listener, name string, opts ...grpc.DialOption) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient("passthrough:///"+name, append([]grpc.DialOption{
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return lis.DialContext(ctx) }),
	}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// noDialer refuses every connection.
func noDialer(err error) func(context.Context, string) (net.Conn, error) {
	return func(context.Context, string) (net.Conn, error) { return nil, err }
}

// said is what a trailer says to caches.
type said struct{ CacheControl, Groups, Untrue string }

func saidIn(md metadata.MD) said {
	join := func(key string) string { return strings.Join(md[key], ", ") }
	return said{join(wire.KeyCacheControl), join(wire.KeyCacheGroups), join(wire.KeyCacheGroupInvalidation)}
}

func (want said) check(t *testing.T, trailer metadata.MD) {
	t.Helper()
	if d := cmp.Diff(want, saidIn(trailer)); d != "" {
		t.Errorf("trailer (-want +got):\n%s", d)
	}
}

// drain reads a stream to its end.
func drain[T any](stream grpc.ServerStreamingClient[T], err error) error {
	for err == nil {
		_, err = stream.Recv()
	}
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// take is how a handler takes its time, in a bubble.
func take(d time.Duration) { <-time.After(d) }
