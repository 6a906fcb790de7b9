package cache_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/freshet-io/freshet/interceptor/cache"
	testv1 "github.com/freshet-io/freshet/proto/freshet/test/v1"
)

// behind dials the shop anew, with interceptors behind the cache.
func (r *rig) behind(inner ...grpc.UnaryClientInterceptor) {
	r.conn = dial(r.t, r.listener, "shop", append(r.cache.DialOptions(), grpc.WithChainUnaryInterceptor(inner...))...)
	r.client = testv1.NewShopClient(r.conn)
}

// late delays every call to the origin, so that others join it before it fails.
func late(d time.Duration) grpc.UnaryClientInterceptor {
	return func(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoker grpc.UnaryInvoker, opts ...grpc.CallOption) error {
		take(d)
		return invoker(ctx, method, req, reply, cc, opts...)
	}
}

// token is a per-call credential.
type token struct {
	value string
	err   error
}

func (c token) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	if c.err != nil {
		return nil, c.err
	}
	return map[string]string{"authorization": c.value}, nil
}

func (token) RequireTransportSecurity() bool { return false }

// A call that fails for what its caller alone asked for fails nobody else.
func TestLeadersOwnFailuresAreNotShared(t *testing.T) {
	for _, tt := range []struct {
		name   string
		leader []grpc.CallOption
		ctx    context.Context
		want   codes.Code
	}{
		{"send limit", []grpc.CallOption{grpc.MaxCallSendMsgSize(1)}, nil, codes.ResourceExhausted},
		{"receive limit", []grpc.CallOption{grpc.MaxCallRecvMsgSize(1)}, nil, codes.ResourceExhausted},
		{"compressor", []grpc.CallOption{grpc.UseCompressor("none-such")}, nil, codes.Internal},
		{"credentials", []grpc.CallOption{grpc.PerRPCCredentials(token{err: status.Error(codes.Unavailable, "no token")})}, nil, codes.Unavailable},
		{"metadata", nil, metadata.NewOutgoingContext(context.Background(), metadata.MD{"x": {"\x00"}}), codes.Internal},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				r := newRig(t)
				r.behind(late(time.Second))
				ctx := tt.ctx
				if ctx == nil {
					ctx = t.Context()
				}
				leader := r.start(ctx, tt.leader...)
				follower := r.start(t.Context())
				if a := <-leader; status.Code(a.err) != tt.want {
					t.Errorf("leader: got %v, want %v", a.err, tt.want)
				}
				if a := <-follower; a.err != nil {
					t.Errorf("follower: got %v, want its own reply", a.err)
				}
			})
		})
	}
}

// A caller that waits for a backend is not failed by one that does not.
func TestWaitForReadyIsTheCallersOwn(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t)
		up := time.Now().Add(3 * time.Second)
		conn, err := grpc.NewClient("passthrough:///shop", append(r.cache.DialOptions(), grpc.WithTransportCredentials(insecure.NewCredentials()),
			grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
				if time.Now().Before(up) {
					return nil, errors.New("down")
				}
				return r.listener.DialContext(ctx)
			}), grpc.WithChainUnaryInterceptor(late(time.Second)))...)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		r.client = testv1.NewShopClient(conn)
		leader := r.start(t.Context())
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		follower := r.start(ctx, grpc.WaitForReady(true))
		if a := <-leader; status.Code(a.err) != codes.Unavailable {
			t.Errorf("leader: got %v", a.err)
		}
		if a := <-follower; a.err != nil {
			t.Errorf("follower: got %v, want the reply of the backend that came up", a.err)
		}
	})
}

// The failure of one channel is not that of another channel to the same target.
func TestChannelsFailForThemselves(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t)
		broken, err := grpc.NewClient("passthrough:///shop", append(r.cache.DialOptions(), grpc.WithTransportCredentials(insecure.NewCredentials()),
			grpc.WithContextDialer(func(context.Context, string) (net.Conn, error) { return nil, errors.New("down") }),
			grpc.WithChainUnaryInterceptor(late(time.Second)))...)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = broken.Close() })
		sound := r.client
		r.client = testv1.NewShopClient(broken)
		leader := r.start(t.Context())
		r.client = sound
		follower := r.start(t.Context())
		if a := <-leader; status.Code(a.err) != codes.Unavailable {
			t.Errorf("leader: got %v", a.err)
		}
		if a := <-follower; a.err != nil {
			t.Errorf("follower: got %v, want its own channel's reply", a.err)
		}
	})
}

// The time that a flight has is its first caller's: when it is used up, whoever
// has more goes on, whatever the error looks like.
func TestFlightsDeadlineIsNotShared(t *testing.T) {
	for _, tt := range []struct {
		name   string
		inner  grpc.UnaryClientInterceptor
		server func(ctx context.Context) error
	}{
		{"a server that gives up in time", nil, func(ctx context.Context) error {
			deadline, ok := ctx.Deadline()
			if !ok {
				return nil
			}
			take(time.Until(deadline) - 10*time.Millisecond)
			return status.Error(codes.DeadlineExceeded, "the database is slow")
		}},
		{"an interceptor's bare context error", func(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoker grpc.UnaryInvoker, opts ...grpc.CallOption) error {
			if _, ok := ctx.Deadline(); ok {
				<-ctx.Done()
				return ctx.Err()
			}
			return invoker(ctx, method, req, reply, cc, opts...)
		}, func(context.Context) error { return nil }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				r := newRig(t, cache.WithFetchTimeout(time.Second))
				if tt.inner != nil {
					r.behind(tt.inner)
				}
				r.shop.getProduct = func(ctx context.Context, _ *testv1.GetProductRequest) (*testv1.GetProductResponse, error) {
					return &testv1.GetProductResponse{Serial: 7}, tt.server(ctx)
				}
				short, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
				defer cancel()
				leader := r.start(short)
				follower := r.start(t.Context())
				if a := <-leader; status.Code(a.err) != codes.DeadlineExceeded {
					t.Errorf("leader: got %v", a.err)
				}
				if a := <-follower; a.err != nil {
					t.Errorf("follower, which has no deadline: got %v after %v", a.err, a.at)
				}
			})
		})
	}
}

// What an interceptor makes of a reply may not be encodable; it is delivered.
func TestUnencodableRepliesAreDelivered(t *testing.T) {
	r := newRig(t)
	r.behind(func(_ context.Context, _ string, _, reply any, _ *grpc.ClientConn, _ grpc.UnaryInvoker, _ ...grpc.CallOption) error {
		reply.(*testv1.GetProductResponse).Product = &testv1.Product{Name: "\xff"}
		return nil
	})
	resp, err := r.client.GetProduct(t.Context(), &testv1.GetProductRequest{Id: "1"})
	if err != nil || !strings.Contains(resp.GetProduct().GetName(), "\xff") {
		t.Errorf("got %v, %v", resp, err)
	}
}
