package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/freshet-io/freshet/examples/travel/internal/demo"
	"github.com/freshet-io/freshet/examples/travel/internal/report"
	travelv1 "github.com/freshet-io/freshet/examples/travel/proto/freshet/examples/travel/v1"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// watched is a writer that tells, once, of the first text that matches.
type watched struct {
	mu      sync.Mutex
	text    bytes.Buffer
	pattern *regexp.Regexp
	found   chan string
}

func (w *watched) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.text.Write(p)
	if m := w.pattern.FindStringSubmatch(w.text.String()); m != nil && w.found != nil {
		w.found <- m[1]
		w.found = nil
	}
	return len(p), nil
}

// TestRun runs the whole program for a short time, over TCP, then calls what it
// serves afterwards and interrupts it.
func TestRun(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	var stdout bytes.Buffer
	serving := make(chan string, 1)
	stderr := &watched{pattern: regexp.MustCompile(`serving all services on (\S+)`), found: serving}
	ended := make(chan int, 1)
	go func() {
		args := []string{"-duration", "3s", "-rate", "400", "-seed", "5", "-json", "-addr", "127.0.0.1:0"}
		ended <- run(ctx, args, &stdout, stderr)
	}()
	select {
	case addr := <-serving:
		callDirectory(t, addr)
		interrupt()
		if code := <-ended; code != 0 {
			t.Errorf("got exit code %d after the interrupt, want 0: %s", code, &stderr.text)
		}
	case code := <-ended:
		t.Fatalf("ended with %d before it served: %s", code, &stderr.text)
	}
	checkJSON(t, stdout.Bytes())
}

func callDirectory(t *testing.T, addr string) {
	t.Helper()
	conn, err := grpc.NewClient(addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	resp, err := travelv1.NewDirectoryServiceClient(conn).GetAirport(t.Context(), &travelv1.GetAirportRequest{Code: "LHR"})
	if err != nil || resp.GetAirport().GetIdent() != "EGLL" {
		t.Errorf("got %v, %v from what is served afterwards", resp, err)
	}
}

func checkJSON(t *testing.T, data []byte) {
	t.Helper()
	var got report.Comparison
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&got); err != nil {
		t.Fatalf("%v in %s", err, data)
	}
	if rest, _ := io.ReadAll(decoder.Buffered()); strings.TrimSpace(string(rest)) != "" {
		t.Errorf("something follows the object: %s", rest)
	}
	b, f := got.Baseline, got.Freshet
	if b.Calls == 0 || b.Calls != f.Calls {
		t.Errorf("got %d calls through the baseline and %d through freshet, want the same", b.Calls, f.Calls)
	}
	if b.FreshnessViolations != 0 || f.FreshnessViolations != 0 || b.StaleReplies != 0 {
		t.Errorf("got untrue replies: %+v and %+v", b.Figures, f.Figures)
	}
	if b.HitRatio != 0 || f.HitRatio == 0 || f.OriginCalls >= b.OriginCalls {
		t.Errorf("the cache answered nothing, or that of the baseline did: %+v and %+v", b.Figures, f.Figures)
	}
	var sum uint64
	for _, s := range f.Services {
		sum += s.Calls
	}
	if sum != f.Calls {
		t.Errorf("the services' calls add up to %d, want %d", sum, f.Calls)
	}
}

func TestFlags(t *testing.T) {
	for _, tt := range []struct {
		name string
		args []string
		want []string // in what is said
		code int
	}{
		{"help", []string{"-help"}, []string{"-duration", "-rate", "-seed", "-json", "-addr", "-otel"}, 0},
		{"unknown flag", []string{"-no-such-flag"}, []string{"no-such-flag"}, 2},
		{
			"every fault at once",
			[]string{"-duration", "1s", "-rate", "-3", "extra"},
			[]string{"-duration must be at least 2s, got 1s", "-rate must be greater than 0", `"extra"`},
			2,
		},
		{"unknown exporter", []string{"-otel", "paper"}, []string{`none, stdout or otlp, got "paper"`}, 1},
		{"bad address", []string{"-addr", "nowhere"}, []string{"nowhere"}, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			if code := run(t.Context(), tt.args, &stdout, &stderr); code != tt.code {
				t.Errorf("got exit code %d, want %d", code, tt.code)
			}
			for _, want := range tt.want {
				if !strings.Contains(stderr.String(), want) {
					t.Errorf("%q is missing in %q", want, stderr.String())
				}
			}
			if stdout.Len() > 0 {
				t.Errorf("got %q on stdout", &stdout)
			}
		})
	}
}

func TestInterrupted(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	interrupt()
	var stdout, stderr bytes.Buffer
	if code := run(ctx, nil, &stdout, &stderr); code != 1 || !strings.Contains(stderr.String(), "interrupted") {
		t.Errorf("got exit code %d and %q, want 1 and the reason", code, &stderr)
	}
}

// TestViolationsFail: a promise broken is an error, and the first few are
// explained.
func TestViolationsFail(t *testing.T) {
	var result demo.Result
	for i := range 7 {
		result.Violations = append(result.Violations, fmt.Sprintf("call %d", i))
	}
	result.Run.Calls, result.Run.FreshnessViolations = 100, 7
	var stderr bytes.Buffer
	if err := kept("freshet", result, &stderr); err == nil || !strings.Contains(err.Error(), "7 of 100 calls") {
		t.Errorf("got %v", err)
	}
	if got := strings.Count(stderr.String(), "\n"); got != maxExplained {
		t.Errorf("got %d explanations, want %d", got, maxExplained)
	}
	if err := kept("freshet", demo.Result{}, &stderr); err != nil {
		t.Errorf("without violations: %v", err)
	}
}
