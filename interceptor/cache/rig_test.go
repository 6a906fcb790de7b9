package cache_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/proto"

	"github.com/freshet-io/freshet/interceptor/cache"
	testv1 "github.com/freshet-io/freshet/proto/freshet/test/v1"
)

// shop is a scripted origin. Each handler may be replaced by a test; the
// default ones answer at once with the number of calls that the origin has had,
// so that a reply tells whether it came from the store.
type shop struct {
	testv1.UnimplementedShopServer
	calls      atomic.Int64
	getProduct func(context.Context, *testv1.GetProductRequest) (*testv1.GetProductResponse, error)
	getBasket  func(context.Context, *testv1.GetBasketRequest) (*testv1.GetBasketResponse, error)
	batch      func(context.Context, *testv1.BatchGetProductsRequest) (*testv1.BatchGetProductsResponse, error)
	list       func(context.Context, *testv1.ListProductsRequest) (*testv1.ListProductsResponse, error)
	update     func(context.Context, *testv1.UpdateProductRequest) (*testv1.UpdateProductResponse, error)
	create     func(context.Context, *testv1.CreateProductRequest) (*testv1.CreateProductResponse, error)
	restock    func(*testv1.RestockRequest, grpc.ServerStreamingServer[testv1.RestockResponse]) error
	chat       func(grpc.BidiStreamingServer[testv1.ChatRequest, testv1.ChatResponse]) error
	// said is response metadata that every unary reply carries, trailed likewise
	// in the trailer.
	said, trailed metadata.MD
}

func (s *shop) count(ctx context.Context) int64 {
	if s.said != nil {
		_ = grpc.SetHeader(ctx, s.said)
	}
	if s.trailed != nil {
		_ = grpc.SetTrailer(ctx, s.trailed)
	}
	return s.calls.Add(1)
}

func (s *shop) GetProduct(ctx context.Context, req *testv1.GetProductRequest) (*testv1.GetProductResponse, error) {
	n := s.count(ctx)
	if s.getProduct != nil {
		return s.getProduct(ctx, req)
	}
	return &testv1.GetProductResponse{Serial: n, Product: &testv1.Product{Id: req.GetId(), Tags: []string{"a", "b"}}}, nil
}

func (s *shop) GetBasket(ctx context.Context, req *testv1.GetBasketRequest) (*testv1.GetBasketResponse, error) {
	n := s.count(ctx)
	if s.getBasket != nil {
		return s.getBasket(ctx, req)
	}
	who := metadata.ValueFromIncomingContext(ctx, "authorization")
	owner := ""
	if len(who) > 0 {
		owner = who[0]
	}
	return &testv1.GetBasketResponse{Serial: n, Owner: owner}, nil
}

func (s *shop) ListProducts(ctx context.Context, req *testv1.ListProductsRequest) (*testv1.ListProductsResponse, error) {
	n := s.count(ctx)
	if s.list != nil {
		return s.list(ctx, req)
	}
	return &testv1.ListProductsResponse{Serial: n, Products: []*testv1.Product{{Id: "1"}, {Id: "2"}}}, nil
}

func (s *shop) BatchGetProducts(ctx context.Context, req *testv1.BatchGetProductsRequest) (*testv1.BatchGetProductsResponse, error) {
	n := s.count(ctx)
	if s.batch != nil {
		return s.batch(ctx, req)
	}
	out := &testv1.BatchGetProductsResponse{}
	for _, id := range req.GetIds() {
		out.Products = append(out.Products, &testv1.Product{Id: id, Price: n})
	}
	return out, nil
}

func (s *shop) GetQuote(ctx context.Context, _ *testv1.GetQuoteRequest) (*testv1.GetQuoteResponse, error) {
	return &testv1.GetQuoteResponse{Serial: s.count(ctx)}, nil
}

func (s *shop) Peek(ctx context.Context, _ *testv1.PeekRequest) (*testv1.PeekResponse, error) {
	return &testv1.PeekResponse{Serial: s.count(ctx)}, nil
}

func (s *shop) Touch(ctx context.Context, _ *testv1.TouchRequest) (*testv1.TouchResponse, error) {
	return &testv1.TouchResponse{Serial: s.count(ctx)}, nil
}

func (s *shop) UpdateProduct(ctx context.Context, req *testv1.UpdateProductRequest) (*testv1.UpdateProductResponse, error) {
	n := s.count(ctx)
	if s.update != nil {
		return s.update(ctx, req)
	}
	return &testv1.UpdateProductResponse{Serial: n}, nil
}

