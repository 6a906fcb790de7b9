package stage

import (
	"context"
	"errors"
	"io"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"google.golang.org/genproto/googleapis/rpc/errdetails"

	"github.com/freshet-io/freshet/examples/conformance/internal/script"
	testv1 "github.com/freshet-io/freshet/proto/freshet/test/v1"
)

// shop is one backend.
type shop struct {
	testv1.UnimplementedShopServer
	origin  *ledger
	backend int
	say     func(context.Context, string) (notModified bool, err error)
}

// answer plays the scripted reply to a call: fill makes the message of it, which
// is left out of a reply that says not-modified.
func (s *shop) answer(ctx context.Context, method, id string, fill func(script.Reply, int64)) (err error) {
	rec, reply := s.origin.begin(ctx, method, id, s.backend)
	defer func() { s.origin.end(ctx, rec, status.Code(err)) }()
	switch {
	case reply.Hang:
		<-ctx.Done()
		return status.FromContextError(ctx.Err()).Err()
	case reply.Delay > 0:
		select {
		case <-time.After(reply.Delay.D()):
		case <-ctx.Done():
			return status.FromContextError(ctx.Err()).Err()
		}
	}
	header := pairs(reply.Header)
	unchanged := reply.Etag != "" && len(rec.md["if-none-match"]) > 0 && rec.md["if-none-match"][0] == reply.Etag
	if unchanged && reply.NotModified != nil {
		header = pairs(reply.NotModified)
	}
	if reply.Etag != "" {
		header.Append("etag", reply.Etag)
	}
	if unchanged {
		header.Set("cache-not-modified", "1")
	}
	for _, words := range reply.Say {
		same, err := s.say(ctx, words)
		if err != nil {
			return err
		}
		unchanged = unchanged || same
	}
	if len(header) > 0 {
		if err := grpc.SetHeader(ctx, header); err != nil {
			return err
		}
	}
	if err := grpc.SetTrailer(ctx, pairs(reply.Trailer)); err != nil {
		return err
	}
	if reply.Code != "" {
		return failure(reply)
	}
	if !unchanged {
		serial := rec.serial
		if reply.Unserialled {
			serial = 0
		}
		fill(reply, serial)
	}
	return nil
}

func failure(r script.Reply) error {
	st := status.New(parseCode(r.Code), "as scripted")
	if r.RetryDelay > 0 {
		if with, err := st.WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(r.RetryDelay.D())}); err == nil {
			st = with
		}
	}
	return st.Err()
}

// GetProduct answers with a product in full.
func (s *shop) GetProduct(ctx context.Context, req *testv1.GetProductRequest) (*testv1.GetProductResponse, error) {
	out := &testv1.GetProductResponse{}
	return out, s.answer(ctx, "GetProduct", req.GetId(), func(r script.Reply, serial int64) {
		out.Serial, out.Product = serial, Product(req.GetId(), r)
	})
}

// GetBasket answers with who asked.
func (s *shop) GetBasket(ctx context.Context, _ *testv1.GetBasketRequest) (*testv1.GetBasketResponse, error) {
	out := &testv1.GetBasketResponse{}
	return out, s.answer(ctx, "GetBasket", "", func(_ script.Reply, serial int64) {
		out.Serial = serial
		if who := metadata.ValueFromIncomingContext(ctx, "authorization"); len(who) > 0 {
			out.Owner = who[0]
		}
	})
}

// ListProducts answers with two products, or those of the script.
func (s *shop) ListProducts(ctx context.Context, req *testv1.ListProductsRequest) (*testv1.ListProductsResponse, error) {
	out := &testv1.ListProductsResponse{}
	return out, s.answer(ctx, "ListProducts", req.GetWord(), func(r script.Reply, serial int64) {
		out.Serial = serial
		ids := r.Items
		if ids == nil {
			ids = []string{"1", "2"}
		}
		for _, id := range ids {
			out.Products = append(out.Products, &testv1.Product{Id: id})
		}
	})
}

