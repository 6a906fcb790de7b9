// Package fleet runs replicas of the example's services in this process, each a
// server of its own on a TCP port of its own with database connections of its
// own, and makes them misbehave on schedule.
//
//	f, err := fleet.Start(ctx, fleet.Config{Path: "travel.db"})
//	defer f.Stop()
//	f.Play(ctx, time.Now(), fleet.Faults(10*time.Second))
package fleet

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"

	"github.com/freshet-io/freshet/examples/travel/internal/db"
	"github.com/freshet-io/freshet/examples/travel/internal/service"
)

// Replicas is how many servers each service has.
const Replicas = 5

// Config says what a fleet is made of.
type Config struct {
	// Path is the database file, which all replicas share.
	Path string
	// Plain leaves freshet out of the servers.
	Plain bool
	// OnCommit is told of every commit of any replica; may be nil.
	OnCommit func(db.Commit)
	// Options are given to every server.
	Options []grpc.ServerOption
}

// Fleet is the replicas of all services. Calls, Addresses and Slow may be called
// concurrently; the other methods may not.
type Fleet struct{ tiers map[service.Name]*tier }

// tier is the replicas of one service.
type tier struct {
	calls    atomic.Uint64
	replicas []*replica
}

// Start starts all replicas of all services.
func Start(ctx context.Context, cfg Config) (*Fleet, error) {
	f := &Fleet{tiers: make(map[service.Name]*tier)}
	for _, name := range service.All() {
		t := &tier{}
		f.tiers[name] = t
		for range Replicas {
			r := newReplica(cfg, name, &t.calls)
			if err := r.start(ctx); err != nil {
				return nil, errors.Join(err, f.Stop())
			}
			t.replicas = append(t.replicas, r)
		}
	}
	return f, nil
}

// Addresses returns where the replicas of a service listen.
func (f *Fleet) Addresses(name service.Name) []string {
	replicas := f.tiers[name].replicas
	list := make([]string, len(replicas))
	for i, r := range replicas {
		list[i] = r.address
	}
	return list
}

// Calls returns how many calls have reached a handler of a service, every
// attempt of a retried call counted.
func (f *Fleet) Calls(name service.Name) uint64 { return f.tiers[name].calls.Load() }

// Slow makes replica i of every service take longer by d for every call that it
// begins from now on, as if its disk were ill: the call keeps its database
// connection for as long, and calls beyond db.Connections wait for one.
func (f *Fleet) Slow(i int, d time.Duration) {
	for _, t := range f.tiers {
		t.replicas[i].delay.Store(int64(d))
	}
}

// Kill stops replica i of every service as a crash would: connections are cut
// and calls under way are lost.
func (f *Fleet) Kill(i int) error {
	errs := make([]error, 0, len(f.tiers))
	for _, t := range f.tiers {
		errs = append(errs, t.replicas[i].stop())
	}
	return errors.Join(errs...)
}

// Restart starts replica i of every service again, at its old address.
func (f *Fleet) Restart(ctx context.Context, i int) error {
	errs := make([]error, 0, len(f.tiers))
	for _, t := range f.tiers {
		errs = append(errs, t.replicas[i].start(ctx))
	}
	return errors.Join(errs...)
}

// Stop stops every replica.
func (f *Fleet) Stop() error {
	errs := make([]error, 0, len(f.tiers)*Replicas)
	for _, t := range f.tiers {
		for _, r := range t.replicas {
			errs = append(errs, r.stop())
		}
	}
	return errors.Join(errs...)
}