func (s *shop) CreateProduct(ctx context.Context, req *testv1.CreateProductRequest) (*testv1.CreateProductResponse, error) {
	s.count(ctx)
	if s.create != nil {
		return s.create(ctx, req)
	}
	return &testv1.CreateProductResponse{Product: &testv1.Product{Id: req.GetName()}}, nil
}

func (s *shop) Restock(req *testv1.RestockRequest, stream grpc.ServerStreamingServer[testv1.RestockResponse]) error {
	stream.SetTrailer(s.trailed)
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
			return stream.SendAndClose(out)
		}
		if err != nil {
			return err
		}
		out.Ids = append(out.Ids, req.GetProduct().GetId())
	}
}

func (s *shop) Chat(stream grpc.BidiStreamingServer[testv1.ChatRequest, testv1.ChatResponse]) error {
	if s.chat != nil {
		return s.chat(stream)
	}
	stream.SetTrailer(s.trailed)
	for {
		req, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := stream.Send(&testv1.ChatResponse{Text: req.GetText()}); err != nil {
			return err
		}
	}
}

func (s *shop) Watch(_ *testv1.WatchRequest, stream grpc.ServerStreamingServer[testv1.WatchResponse]) error {
	stream.SetTrailer(s.trailed)
	return stream.Send(&testv1.WatchResponse{Serial: s.calls.Add(1)})
}

// rig is a cache between a client and a shop.
type rig struct {
	t        *testing.T
	shop     *shop
	cache    *cache.Cache
	client   testv1.ShopClient
	conn     *grpc.ClientConn
	server   *grpc.Server
	listener *bufconn.Listener
}

func newRig(t *testing.T, opts ...cache.Option) *rig {
	t.Helper()
	opts = append([]cache.Option{cache.WithLogger(slog.New(slog.DiscardHandler)), cache.WithMaxBytes(1 << 20)}, opts...)
	c, err := cache.New(opts...)
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, shop: &shop{}, cache: c}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	r.server, r.listener = serve(t, r.shop)
	r.conn = dial(t, r.listener, "shop", c.DialOptions()...)
	r.client = testv1.NewShopClient(r.conn)
	return r
}

func serve(t *testing.T, s *shop) (*grpc.Server, *bufconn.Listener) {
	t.Helper()
	lis := bufconn.Listen(1 << 20)
	server := grpc.NewServer()
	testv1.RegisterShopServer(server, s)
	go func() { _ = server.Serve(lis) }()
	t.Cleanup(server.Stop)
	return server, lis
}

func dial(t *testing.T, lis *bufconn.Listener, name string, opts ...grpc.DialOption) *grpc.ClientConn {
	t.Helper()
	opts = append([]grpc.DialOption{
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return lis.DialContext(ctx) }),
	}, opts...)
	conn, err := grpc.NewClient("passthrough:///"+name, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// get asks for a product and returns the reply's serial with the outcome.
func (r *rig) get(id string, opts ...grpc.CallOption) (int64, cache.Outcome) {
	r.t.Helper()
	serial, out, err := r.tryGet(context.Background(), id, opts...)
	if err != nil {
		r.t.Fatalf("GetProduct(%q): %v", id, err)
	}
	return serial, out
}

func (r *rig) tryGet(ctx context.Context, id string, opts ...grpc.CallOption) (int64, cache.Outcome, error) {
	var out cache.Outcome
	resp, err := r.client.GetProduct(ctx, &testv1.GetProductRequest{Id: id}, append(opts, cache.Report(&out))...)
	return resp.GetSerial(), out, err
}

// want asks for a product and checks how it was answered.
func (r *rig) want(id string, result cache.Result, serial int64, opts ...grpc.CallOption) {
	r.t.Helper()
	got, out := r.get(id, opts...)
	if out.Result != result || got != serial {
		r.t.Errorf("GetProduct(%q): got %v with serial %d (%s), want %v with %d", id, out.Result, got, out.CacheStatus, result, serial)
	}
}

// inBubble runs a test in virtual time.
func inBubble(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, f)
}

// pass lets virtual time pass.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// take is how a handler takes its time: only a test waits for all others.
func take(d time.Duration) { <-time.After(d) }

func equal(t *testing.T, got, want proto.Message) {
	t.Helper()
	if !proto.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func contains(s, part string) bool { return strings.Contains(s, part) }

// constantly is an origin that always says the same.
func constantly(reply *testv1.GetProductResponse) func(context.Context, *testv1.GetProductRequest) (*testv1.GetProductResponse, error) {
	return func(context.Context, *testv1.GetProductRequest) (*testv1.GetProductResponse, error) {
		return proto.Clone(reply).(*testv1.GetProductResponse), nil //nolint:forcetypeassert // a clone
	}
}
