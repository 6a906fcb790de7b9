package cache

import (
	"context"
	"strings"
	"time"

	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors"
	"go.opentelemetry.io/otel/attribute"
	otelcodes "go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	metricnoop "go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/trace"
	tracenoop "go.opentelemetry.io/otel/trace/noop"
	"google.golang.org/grpc/status"
)

const scope = "github.com/freshet-io/freshet/interceptor/cache"

// The attributes of spans and metrics. There is no semantic convention for
// caches; those for RPCs are used where they fit.
const (
	attrResult    = attribute.Key("freshet.cache.result")
	attrAge       = attribute.Key("freshet.cache.age")
	attrEndpoint  = attribute.Key("freshet.endpoint")
	attrCollapsed = attribute.Key("freshet.cache.collapsed")
	attrDetail    = attribute.Key("freshet.cache.detail")
	attrSystem    = attribute.Key("rpc.system.name")
	attrMethod    = attribute.Key("rpc.method")
	attrStatus    = attribute.Key("rpc.response.status_code")
)

// telemetry is what the cache says of itself through OpenTelemetry.
type telemetry struct {
	tracer   trace.Tracer // nil where nobody traces, as instruments where nobody counts
	lookups  metric.Int64Counter
	duration metric.Float64Histogram
}

// newTelemetry makes the instruments.
func newTelemetry(cfg *config) (*telemetry, error) {
	t := &telemetry{}
	// Telling nobody would cost a third of a small hit.
	if _, off := cfg.tracer.(tracenoop.TracerProvider); !off {
		t.tracer = cfg.tracer.Tracer(scope)
	}
	if _, off := cfg.meter.(metricnoop.MeterProvider); off {
		return t, nil
	}
	meter := cfg.meter.Meter(scope)
	var err error
	t.lookups, err = meter.Int64Counter("freshet.cache.lookups", metric.WithUnit("{lookup}"),
		metric.WithDescription("Calls of methods with a cache rule, by how they were answered."))
	if err != nil {
		return nil, err
	}
	t.duration, err = meter.Float64Histogram("freshet.cache.duration", metric.WithUnit("s"),
		metric.WithDescription("Time that calls of methods with a cache rule took, by how they were answered."),
		metric.WithExplicitBucketBoundaries(.000001, .0000025, .000005, .00001, .000025, .00005, .0001, .00025, .0005,
			.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10))
	return t, err
}

// methodTelemetry is what a method's calls have in common, made once.
type methodTelemetry struct {
	span    string
	start   []trace.SpanStartOption
	add     [results][]metric.AddOption
	record  [results][]metric.RecordOption
	results [results]attribute.KeyValue
}

func (t *telemetry) method(name string) methodTelemetry {
	meta := interceptors.NewClientCallMeta(name, nil, nil)
	full := strings.TrimPrefix(meta.Service+"/"+meta.Method, "/")
	m := methodTelemetry{
		span: "cache " + full,
		start: []trace.SpanStartOption{
			trace.WithSpanKind(trace.SpanKindInternal),
			trace.WithAttributes(attrSystem.String("grpc"), attrMethod.String(full)),
		},
	}
	for r := range Result(results) {
		m.results[r] = attrResult.String(r.String())
		set := metric.WithAttributeSet(attribute.NewSet(attrMethod.String(full), m.results[r]))
		m.add[r] = []metric.AddOption{set}
		m.record[r] = []metric.RecordOption{set}
	}
	return m
}

// callSpan is one call's span.
type callSpan struct {
	ctx  context.Context //nolint:containedctx // of the caller, without the span
	span trace.Span
}

// start begins the span of a call, whose context carries it from here on.
func (t *telemetry) start(c *call) callSpan {
	s := callSpan{ctx: c.ctx}
	if t.tracer == nil {
		c.explained = len(c.reports) > 0
		return s
	}
	c.ctx, s.span = t.tracer.Start( //nolint:spancheck // end ends it
		c.ctx, c.method.tele.span, c.method.tele.start...)
	c.explained = len(c.reports) > 0 || s.span.IsRecording()
	return s
}

// end ends it and counts the call.
func (t *telemetry) end(s callSpan, c *call, err error) {
	out, tele := &c.outcome, &c.method.tele
	if t.lookups != nil {
		t.lookups.Add(s.ctx, 1, tele.add[out.Result]...)
		t.duration.Record(s.ctx, (c.cache.now() - c.started).Seconds(), tele.record[out.Result]...)
	}
	if s.span == nil {
		return
	}
	if s.span.IsRecording() {
		s.span.SetAttributes(tele.results[out.Result], attrAge.Float64(out.Age.Truncate(time.Microsecond).Seconds()))
		if out.Endpoint != "" {
			s.span.SetAttributes(attrEndpoint.String(out.Endpoint))
		}
		if out.Collapsed {
			s.span.SetAttributes(attrCollapsed.Bool(true))
		}
		if out.Detail != "" {
			s.span.SetAttributes(attrDetail.String(out.Detail))
		}
		if err != nil {
			st := status.Convert(err)
			s.span.SetAttributes(attrStatus.String(canonical(st.Code())))
			s.span.SetStatus(otelcodes.Error, st.Message())
		}
	}
	s.span.End()
}
