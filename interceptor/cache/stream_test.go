package cache_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding/gzip"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"

	"github.com/freshet-io/freshet/interceptor/cache"
	testv1 "github.com/freshet-io/freshet/proto/freshet/test/v1"
)

// transcript is what the caller of a stream sees.
type transcript struct {
	mu    sync.Mutex
	lines []string
}

func (tr *transcript) add(format string, args ...any) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.lines = append(tr.lines, fmt.Sprintf(format, args...))
}

func (tr *transcript) end(what string, err error) {
	st := status.Convert(err)
	tr.add("%s: %v %s %d details, io.EOF %t", what, st.Code(), st.Message(), len(st.Details()), errors.Is(err, io.EOF))
}

// replies says that each reply came; a shop's streams have one type each.
func (tr *transcript) replies(s grpc.ClientStream, fresh func() proto.Message, n int) {
	for range n {
		m := fresh()
		if err := s.RecvMsg(m); err != nil {
			tr.end("received", err)
			return
		}
		tr.add("received %d bytes: %.60s", proto.Size(m), strings.ReplaceAll(prototext.Format(m), "  ", " "))
	}
}

// streamOf opens a stream of a method as its generated code does, calls f, and notes all that there is to
// see.
func streamOf(ctx context.Context, conn *grpc.ClientConn, desc *grpc.StreamDesc, method string, f func(*transcript, grpc.ClientStream), opts ...grpc.CallOption) []string {
	tr := &transcript{}
	var (
		header, trailer metadata.MD
		from            peer.Peer
		finished        = make(chan error, 1)
	)
	opts = append(opts, grpc.Header(&header), grpc.Trailer(&trailer), grpc.Peer(&from), grpc.OnFinish(func(err error) { finished <- err }))
	s, err := conn.NewStream(ctx, desc, method, opts...)
	if err != nil {
		tr.end("opened", err)
		return tr.lines
	}
	f(tr, s)
	md, err := s.Header()
	tr.add("header %v, %v", map[string][]string(md), err)
	tr.end("finished", <-finished)
	tr.add("trailer %v", map[string][]string(s.Trailer()))
	tr.add("options: header %v, trailer %v, peer %v", map[string][]string(header), map[string][]string(trailer), from.Addr)
	return tr.lines
}

