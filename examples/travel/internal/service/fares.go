package service

import (
	"context"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/freshet-io/freshet/examples/travel/internal/db"
	travelv1 "github.com/freshet-io/freshet/examples/travel/proto/freshet/examples/travel/v1"
)

type fares struct {
	travelv1.UnimplementedFaresServiceServer
	db *db.DB
}

func (s *fares) GetFare(ctx context.Context, req *travelv1.GetFareRequest) (*travelv1.GetFareResponse, error) {
	f, err := s.db.Fare(ctx, req.GetOrigin(), req.GetDestination())
	if err != nil {
		return nil, failure(ctx, err)
	}
	return &travelv1.GetFareResponse{Fare: FareMessage(f)}, nil
}

func (s *fares) SetFare(ctx context.Context, req *travelv1.SetFareRequest) (*travelv1.SetFareResponse, error) {
	if req.GetAmountCents() <= 0 {
		return nil, status.Errorf(codes.InvalidArgument, "amount_cents must be greater than 0, got %d", req.GetAmountCents())
	}
	f, err := s.db.SetFare(ctx, req.GetOrigin(), req.GetDestination(), req.GetAmountCents())
	if err != nil {
		return nil, failure(ctx, err)
	}
	return &travelv1.SetFareResponse{Fare: FareMessage(f)}, nil
}
