// Package service implements the three gRPC services of the example on a
// replica's database, and puts a server together around them.
//
//	srv, err := service.New(service.Config{DB: d, Services: service.All()})
//	err = srv.Serve(listener)
//
// The services themselves are ordinary gRPC code. What freshet adds to a server
// stands in server.go, in two constructors and their server options; what it is
// told by the application stands in the annotations of the .proto files, and in
// one line of GetSeat.
package service

import (
	"context"
	"errors"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/freshet-io/freshet/examples/travel/internal/db"
	travelv1 "github.com/freshet-io/freshet/examples/travel/proto/freshet/examples/travel/v1"
)

// Name names one of the services.
type Name string

// The services.
const (
	Directory Name = "directory"
	Fares     Name = "fares"
	Seats     Name = "seats"
)

// All returns the names of all services.
func All() []Name { return []Name{Directory, Fares, Seats} }

// FullName is the service's name on the wire.
func (n Name) FullName() string {
	return map[Name]string{
		Directory: travelv1.DirectoryService_ServiceDesc.ServiceName,
		Fares:     travelv1.FaresService_ServiceDesc.ServiceName,
		Seats:     travelv1.SeatsService_ServiceDesc.ServiceName,
	}[n]
}

// register adds the service to a server.
func (n Name) register(s grpc.ServiceRegistrar, d *db.DB) {
	switch n {
	case Directory:
		travelv1.RegisterDirectoryServiceServer(s, &directory{db: d})
	case Fares:
		travelv1.RegisterFaresServiceServer(s, &fares{db: d})
	case Seats:
		travelv1.RegisterSeatsServiceServer(s, &seats{db: d})
	}
}

// failure is the status of a database's error.
func failure(ctx context.Context, err error) error {
	switch {
	case errors.Is(err, db.ErrNotFound):
		return status.Error(codes.NotFound, err.Error())
	case errors.Is(err, db.ErrTaken):
		return status.Error(codes.FailedPrecondition, err.Error())
	case ctx.Err() != nil:
		return status.FromContextError(ctx.Err()).Err()
	}
	return status.Error(codes.Internal, err.Error())
}
