package cache_test

import (
	"context"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	metricnoop "go.opentelemetry.io/otel/metric/noop"
	tracenoop "go.opentelemetry.io/otel/trace/noop"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/freshet-io/freshet/interceptor/cache"
	testv1 "github.com/freshet-io/freshet/proto/freshet/test/v1"
)

// BenchmarkMassInvalidation is an invalidation of a group that 100,000 stored replies are in,
// while another goroutine is answered from the store all the time: how long it takes, and what
// the hits feel of it. By turns there are invalidations, one a millisecond, and none.
func BenchmarkMassInvalidation(b *testing.B) {
	const entries = 100_000
	c, err := cache.New(cache.WithMaxBytes(256<<20), cache.WithPolicies(products(b, `max_age: 3600s, groups: ["product:{id}", "all:{revision}"]`)),
		cache.WithTracerProvider(tracenoop.NewTracerProvider()), cache.WithMeterProvider(metricnoop.NewMeterProvider()))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = c.Close() })
	unary := c.UnaryClientInterceptor()
	reply := &testv1.GetProductResponse{Serial: 1, Product: &testv1.Product{Id: "1", Name: "a product whose reply has about a hundred bytes, as many have"}}
	invoker := func(_ context.Context, _ string, _, out any, _ *grpc.ClientConn, _ ...grpc.CallOption) error {
		proto.Merge(out.(proto.Message), reply)
		return nil
	}
	get := func(id int, revision int32) cache.Result {
		var out cache.Outcome
		if err := unary(context.Background(), testv1.Shop_GetProduct_FullMethodName, &testv1.GetProductRequest{Id: strconv.Itoa(id), Revision: &revision},
			&testv1.GetProductResponse{}, nil, invoker, cache.Report(&out)); err != nil {
			b.Fatal(err)
		}
		return out.Result
	}
	const kept, gone = 1, 2 // revisions: one group is invalidated, the other asked for
	fill := func() {
		for id := range entries {
			get(id, gone)
		}
	}
	fill()
	for id := range 1000 {
		get(id, kept)
	}
	var (
		busy  atomic.Bool
		end   = make(chan struct{})
		ended = make(chan [2][]time.Duration)
	)
	go func() {
		var took [2][]time.Duration
		for id := 0; ; id = (id + 1) % 1000 {
			select {
			case <-end:
				ended <- took
				return
			default:
			}
			kind := 0
			if busy.Load() {
				kind = 1
			}
			begun := time.Now()
			if get(id, kept) != cache.Hit {
				b.Error("a reply of another group is gone")
			}
			took[kind] = append(took[kind], time.Since(begun))
		}
	}()
	var invalidations []time.Duration
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for b.Loop() {
		for range 20 {
			<-tick.C
		}
		busy.Store(true)
		for range 20 {
			<-tick.C
			begun := time.Now()
			c.Invalidate("all:" + strconv.Itoa(gone))
			invalidations = append(invalidations, time.Since(begun))
		}
		busy.Store(false)
	}
	close(end)
	hits := <-ended
	if get(1, gone) == cache.Hit {
		b.Error("a reply of the group that was invalidated was a hit")
	}
	p := func(d []time.Duration, q float64) float64 {
		slices.Sort(d)
		return float64(d[int(q*float64(len(d)-1))].Nanoseconds())
	}
	b.ReportMetric(p(invalidations, 0.5), "invalidation-p50-ns")
	b.ReportMetric(p(invalidations, 0.99), "invalidation-p99-ns")
	b.ReportMetric(p(hits[0], 0.99), "quiet-hit-p99-ns")
	b.ReportMetric(p(hits[1], 0.99)/p(hits[0], 0.99), "hit-p99/quiet")
	b.ReportMetric(0, "ns/op")
}