// Streams are as they are without a cache, but that the invalidations in their trailers are
// heard, before their callers learn of their end.
func TestStreamsPassUntouched(t *testing.T) {
	restocked := func() proto.Message { return &testv1.RestockResponse{} }
	watched := func() proto.Message { return &testv1.WatchResponse{} }
	said := func() proto.Message { return &testv1.ChatResponse{} }
	imported := func() proto.Message { return &testv1.ImportResponse{} }
	from := func(n int32) func(*transcript, grpc.ClientStream) {
		return func(tr *transcript, s grpc.ClientStream) {
			tr.end("sent", s.SendMsg(&testv1.RestockRequest{Id: "none", Steps: n}))
			tr.end("closed", s.CloseSend())
			tr.replies(s, restocked, 10)
		}
	}
	down, up, both := &grpc.StreamDesc{ServerStreams: true}, &grpc.StreamDesc{ClientStreams: true}, &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}
	for _, tt := range []struct {
		name   string
		desc   *grpc.StreamDesc
		method string
		f      func(*transcript, grpc.ClientStream)
		opts   []grpc.CallOption
		err    error // that Restock and Chat end with
		big    int   // bytes of what Chat says
		heard  bool
	}{
		{name: "from the server", desc: down, method: testv1.Shop_Restock_FullMethodName, f: from(3), heard: true},
		{name: "nothing at all", desc: down, method: testv1.Shop_Restock_FullMethodName, f: from(0), heard: true},
		{name: "compressed", desc: down, method: testv1.Shop_Restock_FullMethodName, f: from(3), opts: []grpc.CallOption{grpc.UseCompressor(gzip.Name)}, heard: true},
		{name: "that fails", desc: down, method: testv1.Shop_Restock_FullMethodName, f: from(2), err: detailed(t, codes.NotFound), heard: true},
		{name: "of a safe method", desc: down, method: testv1.Shop_Watch_FullMethodName, f: func(tr *transcript, s grpc.ClientStream) {
			tr.end("sent", s.SendMsg(&testv1.WatchRequest{Id: "1"}))
			tr.end("closed", s.CloseSend())
			tr.replies(s, watched, 3)
		}},
		{name: "to the server", desc: up, method: testv1.Shop_Import_FullMethodName, f: func(tr *transcript, s grpc.ClientStream) {
			for i := range 3 {
				tr.end("sent", s.SendMsg(&testv1.ImportRequest{Product: &testv1.Product{Id: fmt.Sprint("none", i)}}))
			}
			tr.end("closed", s.CloseSend())
			tr.replies(s, imported, 2)
		}},
		{name: "in turns", desc: both, method: testv1.Shop_Chat_FullMethodName, f: func(tr *transcript, s grpc.ClientStream) {
			for i := range 3 {
				tr.end("sent", s.SendMsg(&testv1.ChatRequest{Text: fmt.Sprint(i)}))
				tr.replies(s, said, 1)
			}
			tr.end("closed", s.CloseSend())
			tr.replies(s, said, 1)
		}, heard: true},
		{name: "too large for its caller", desc: both, method: testv1.Shop_Chat_FullMethodName, big: 10_000, opts: []grpc.CallOption{grpc.MaxCallRecvMsgSize(9_999)}, f: func(tr *transcript, s grpc.ClientStream) {
			tr.end("sent", s.SendMsg(&testv1.ChatRequest{Text: "x"}))
			tr.replies(s, said, 2)
		}},
		{name: "large", desc: both, method: testv1.Shop_Chat_FullMethodName, big: 100_000, f: func(tr *transcript, s grpc.ClientStream) {
			tr.end("sent", s.SendMsg(&testv1.ChatRequest{Text: "x"}))
			tr.end("closed", s.CloseSend())
			tr.replies(s, said, 2)
		}, heard: true},
		{name: "to which nobody listens", desc: both, method: testv1.Shop_Chat_FullMethodName, err: detailed(t, codes.Aborted), f: func(tr *transcript, s grpc.ClientStream) {
			tr.end("closed", s.CloseSend())
			tr.replies(s, said, 2)
			tr.end("received again", s.RecvMsg(said()))
		}, heard: true},
		{name: "with a compressor that nobody has", desc: down, method: testv1.Shop_Restock_FullMethodName, opts: []grpc.CallOption{grpc.UseCompressor("none-such")}, f: from(1)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				r := newRig(t)
				told := func(s grpc.ServerStream) {
					_ = s.SetHeader(metadata.Pairs("x-first", "1", "etag", `"v1"`, "x-bin", "\x00\xff"))
					s.SetTrailer(metadata.Pairs("x-last", "2", "cache-group-invalidation", `"product:1"`))
				}
				r.shop.restock = func(req *testv1.RestockRequest, s grpc.ServerStreamingServer[testv1.RestockResponse]) error {
					told(s)
					for i := range req.GetSteps() {
						if err := s.Send(&testv1.RestockResponse{Step: i}); err != nil {
							return err
						}
					}
					return tt.err
				}
				r.shop.chat = func(s grpc.BidiStreamingServer[testv1.ChatRequest, testv1.ChatResponse]) error {
					told(s)
					for {
						req, err := s.Recv()
						if errors.Is(err, io.EOF) {
							return tt.err
						}
						if err != nil {
							return err
						}
						if err := s.Send(&testv1.ChatResponse{Text: req.GetText() + strings.Repeat("x", tt.big)}); err != nil {
							return err
						}
					}
				}
				r.want("1", cache.Miss, 1)
				r.want("2", cache.Miss, 2)
				r.shop.calls.Store(100)
				plain := streamOf(t.Context(), dial(t, r.listener, "shop"), tt.desc, tt.method, tt.f, tt.opts...)
				r.shop.calls.Store(100)
				cached := streamOf(t.Context(), r.conn, tt.desc, tt.method, tt.f, tt.opts...)
				if d := cmp.Diff(plain, cached); d != "" {
					t.Errorf("(-without the cache +with it):\n%s", d)
				}
				if _, out := r.get("1"); (out.Result == cache.Miss) != tt.heard {
					t.Errorf("product 1, which the trailer invalidates: got %v\n%s", out.Result, strings.Join(cached, "\n"))
				}
				if _, out := r.get("2"); out.Result != cache.Hit {
					t.Errorf("product 2: got %v", out.Result)
				}
			})
		})
	}
}

// detailed is an error with details.
func detailed(t *testing.T, code codes.Code) error {
	t.Helper()
	st, err := status.New(code, "as told").WithDetails(&errdetails.ErrorInfo{Reason: "TOLD"})
	if err != nil {
		t.Fatal(err)
	}
	return st.Err()
}
