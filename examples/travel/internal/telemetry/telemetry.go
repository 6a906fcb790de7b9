// Package telemetry sets up OpenTelemetry traces for the example's programs.
//
//	tel, err := telemetry.Setup(ctx, telemetry.Config{Exporter: telemetry.Stdout, Writer: os.Stdout, Service: "travel"})
//	defer tel.Shutdown(ctx)
//
// The libraries know OpenTelemetry's API only; an SDK and an exporter are the
// application's choice, and this is where this application makes it.
package telemetry

import (
	"context"
	"flag"
	"fmt"
	"io"

	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/stdout/stdouttrace"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
	"google.golang.org/grpc"
)

// Exporters by name.
const (
	None   = "none"
	Stdout = "stdout"
	OTLP   = "otlp"
)

// Config says where traces go.
type Config struct {
	Exporter string    // None, Stdout or OTLP
	Endpoint string    // of OTLP: host:port of a collector, gRPC without TLS
	Writer   io.Writer // of Stdout
	Service  string    // the resource's service.name
}

// Flags defines the flags -otel and -otlp-endpoint, which fill in the config.
func (c *Config) Flags(fs *flag.FlagSet) {
	fs.StringVar(&c.Exporter, "otel", None, "where OpenTelemetry traces go: none, stdout or otlp")
	fs.StringVar(&c.Endpoint, "otlp-endpoint", "127.0.0.1:4317", "host:port of the collector for -otel=otlp (gRPC, no TLS)")
}

// Telemetry is a tracer provider and what gRPC needs to use it. The zero value
// is not usable.
type Telemetry struct {
	provider trace.TracerProvider
	sdk      *sdktrace.TracerProvider // nil without an exporter
}

// Setup returns the telemetry of a config, or an error that names the field.
func Setup(ctx context.Context, cfg Config) (*Telemetry, error) {
	var exporter sdktrace.SpanExporter
	var err error
	switch cfg.Exporter {
	case None:
		return &Telemetry{provider: noop.NewTracerProvider()}, nil
	case Stdout:
		exporter, err = stdouttrace.New(stdouttrace.WithWriter(cfg.Writer))
	case OTLP:
		exporter, err = otlptracegrpc.New(ctx, otlptracegrpc.WithEndpoint(cfg.Endpoint), otlptracegrpc.WithInsecure())
	default:
		return nil, fmt.Errorf("telemetry: -otel must be none, stdout or otlp, got %q", cfg.Exporter)
	}
	if err != nil {
		return nil, fmt.Errorf("telemetry: %s exporter: %w", cfg.Exporter, err)
	}
	sdk := sdktrace.NewTracerProvider(
		sdktrace.WithBatcher(exporter),
		sdktrace.WithResource(resource.NewSchemaless(attribute.String("service.name", cfg.Service))),
	)
	return &Telemetry{provider: sdk, sdk: sdk}, nil
}

// Provider returns the tracer provider; one that does nothing where there is no
// exporter.
func (t *Telemetry) Provider() trace.TracerProvider { return t.provider }

// DialOptions instruments a channel: a span for every call that crosses the
// network.
func (t *Telemetry) DialOptions() []grpc.DialOption {
	if t.sdk == nil {
		return nil
	}
	return []grpc.DialOption{grpc.WithStatsHandler(otelgrpc.NewClientHandler(t.options()...))}
}

// ServerOptions instruments a server: a span for every call it handles.
func (t *Telemetry) ServerOptions() []grpc.ServerOption {
	if t.sdk == nil {
		return nil
	}
	return []grpc.ServerOption{grpc.StatsHandler(otelgrpc.NewServerHandler(t.options()...))}
}

func (t *Telemetry) options() []otelgrpc.Option {
	return []otelgrpc.Option{
		otelgrpc.WithTracerProvider(t.provider),
		otelgrpc.WithPropagators(propagation.TraceContext{}),
	}
}

// Shutdown exports what is left and ends the exporter.
func (t *Telemetry) Shutdown(ctx context.Context) error {
	if t.sdk == nil {
		return nil
	}
	return t.sdk.Shutdown(ctx)
}
