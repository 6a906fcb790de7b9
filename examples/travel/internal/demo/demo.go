// Package demo runs one system under the planned load, with the planned faults,
// and checks what it answered.
//
//	result, err := demo.Run(ctx, demo.Config{Path: "travel.db", Calls: calls, Length: 10 * time.Second})
//	fmt.Println(result.Run.P99Ms, result.Violations)
package demo

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"github.com/freshet-io/freshet/examples/travel/internal/client"
	"github.com/freshet-io/freshet/examples/travel/internal/fleet"
	"github.com/freshet-io/freshet/examples/travel/internal/load"
	"github.com/freshet-io/freshet/examples/travel/internal/report"
	"github.com/freshet-io/freshet/examples/travel/internal/service"
	"github.com/freshet-io/freshet/examples/travel/internal/telemetry"
	"github.com/freshet-io/freshet/examples/travel/internal/truth"
)

// Clients is how many client processes the demo plays: each has channels and,
// with freshet, a cache of its own, and does not hear of the other's writes.
const Clients = 2

// warmUp bounds how long the clients take to connect.
const warmUp = 20 * time.Second

// Config is what a run depends on.
type Config struct {
	// Path is a database file that does not exist yet.
	Path string
	// Plain runs grpc-go's round_robin without a cache; otherwise freshet.
	Plain bool
	// Calls are the calls to make, in a run of length Length.
	Calls  []load.Call
	Length time.Duration
	// Telemetry is where traces go.
	Telemetry *telemetry.Telemetry
}

// Result is what a run came to.
type Result struct {
	Run report.Run
	// Violations says what is wrong with each reply that is.
	Violations []string
}

// measured is a call's result with its latency.
type measured struct {
	client.Result
	latency time.Duration
}

// Run makes the calls and returns when all have ended and every server is gone.
func Run(ctx context.Context, cfg Config) (Result, error) {
	history, onCommit, err := record(ctx, cfg.Path)
	if err != nil {
		return Result{}, err
	}
	servers, err := fleet.Start(ctx, fleet.Config{
		Path: cfg.Path, Plain: cfg.Plain, OnCommit: onCommit, Options: cfg.Telemetry.ServerOptions(),
	})
	if err != nil {
		return Result{}, err
	}
	clients, err := connect(ctx, cfg, servers)
	if err != nil {
		return Result{}, errors.Join(err, servers.Stop())
	}
	// What the start-up left behind is collected now and not during the run.
	runtime.GC()
	start := time.Now()
	results, faults := drive(ctx, cfg, start, servers, clients)
	wall := time.Since(start)
	// Only when the last handler has ended is the history complete.
	if err := errors.Join(faults, closeAll(clients), servers.Stop(), ctx.Err()); err != nil {
		return Result{}, err
	}
	return judge(cfg.Calls, results, history, servers, wall), nil
}

func connect(ctx context.Context, cfg Config, servers *fleet.Fleet) ([]*client.Client, error) {
	ctx, cancel := context.WithTimeout(ctx, warmUp)
	defer cancel()
	var clients []*client.Client
	var errs []error
	for id := range Clients {
		var c *client.Client
		var err error
		if cfg.Plain {
			c, err = client.NewPlain(id, servers.Addresses, cfg.Telemetry.DialOptions()...)
		} else {
			c, err = client.NewFreshet(id, servers.Addresses, cfg.Telemetry.Provider(), cfg.Telemetry.DialOptions()...)
		}
		if err != nil {
			errs = append(errs, err)
			continue
		}
		clients = append(clients, c)
		errs = append(errs, c.Warm(ctx))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, errors.Join(err, closeAll(clients))
	}
	return clients, nil
}

func closeAll(clients []*client.Client) error {
	errs := make([]error, len(clients))
	for i, c := range clients {
		errs[i] = c.Close()
	}
	return errors.Join(errs...)
}

// drive makes the calls while the faults happen.
func drive(
	ctx context.Context, cfg Config, start time.Time, servers *fleet.Fleet, clients []*client.Client,
) ([]measured, error) {
	var faults error
	var wg sync.WaitGroup
	wg.Go(func() { faults = servers.Play(ctx, start, fleet.Faults(cfg.Length)) })
	results := make([]measured, len(cfg.Calls))
	load.Drive(ctx, start, cfg.Calls, load.Sleep, func(ctx context.Context, i int, due time.Time) {
		call := cfg.Calls[i]
		r := clients[call.Client].Do(ctx, call)
		results[i] = measured{Result: r, latency: time.Since(due)}
	})
	wg.Wait()
	return results, faults
}

// judge checks every reply and sums up.
func judge(
	calls []load.Call, results []measured, history *truth.History, servers *fleet.Fleet, wall time.Duration,
) Result {
	var replies []truth.Reply
	for i := range results {
		if results[i].Err == nil {
			replies = append(replies, results[i].Reply)
		}
	}
	verdicts := history.Check(replies)
	var result Result
	samples := make([]report.Sample, len(results))
	for i := range results {
		r := &results[i]
		s := report.Sample{Service: serviceOf(calls[i].Kind), Latency: r.latency, Failed: r.Err != nil, Cached: r.Cached}
		if r.Err == nil {
			s.Verdict, verdicts = verdicts[0], verdicts[1:]
		}
		if v := s.Verdict.Violation; v != "" {
			result.Violations = append(result.Violations, fmt.Sprintf("call %d, due at %v: %s", i, calls[i].At, v))
		}
		samples[i] = s
	}
	origin := make(map[service.Name]uint64)
	for _, name := range service.All() {
		origin[name] = servers.Calls(name)
	}
	result.Run = report.Summarize(samples, origin, wall)
	return result
}

func serviceOf(k load.Kind) service.Name {
	switch k {
	case load.GetAirport, load.UpdateAirport:
		return service.Directory
	case load.GetFare, load.SetFare:
		return service.Fares
	}
	return service.Seats
}
