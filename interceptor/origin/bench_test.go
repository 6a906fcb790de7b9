package origin_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/freshet-io/freshet/interceptor/origin"
	testv1 "github.com/freshet-io/freshet/proto/freshet/test/v1"
)

// What an automatic tag costs a call, beside what encoding the reply costs.
func BenchmarkAutomaticETags(b *testing.B) {
	for _, kib := range []int{1, 10, 100} {
		reply := &testv1.GetProductResponse{Product: &testv1.Product{Id: "7"}}
		for proto.Size(reply) < kib<<10 {
			reply.Product.Parts = append(reply.Product.Parts, &testv1.Product_Part{
				Name: strings.Repeat("a part", 4), Count: 7, Parts: []*testv1.Product_Part{{Name: "one"}, {Name: "two"}},
			})
		}
		b.Run(fmt.Sprintf("%dKiB/encode", kib), func(b *testing.B) {
			b.ReportAllocs()
			var buffer []byte
			for b.Loop() {
				buffer, _ = proto.MarshalOptions{}.MarshalAppend(buffer[:0], reply)
			}
		})
		for name, opts := range map[string][]origin.Option{"without": nil, "with": {origin.WithAutomaticETags()}} {
			o, err := origin.New(opts...)
			if err != nil {
				b.Fatal(err)
			}
			interceptor := o.UnaryServerInterceptor()
			info := &grpc.UnaryServerInfo{FullMethod: testv1.Shop_GetProduct_FullMethodName}
			req := &testv1.GetProductRequest{Id: "7"}
			b.Run(fmt.Sprintf("%dKiB/%s", kib, name), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if _, err := interceptor(b.Context(), req, info, func(context.Context, any) (any, error) { return reply, nil }); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
