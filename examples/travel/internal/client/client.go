// Package client is the application that calls the example's services: once
// through plain grpc-go, once through freshet.
//
//	c, err := client.NewFreshet(0, fleet.Addresses, nil)
//	defer c.Close()
//	result := c.Do(ctx, call)
//
// The two differ in how their channels are made, which is all of plain.go and
// freshet.go; every call after that is the same code on the same generated
// stubs.
package client

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/grpc"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/freshet-io/freshet/examples/travel/internal/fleet"
	"github.com/freshet-io/freshet/examples/travel/internal/load"
	"github.com/freshet-io/freshet/examples/travel/internal/service"
	"github.com/freshet-io/freshet/examples/travel/internal/truth"
	travelv1 "github.com/freshet-io/freshet/examples/travel/proto/freshet/examples/travel/v1"
	"github.com/freshet-io/freshet/interceptor/cache"
)

// deadline is how long a call may take, in both systems.
const deadline = 2 * time.Second

// methodConfig is what both systems do about calls that fail because a server
// is gone: they try again, at most twice. The services' writes may be repeated.
const methodConfig = `"methodConfig": [{
	"name": [{}],
	"retryPolicy": {
		"maxAttempts": 3, "initialBackoff": "0.01s", "maxBackoff": "0.1s", "backoffMultiplier": 2,
		"retryableStatusCodes": ["UNAVAILABLE"]
	}
}]`

// Client is one process's worth of callers: a channel to each service and, with
// freshet, one cache for all of them. Its methods may be called concurrently.
type Client struct {
	id    int
	conns []*grpc.ClientConn
	cache *cache.Cache // nil in the baseline

	directory travelv1.DirectoryServiceClient
	fares     travelv1.FaresServiceClient
	seats     travelv1.SeatsServiceClient
}

// Addresses says where the replicas of a service listen.
type Addresses func(service.Name) []string

// connect makes the three channels with dial.
func (c *Client) connect(dial func(service.Name) (*grpc.ClientConn, error)) error {
	for _, to := range []struct {
		name service.Name
		stub func(grpc.ClientConnInterface)
	}{
		{service.Directory, func(cc grpc.ClientConnInterface) { c.directory = travelv1.NewDirectoryServiceClient(cc) }},
		{service.Fares, func(cc grpc.ClientConnInterface) { c.fares = travelv1.NewFaresServiceClient(cc) }},
		{service.Seats, func(cc grpc.ClientConnInterface) { c.seats = travelv1.NewSeatsServiceClient(cc) }},
	} {
		conn, err := dial(to.name)
		if err != nil {
			return errors.Join(fmt.Errorf("client: %s: %w", to.name, err), c.Close())
		}
		c.conns = append(c.conns, conn)
		to.stub(conn)
	}
	return nil
}

// Warm connects every channel to its replicas and returns when calls go
// through. What it calls is the health service, a few times for each replica.
func (c *Client) Warm(ctx context.Context) error {
	for _, conn := range c.conns {
		for range 3 * fleet.Replicas {
			_, err := healthpb.NewHealthClient(conn).Check(ctx, &healthpb.HealthCheckRequest{}, grpc.WaitForReady(true))
			if err != nil {
				return fmt.Errorf("client: %s: %w", conn.Target(), err)
			}
		}
	}
	return nil
}

// Close closes the channels and the cache.
func (c *Client) Close() error {
	var errs []error
	for _, conn := range c.conns {
		errs = append(errs, conn.Close())
	}
	if c.cache != nil {
		errs = append(errs, c.cache.Close())
	}
	return errors.Join(errs...)
}

// Result is what came of a call.
type Result struct {
	Reply  truth.Reply // what was shown, where Err is nil
	Cached bool        // it was answered from the cache
	Err    error
}

// Do makes a call of the plan.
func (c *Client) Do(ctx context.Context, call load.Call) Result {
	ctx, cancel := context.WithTimeout(service.WithTraveller(ctx, call.Traveller), deadline)
	defer cancel()
	var outcome cache.Outcome
	var opts []grpc.CallOption
	if c.cache != nil {
		opts = append(opts, cache.Report(&outcome))
	}
	start := time.Now()
	shown, err := c.call(ctx, call, opts)
	if err != nil {
		return Result{Err: err}
	}
	return Result{
		Reply: truth.Reply{
			Client: c.id, Viewer: call.Traveller, Key: shown.key, Version: shown.version, Shown: shown.message,
			Start: start, End: time.Now(), Bound: bound(call.Kind, outcome.Result), Write: call.Kind.IsWrite(),
		},
		Cached: outcome.Result == cache.Hit || outcome.Result == cache.Stale,
	}
}
