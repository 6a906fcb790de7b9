package balancer_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	sdk "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/stats/opentelemetry"

	"github.com/freshet-io/freshet/balancer"
)

// TestMetrics reads what gRPC's own plugin makes of the policy's instruments.
func TestMetrics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t)
		servers, addrs := f.replicas(5, silent)
		defer stopAll(servers)
		reader := sdk.NewManualReader()
		provider := sdk.NewMeterProvider(sdk.WithReader(reader))
		opts := append(balancer.DialOptions(balancer.Config{OutlierDetection: balancer.OutlierDetection{ConsecutiveFailures: 1}}),
			opentelemetry.DialOption(opentelemetry.Options{MetricsOptions: opentelemetry.MetricsOptions{MeterProvider: provider}}))
		c := f.channel(endpoints(addrs...), opts...)
		c.drive(100, 2*time.Second)
		servers[0].failWith(codes.Unavailable)
		calls := 200 + len(c.drive(200, 5*time.Second).latencies)
		c.Close()
		synctest.Wait()

		sums := make(map[string]map[string]int64)
		var all metricdata.ResourceMetrics
		if err := reader.Collect(context.Background(), &all); err != nil {
			t.Fatal(err)
		}
		for _, scope := range all.ScopeMetrics {
			for _, m := range scope.Metrics {
				sums[m.Name] = points(m.Data)
			}
		}
		picks := int64(0)
		for _, n := range sums["freshet.lb.picks"] {
			picks += n
		}
		if picks != int64(calls) || sums["freshet.lb.picks"]["two choices"] == 0 {
			t.Errorf("%d picks were counted, want %d, most by two choices: %v", picks, calls, sums["freshet.lb.picks"])
		}
		if len(sums["freshet.lb.ejections"]) == 0 {
			t.Errorf("no ejection was counted: %v", sums)
		}
		if got := sums["freshet.lb.endpoints"]["ready"]; got != 5 {
			t.Errorf("%d endpoints are ready, want 5: %v", got, sums["freshet.lb.endpoints"])
		}
	})
}

// points are the values by the label beside the target.
func points(data metricdata.Aggregation) map[string]int64 {
	values := make(map[string]int64)
	var all []metricdata.DataPoint[int64]
	switch d := data.(type) {
	case metricdata.Sum[int64]:
		all = d.DataPoints
	case metricdata.Gauge[int64]:
		all = d.DataPoints
	}
	for _, p := range all {
		for _, a := range p.Attributes.ToSlice() {
			if a.Key != "grpc.target" {
				values[a.Value.AsString()] += p.Value
			}
		}
	}
	return values
}
