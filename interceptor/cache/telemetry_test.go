package cache_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc"
	"go.opentelemetry.io/otel/attribute"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/stats/opentelemetry"
	"google.golang.org/grpc/status"

	"github.com/freshet-io/freshet/interceptor/cache"
	testv1 "github.com/freshet-io/freshet/proto/freshet/test/v1"
)

// watched is a rig with an OpenTelemetry SDK.
type watched struct {
	*rig
	spans  *tracetest.SpanRecorder
	traces *sdktrace.TracerProvider
	meter  *sdkmetric.MeterProvider
	reader *sdkmetric.ManualReader
}

func newWatched(t *testing.T) *watched {
	t.Helper()
	w := &watched{spans: tracetest.NewSpanRecorder(), reader: sdkmetric.NewManualReader()}
	w.traces = sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(w.spans))
	w.meter = sdkmetric.NewMeterProvider(sdkmetric.WithReader(w.reader))
	w.rig = newRig(t, cache.WithTracerProvider(w.traces), cache.WithMeterProvider(w.meter))
	return w
}

// redial replaces the channel by one with other dial options.
func (w *watched) redial(opts ...grpc.DialOption) {
	w.conn = dial(w.t, w.listener, "shop", opts...)
	w.client = testv1.NewShopClient(w.conn)
}

// ended returns the attribute of the cache's spans, in order of their end.
func (w *watched) ended(key attribute.Key) []string {
	var out []string
	for _, s := range w.spans.Ended() {
		if s.Name() != "cache freshet.test.v1.Shop/GetProduct" {
			continue
		}
		v := "-"
		for _, kv := range s.Attributes() {
			if kv.Key == key {
				v = kv.Value.String()
			}
		}
		out = append(out, v)
	}
	return out
}

func (w *watched) points(name string) map[string]int64 {
	w.t.Helper()
	var rm metricdata.ResourceMetrics
	if err := w.reader.Collect(context.Background(), &rm); err != nil {
		w.t.Fatal(err)
	}
	out := map[string]int64{}
	for _, sm := range rm.ScopeMetrics {
		for _, m := range sm.Metrics {
			if m.Name != name {
				continue
			}
			switch data := m.Data.(type) {
			case metricdata.Sum[int64]:
				for _, p := range data.DataPoints {
					out[result(p.Attributes)] += p.Value
				}
			case metricdata.Histogram[float64]:
				for _, p := range data.DataPoints {
					out[result(p.Attributes)] += int64(p.Count)
				}
			}
		}
	}
	return out
}

func result(set attribute.Set) string {
	v, _ := set.Value("freshet.cache.result")
	return v.AsString()
}

func TestEveryCachedCallHasASpan(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWatched(t)
		w.get("1")
		pass(5 * time.Second)
		w.get("1")
		pass(60 * time.Second)
		w.failWith(status.Error(codes.Unavailable, "down"))
		w.get("1")
		_, _, _ = w.tryGet(t.Context(), "2")
		if _, err := w.client.Peek(t.Context(), &testv1.PeekRequest{}); err != nil { // no rule, no span
			t.Fatal(err)
		}
		for key, want := range map[attribute.Key][]string{
			"freshet.cache.result":     {"miss", "hit", "stale", "error"},
			"freshet.cache.age":        {"0", "5", "65", "0"},
			"freshet.endpoint":         {"bufconn", "bufconn", "bufconn", "bufconn"},
			"rpc.method":               slices.Repeat([]string{"freshet.test.v1.Shop/GetProduct"}, 4),
			"rpc.response.status_code": {"-", "-", "-", "UNAVAILABLE"},
		} {
			if got := w.ended(key); !slices.Equal(got, want) {
				t.Errorf("%s: got %q, want %q", key, got, want)
			}
		}
		for _, name := range []string{"freshet.cache.lookups", "freshet.cache.duration"} {
			got := w.points(name)
			for _, r := range []string{"miss", "hit", "stale", "error"} {
				if got[r] != 1 {
					t.Errorf("%s: got %v, want one %s", name, got, r)
				}
			}
		}
	})
}

// otelgrpc sees what crosses the network: its span of a miss lies below the
// cache's, and a hit has none.
func TestBesideOtelgrpc(t *testing.T) {
	w := newWatched(t)
	w.redial(append(w.cache.DialOptions(), grpc.WithStatsHandler(
		otelgrpc.NewClientHandler(otelgrpc.WithTracerProvider(w.traces), otelgrpc.WithMeterProvider(w.meter))))...)
	w.want("1", cache.Miss, 1)
	w.want("1", cache.Hit, 1)
	var names []string
	ids := map[string]string{}
	for _, s := range w.spans.Ended() {
		names = append(names, s.Name())
		ids[s.Name()] = s.SpanContext().SpanID().String()
		if s.Name() == "freshet.test.v1.Shop/GetProduct" && !s.Parent().IsValid() {
			t.Error("otelgrpc's span is not below the cache's")
		}
	}
	want := []string{"freshet.test.v1.Shop/GetProduct", "cache freshet.test.v1.Shop/GetProduct", "cache freshet.test.v1.Shop/GetProduct"}
	slices.Sort(names)
	slices.Sort(want)
	if !slices.Equal(names, want) {
		t.Errorf("got spans %q, want %q", names, want)
	}
}

// grpc's own instrumentation counts hits as calls if it is given before the
// cache, and sees misses only if it is given after.
func TestBesideGRPCsOpenTelemetry(t *testing.T) {
	for _, tt := range []struct {
		name            string
		first           bool
		calls, attempts int64
	}{
		{"before the cache", true, 5, 1},
		{"after the cache", false, 1, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWatched(t)
			own := opentelemetry.DialOption(opentelemetry.Options{MetricsOptions: opentelemetry.MetricsOptions{MeterProvider: w.meter}})
			if tt.first {
				w.redial(append([]grpc.DialOption{own}, w.cache.DialOptions()...)...)
			} else {
				w.redial(append(w.cache.DialOptions(), own)...)
			}
			for range 5 {
				w.get("1")
			}
			if got := w.points("grpc.client.call.duration")[""]; got != tt.calls {
				t.Errorf("got %d calls, want %d", got, tt.calls)
			}
			if got := w.points("grpc.client.attempt.started")[""]; got != tt.attempts {
				t.Errorf("got %d attempts, want %d", got, tt.attempts)
			}
			if got := w.points("freshet.cache.lookups"); got["hit"] != 4 || got["miss"] != 1 {
				t.Errorf("got %v, want 4 hits and a miss", got)
			}
		})
	}
}
