package telemetry_test

import (
	"bytes"
	"flag"
	"strings"
	"testing"

	"github.com/freshet-io/freshet/examples/travel/internal/telemetry"
)

func TestStdout(t *testing.T) {
	var out bytes.Buffer
	tel, err := telemetry.Setup(t.Context(), telemetry.Config{Exporter: telemetry.Stdout, Writer: &out, Service: "fares"})
	if err != nil {
		t.Fatal(err)
	}
	_, span := tel.Provider().Tracer("test").Start(t.Context(), "look up a fare")
	span.End()
	if len(tel.DialOptions()) == 0 || len(tel.ServerOptions()) == 0 {
		t.Error("got no instrumentation")
	}
	if err := tel.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"look up a fare", "service.name", "fares"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing in %s", want, &out)
		}
	}
}

func TestNone(t *testing.T) {
	var cfg telemetry.Config
	fs := flag.NewFlagSet("test", flag.ContinueOnError)
	cfg.Flags(fs)
	if err := fs.Parse(nil); err != nil {
		t.Fatal(err)
	}
	tel, err := telemetry.Setup(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if _, span := tel.Provider().Tracer("test").Start(t.Context(), "nothing"); span.IsRecording() {
		t.Error("a span is recorded for nobody")
	}
	if tel.DialOptions() != nil || tel.ServerOptions() != nil {
		t.Error("got instrumentation for nobody")
	}
	if err := tel.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestUnknown(t *testing.T) {
	_, err := telemetry.Setup(t.Context(), telemetry.Config{Exporter: "paper"})
	if err == nil || !strings.Contains(err.Error(), `"paper"`) {
		t.Errorf("got %v, want an error that names it", err)
	}
}
