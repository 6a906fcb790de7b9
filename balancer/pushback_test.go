package balancer_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// TestPushbackIsRespected has one of three servers fail a single call and ask to be left
// alone for 3 s (gRFC A6).
func TestPushbackIsRespected(t *testing.T) {
	for _, tt := range []struct {
		name string
		code codes.Code
	}{
		{"UNAVAILABLE", codes.Unavailable},
		{"RESOURCE_EXHAUSTED", codes.ResourceExhausted},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFleet(t)
				var push atomic.Bool
				servers, addrs := f.replicas(3, func(b *backend) {
					b.extra = append(b.extra, grpc.UnaryInterceptor(func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, h grpc.UnaryHandler) (any, error) {
						if b.addrs[0] != "10.0.0.1:443" || !push.CompareAndSwap(true, false) {
							return h(ctx, req)
						}
						if err := grpc.SetTrailer(ctx, metadata.Pairs("grpc-retry-pushback-ms", "3000")); err != nil {
							return nil, err
						}
						return nil, status.Error(tt.code, "busy")
					}))
				})
				defer stopAll(servers)
				c := f.freshet(endpoints(addrs...))
				defer c.Close()
				c.drive(100, 2*time.Second)
				push.Store(true)
				for push.Load() {
					c.drive(100, 10*time.Millisecond)
				}
				tr := c.drive(100, 2900*time.Millisecond)
				if got := tr.by[addrs[0]]; got > 0 {
					t.Errorf("in the 2.9 s after the pushback it got %d calls, want 0", got)
				}
				// The failure itself is remembered for longer, and idle servers without one
				// are preferred meanwhile.
				c.drive(100, 20*time.Second)
				if got := c.drive(100, 10*time.Second).by[addrs[0]]; got < 100 {
					t.Errorf("20 s after that it got %d of 1000 calls, want 100 or more", got)
				}
			})
		})
	}
}
