package service

import (
	"context"
	"unicode/utf8"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/freshet-io/freshet/examples/travel/internal/db"
	travelv1 "github.com/freshet-io/freshet/examples/travel/proto/freshet/examples/travel/v1"
)

const (
	defaultSearchLimit = 20
	maxSearchLimit     = 100
	maxNotice          = 500
)

type directory struct {
	travelv1.UnimplementedDirectoryServiceServer
	db *db.DB
}

func (s *directory) GetAirport(
	ctx context.Context, req *travelv1.GetAirportRequest,
) (*travelv1.GetAirportResponse, error) {
	a, err := s.db.Airport(ctx, req.GetCode())
	if err != nil {
		return nil, failure(ctx, err)
	}
	return &travelv1.GetAirportResponse{Airport: AirportMessage(a)}, nil
}

func (s *directory) SearchAirports(
	ctx context.Context, req *travelv1.SearchAirportsRequest,
) (*travelv1.SearchAirportsResponse, error) {
	if req.GetPrefix() == "" {
		return nil, status.Error(codes.InvalidArgument, "prefix must have at least one character")
	}
	limit := req.GetLimit()
	if limit == 0 {
		limit = defaultSearchLimit
	}
	if limit > maxSearchLimit {
		return nil, status.Errorf(codes.InvalidArgument, "limit must be at most %d, got %d", maxSearchLimit, limit)
	}
	list, err := s.db.SearchAirports(ctx, req.GetPrefix(), int(limit))
	if err != nil {
		return nil, failure(ctx, err)
	}
	resp := &travelv1.SearchAirportsResponse{Airports: make([]*travelv1.Airport, len(list))}
	for i := range list {
		resp.Airports[i] = AirportMessage(list[i])
	}
	return resp, nil
}

func (s *directory) UpdateAirport(
	ctx context.Context, req *travelv1.UpdateAirportRequest,
) (*travelv1.UpdateAirportResponse, error) {
	if n := utf8.RuneCountInString(req.GetNotice()); n > maxNotice {
		return nil, status.Errorf(codes.InvalidArgument, "notice must have at most %d characters, got %d", maxNotice, n)
	}
	a, err := s.db.SetNotice(ctx, req.GetIdent(), req.GetNotice())
	if err != nil {
		return nil, failure(ctx, err)
	}
	return &travelv1.UpdateAirportResponse{Airport: AirportMessage(a)}, nil
}
