// Command travel shows what freshet changes. It runs a small travel company's
// gRPC services in one process, five replicas of each over TCP loopback on one
// SQLite database, and makes the same calls of them twice: through plain
// grpc-go, and through freshet. All the while one replica is slow, by turns, and
// one is killed and restarted. Every reply is checked against what the database
// held.
//
//	go run ./examples/travel
//
// It prints one table and ends with exit code 0; with 1 if anything failed or a
// reply through freshet was older than declared; with 2 if a flag makes no
// sense.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/freshet-io/freshet/examples/travel/internal/telemetry"
)

// minDuration is the shortest run in which all faults have a place.
const minDuration = 2 * time.Second

type config struct {
	duration  time.Duration
	rate      float64
	seed      uint64
	json      bool
	addr      string
	telemetry telemetry.Config
}

func main() { os.Exit(interruptible()) }

func interruptible() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return run(ctx, os.Args[1:], os.Stdout, os.Stderr)
}

// sayf prints what is for people; that nobody listens is no fault.
func sayf(w io.Writer, format string, args ...any) { _, _ = fmt.Fprintf(w, format, args...) }

// run is main with its surroundings given, and returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	cfg, err := parse(args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return 2
	}
	cfg.telemetry.Writer = stdout
	if cfg.json {
		cfg.telemetry.Writer = stderr
	}
	err = compare(ctx, cfg, stdout, stderr)
	switch {
	case err == nil:
		return 0
	case errors.Is(err, context.Canceled) && ctx.Err() != nil:
		err = errors.New("interrupted before the end")
	}
	sayf(stderr, "travel: %v\n", err)
	return 1
}

// parse reads the flags, and says what is wrong with them.
func parse(args []string, stderr io.Writer) (config, error) {
	cfg := config{telemetry: telemetry.Config{Service: "travel"}}
	fs := flag.NewFlagSet("travel", flag.ContinueOnError)
	fs.SetOutput(stderr)
	fs.DurationVar(&cfg.duration, "duration", 20*time.Second,
		"how long calls are made: half of it through plain grpc-go and half through freshet; at least 2s")
	fs.Float64Var(&cfg.rate, "rate", 600, "calls per second, on average")
	fs.Uint64Var(&cfg.seed, "seed", 1, "the plan of calls depends on it alone, and on -rate and -duration")
	fs.BoolVar(&cfg.json, "json", false, "print one JSON object on stdout, and nothing else there; traces of -otel=stdout go to stderr")
	fs.StringVar(&cfg.addr, "addr", "",
		"afterwards serve all three services on this host:port, as the run through freshet left them, until interrupted")
	cfg.telemetry.Flags(fs)
	if err := fs.Parse(args); err != nil {
		return config{}, err
	}
	var errs []error
	if cfg.duration < minDuration {
		errs = append(errs, fmt.Errorf("-duration must be at least %v, got %v", minDuration, cfg.duration))
	}
	if !(cfg.rate > 0 && cfg.rate <= 1e5) {
		errs = append(errs, fmt.Errorf("-rate must be greater than 0 and at most 100000, got %v", cfg.rate))
	}
	if fs.NArg() > 0 {
		errs = append(errs, fmt.Errorf("unexpected argument %q", fs.Arg(0)))
	}
	for _, err := range errs {
		sayf(stderr, "travel: %v\n", err)
	}
	return cfg, errors.Join(errs...)
}
