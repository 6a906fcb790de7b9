package fleet

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/status"

	"github.com/freshet-io/freshet/examples/travel/internal/db"
	"github.com/freshet-io/freshet/examples/travel/internal/service"
)

// replica is one server of one service. Between start and stop it runs.
type replica struct {
	cfg     Config
	name    service.Name
	calls   *atomic.Uint64 // of the whole tier
	delay   atomic.Int64   // of every call, in nanoseconds
	workers chan struct{}  // holds one for each call at work
	address string         // once known, kept over restarts

	server *service.Server // nil while stopped
	db     *db.DB
	served chan error
}

func newReplica(cfg Config, name service.Name, calls *atomic.Uint64) *replica {
	return &replica{cfg: cfg, name: name, calls: calls, address: "127.0.0.1:0", workers: make(chan struct{}, db.Connections)}
}

func (r *replica) start(ctx context.Context) error {
	d, err := db.Open(ctx, r.cfg.Path, r.cfg.OnCommit)
	if err != nil {
		return err
	}
	work := grpc.ChainUnaryInterceptor(r.work)
	server, err := service.New(service.Config{
		DB: d, Services: []service.Name{r.name}, Plain: r.cfg.Plain,
		Options: append([]grpc.ServerOption{work}, r.cfg.Options...),
	})
	if err != nil {
		return errors.Join(err, d.Close())
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", r.address)
	if err != nil {
		return errors.Join(fmt.Errorf("fleet: %s: %w", r.name, err), d.Close())
	}
	r.address, r.server, r.db, r.served = listener.Addr().String(), server, d, make(chan error, 1)
	go func() { r.served <- server.Serve(listener) }()
	return nil
}

// stop cuts the connections and waits for the handlers, so that whatever they
// commit has been told of when it returns. A stopped replica stays stopped.
func (r *replica) stop() error {
	if r.server == nil {
		return nil
	}
	r.server.Stop()
	err := errors.Join(<-r.served, r.db.Close())
	r.server = nil
	return err
}

// work counts the calls of the replica's service, and gives each a worker for as
// long as the replica takes.
func (r *replica) work(
	ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler,
) (any, error) {
	if !strings.HasPrefix(info.FullMethod, "/"+r.name.FullName()+"/") {
		return handler(ctx, req) // health checks and the like
	}
	r.calls.Add(1)
	select {
	case r.workers <- struct{}{}:
		defer func() { <-r.workers }()
	case <-ctx.Done():
		return nil, status.FromContextError(ctx.Err()).Err()
	}
	if d := time.Duration(r.delay.Load()); d > 0 {
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			return nil, status.FromContextError(ctx.Err()).Err()
		}
	}
	return handler(ctx, req)
}
