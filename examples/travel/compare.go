package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/freshet-io/freshet/examples/travel/internal/catalog"
	"github.com/freshet-io/freshet/examples/travel/internal/client"
	"github.com/freshet-io/freshet/examples/travel/internal/db"
	"github.com/freshet-io/freshet/examples/travel/internal/demo"
	"github.com/freshet-io/freshet/examples/travel/internal/fleet"
	"github.com/freshet-io/freshet/examples/travel/internal/load"
	"github.com/freshet-io/freshet/examples/travel/internal/report"
	"github.com/freshet-io/freshet/examples/travel/internal/service"
	"github.com/freshet-io/freshet/examples/travel/internal/standalone"
	"github.com/freshet-io/freshet/examples/travel/internal/telemetry"
)

const (
	// flushTimeout bounds how long the last traces may take to leave.
	flushTimeout = 5 * time.Second
	// maxExplained is how many violations are explained one by one.
	maxExplained = 5
)

// compare runs both systems, prints what came of it, and serves afterwards where
// that is asked for.
func compare(ctx context.Context, cfg config, stdout, stderr io.Writer) (err error) {
	tel, err := telemetry.Setup(ctx, cfg.telemetry)
	if err != nil {
		return err
	}
	defer func() {
		flush, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushTimeout)
		defer cancel()
		err = errors.Join(err, tel.Shutdown(flush))
	}()
	var listener net.Listener
	if cfg.addr != "" {
		// An address that cannot be had is better known now than afterwards.
		if listener, err = new(net.ListenConfig).Listen(ctx, "tcp", cfg.addr); err != nil {
			return err
		}
		defer listener.Close() //nolint:errcheck // closed already where it served
	}
	dir, err := os.MkdirTemp("", "freshet-travel-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()

	path := filepath.Join(dir, "freshet.db")
	if err := measure(ctx, cfg, tel, filepath.Join(dir, "baseline.db"), path, stdout, stderr); err != nil {
		return err
	}
	if listener == nil {
		return nil
	}
	return serve(ctx, tel, path, listener, stderr)
}

// measure runs both systems and prints the figures. It fails if freshet broke a
// promise.
func measure(
	ctx context.Context, cfg config, tel *telemetry.Telemetry, baselineDB, freshetDB string, stdout, stderr io.Writer,
) error {
	things, err := catalog.New()
	if err != nil {
		return err
	}
	length := cfg.duration / 2
	calls, err := load.Plan(load.Config{
		Seed: cfg.seed, Rate: cfg.rate, Duration: length, Clients: demo.Clients, Catalog: things,
	})
	if err != nil {
		return err
	}
	sayf(stderr, "%d calls in %v by %d clients to %d replicas of each of %d services, through round_robin …\n",
		len(calls), length, demo.Clients, fleet.Replicas, len(service.All()))
	run := demo.Config{Path: baselineDB, Plain: true, Calls: calls, Length: length, Telemetry: tel}
	baseline, err := demo.Run(ctx, run)
	if err != nil {
		return fmt.Errorf("the run through round_robin: %w", err)
	}
	sayf(stderr, "… and the same through freshet.\n\n")
	run.Path, run.Plain = freshetDB, false
	freshet, err := demo.Run(ctx, run)
	if err != nil {
		return fmt.Errorf("the run through freshet: %w", err)
	}
	show := report.Table
	if cfg.json {
		show = report.JSON
	}
	comparison := report.Comparison{Baseline: baseline.Run, Freshet: freshet.Run, MaxAge: make(map[service.Name]time.Duration)}
	for _, name := range service.All() {
		comparison.MaxAge[name] = client.MaxAge(name)
	}
	if err := show(stdout, comparison); err != nil {
		return err
	}
	return errors.Join(kept("round_robin", baseline, stderr), kept("freshet", freshet, stderr))
}

// kept returns an error if a reply was a violation, and explains the first ones.
// Through round_robin none can be; one would be a fault of the check.
func kept(system string, result demo.Result, stderr io.Writer) error {
	for i, v := range result.Violations {
		if i == maxExplained {
			break
		}
		sayf(stderr, "violation through %s: %s\n", system, v)
	}
	if n := result.Run.FreshnessViolations; n > 0 {
		return fmt.Errorf("%s answered %d of %d calls with a reply older than declared, or otherwise untrue",
			system, n, result.Run.Calls)
	}
	return nil
}

// serve serves all services on one address until ctx ends.
func serve(ctx context.Context, tel *telemetry.Telemetry, path string, l net.Listener, stderr io.Writer) error {
	d, err := db.Open(ctx, path, nil)
	if err != nil {
		return err
	}
	server, err := service.New(service.Config{DB: d, Services: service.All(), Options: tel.ServerOptions()})
	if err == nil {
		sayf(stderr, "serving all services on %s until interrupted\n", l.Addr())
		err = standalone.ServeUntil(ctx, server, l)
	}
	return errors.Join(err, d.Close())
}
