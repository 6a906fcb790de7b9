package service

import (
	"errors"
	"net"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/reflection"

	"github.com/freshet-io/freshet/balancer/loadreport"
	"github.com/freshet-io/freshet/examples/travel/internal/db"
	"github.com/freshet-io/freshet/interceptor/origin"
)

// Config says what a server serves.
type Config struct {
	// DB is the replica's database. The server does not close it.
	DB *db.DB
	// Services are the services to serve; none is a fault.
	Services []Name
	// Plain leaves out everything of freshet: the server of the baseline.
	Plain bool
	// Options are appended to the server's own.
	Options []grpc.ServerOption
}

// Server is a gRPC server of the example, with gRPC's health and reflection
// services.
type Server struct {
	grpc   *grpc.Server
	health *health.Server
}

// New makes a server.
func New(cfg Config) (*Server, error) {
	if len(cfg.Services) == 0 {
		return nil, errors.New("service: a server needs at least one service")
	}
	s := &Server{health: health.NewServer()}
	var opts []grpc.ServerOption
	if !cfg.Plain {
		report, err := loadreport.New()
		if err != nil {
			return nil, err
		}
		caching, err := origin.New()
		if err != nil {
			return nil, err
		}
		// The reporter first, so that it counts and times all that a call
		// costs this server.
		opts = append(report.ServerOptions(), caching.ServerOptions()...)
	}
	// Stop waits for handlers: only then may the database be closed.
	opts = append(opts, grpc.WaitForHandlers(true))
	s.grpc = grpc.NewServer(append(opts, cfg.Options...)...)
	for _, name := range cfg.Services {
		name.register(s.grpc, cfg.DB)
		s.health.SetServingStatus(name.FullName(), healthpb.HealthCheckResponse_SERVING)
	}
	healthpb.RegisterHealthServer(s.grpc, s.health)
	reflection.Register(s.grpc)
	return s, nil
}

// Serve serves until the server is stopped, and returns nil then, or at once if
// it has been.
func (s *Server) Serve(l net.Listener) error {
	if err := s.grpc.Serve(l); !errors.Is(err, grpc.ErrServerStopped) {
		return err
	}
	return nil
}

// Drain tells clients to go elsewhere and returns when the calls under way have
// ended.
func (s *Server) Drain() {
	s.health.Shutdown()
	s.grpc.GracefulStop()
}

// Stop cuts all connections, as a crash would, and returns when no handler is
// left.
func (s *Server) Stop() { s.grpc.Stop() }
