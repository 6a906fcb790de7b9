package cache_test

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"testing"
	"time"

	metricnoop "go.opentelemetry.io/otel/metric/noop"
	tracenoop "go.opentelemetry.io/otel/trace/noop"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/proto"

	"github.com/freshet-io/freshet/interceptor/cache"
	testv1 "github.com/freshet-io/freshet/proto/freshet/test/v1"
)

// BenchmarkMiss is a call over loopback that the cache answers from the origin and
// stores, beside the same call without a cache; by turns, in one run. The store is small, so that it
// is full soon, as one in service is.
func BenchmarkMiss(b *testing.B) {
	for _, reply := range []*testv1.GetProductResponse{
		{Serial: 1, Product: &testv1.Product{Id: "1", Name: "a product whose reply has about a hundred bytes, as many have", Tags: []string{"new", "on sale"}}},
		catalogue(400),
	} {
		b.Run(fmt.Sprintf("%dB", proto.Size(reply)), func(b *testing.B) {
			lis, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				b.Fatal(err)
			}
			server := grpc.NewServer()
			testv1.RegisterShopServer(server, &shop{getProduct: func(context.Context, *testv1.GetProductRequest) (*testv1.GetProductResponse, error) {
				return reply, nil
			}})
			go func() { _ = server.Serve(lis) }()
			b.Cleanup(server.Stop)
			c, err := cache.New(cache.WithMaxBytes(4<<20), cache.WithTracerProvider(tracenoop.NewTracerProvider()), cache.WithMeterProvider(metricnoop.NewMeterProvider()))
			if err != nil {
				b.Fatal(err)
			}
			b.Cleanup(func() { _ = c.Close() })
			clients := make([]testv1.ShopClient, 2)
			for i, opts := range [][]grpc.DialOption{nil, c.DialOptions()} {
				conn, err := grpc.NewClient("passthrough:///"+lis.Addr().String(), append(opts, grpc.WithTransportCredentials(insecure.NewCredentials()))...)
				if err != nil {
					b.Fatal(err)
				}
				b.Cleanup(func() { _ = conn.Close() })
				clients[i] = testv1.NewShopClient(conn)
			}
			var took [2]time.Duration
			n := 0
			turn := func(measured bool) {
				for i, client := range clients {
					begun := time.Now()
					for k := range 20 {
						req := &testv1.GetProductRequest{Id: strconv.Itoa(n + k)}
						if _, err := client.GetProduct(context.Background(), req); err != nil {
							b.Fatal(err)
						}
					}
					if measured {
						took[i] += time.Since(begun)
					}
				}
				n += 20
			}
			for range 20 {
				turn(false)
			}
			n0 := n
			for b.Loop() {
				turn(true)
			}
			b.ReportMetric(float64(took[0].Nanoseconds())/float64(n-n0), "plain-ns/op")
			b.ReportMetric(float64(took[1].Nanoseconds())/float64(n-n0), "miss-ns/op")
			b.ReportMetric(float64(took[1])/float64(took[0]), "miss/plain")
			b.ReportMetric(0, "ns/op")
		})
	}
}
