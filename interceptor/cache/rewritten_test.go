package cache_test

import (
	"context"
	"testing"

	"google.golang.org/grpc"

	"github.com/freshet-io/freshet/interceptor/cache"
	testv1 "github.com/freshet-io/freshet/proto/freshet/test/v1"
)

// A reply is in the groups that the caller's request names, whatever an
// interceptor behind the cache makes of the request.
func TestGroupsOfTheCallersRequest(t *testing.T) {
	r := newRig(t)
	r.behind(func(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoker grpc.UnaryInvoker, opts ...grpc.CallOption) error {
		if req, ok := req.(*testv1.GetProductRequest); ok {
			req.Id = "tenant/" + req.Id
		}
		return invoker(ctx, method, req, reply, cc, opts...)
	})
	r.want("1", cache.Miss, 1)
	r.cache.Invalidate("product:1")
	r.want("1", cache.Miss, 2)
}