// BatchGetProducts answers with the products that it is asked for, or those of the
// script.
func (s *shop) BatchGetProducts(ctx context.Context, req *testv1.BatchGetProductsRequest) (*testv1.BatchGetProductsResponse, error) {
	out := &testv1.BatchGetProductsResponse{}
	return out, s.answer(ctx, "BatchGetProducts", strings.Join(req.GetIds(), ","), func(r script.Reply, _ int64) {
		ids := r.Items
		if ids == nil {
			ids = req.GetIds()
		}
		for _, id := range ids {
			out.Products = append(out.Products, &testv1.Product{Id: id, Name: r.Body})
		}
	})
}

// GetQuote answers with a serial.
func (s *shop) GetQuote(ctx context.Context, req *testv1.GetQuoteRequest) (*testv1.GetQuoteResponse, error) {
	out := &testv1.GetQuoteResponse{}
	return out, s.answer(ctx, "GetQuote", req.GetId(), func(_ script.Reply, serial int64) { out.Serial = serial })
}

// Peek answers with a serial.
func (s *shop) Peek(ctx context.Context, req *testv1.PeekRequest) (*testv1.PeekResponse, error) {
	out := &testv1.PeekResponse{}
	return out, s.answer(ctx, "Peek", req.GetId(), func(_ script.Reply, serial int64) { out.Serial = serial })
}

// Touch answers with a serial.
func (s *shop) Touch(ctx context.Context, req *testv1.TouchRequest) (*testv1.TouchResponse, error) {
	out := &testv1.TouchResponse{}
	return out, s.answer(ctx, "Touch", req.GetId(), func(_ script.Reply, serial int64) { out.Serial = serial })
}

// UpdateProduct answers with a serial.
func (s *shop) UpdateProduct(ctx context.Context, req *testv1.UpdateProductRequest) (*testv1.UpdateProductResponse, error) {
	out := &testv1.UpdateProductResponse{}
	return out, s.answer(ctx, "UpdateProduct", req.GetProduct().GetId(), func(_ script.Reply, serial int64) { out.Serial = serial })
}

// CreateProduct answers with the product.
func (s *shop) CreateProduct(ctx context.Context, req *testv1.CreateProductRequest) (*testv1.CreateProductResponse, error) {
	out := &testv1.CreateProductResponse{}
	return out, s.answer(ctx, "CreateProduct", req.GetName(), func(script.Reply, int64) {
		out.Product = &testv1.Product{Id: req.GetName()}
	})
}

// Restock streams its steps.
func (s *shop) Restock(req *testv1.RestockRequest, stream grpc.ServerStreamingServer[testv1.RestockResponse]) error {
	return s.answer(stream.Context(), "Restock", req.GetId(), func(script.Reply, int64) {
		for i := range req.GetSteps() {
			_ = stream.Send(&testv1.RestockResponse{Step: i})
		}
	})
}

// Watch sends its serial.
func (s *shop) Watch(req *testv1.WatchRequest, stream grpc.ServerStreamingServer[testv1.WatchResponse]) error {
	return s.answer(stream.Context(), "Watch", req.GetId(), func(_ script.Reply, serial int64) {
		_ = stream.Send(&testv1.WatchResponse{Serial: serial})
	})
}

// Chat echoes.
func (s *shop) Chat(stream grpc.BidiStreamingServer[testv1.ChatRequest, testv1.ChatResponse]) error {
	for {
		req, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return s.answer(stream.Context(), "Chat", "", func(script.Reply, int64) {})
		}
		if err != nil {
			return err
		}
		if err := stream.Send(&testv1.ChatResponse{Text: req.GetText()}); err != nil {
			return err
		}
	}
}

// Import answers with the ids that it was sent.
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
	if err := s.answer(stream.Context(), "Import", "", func(script.Reply, int64) {}); err != nil {
		return err
	}
	return stream.SendAndClose(proto.CloneOf(out))
}

func parseCode(name string) codes.Code {
	var c codes.Code
	if err := c.UnmarshalJSON([]byte(`"` + name + `"`)); err == nil {
		return c
	}
	if n, err := parseInt(name); err == nil {
		return codes.Code(n)
	}
	return codes.Unknown
}
