package service

import (
	"context"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/freshet-io/freshet/examples/travel/internal/db"
	travelv1 "github.com/freshet-io/freshet/examples/travel/proto/freshet/examples/travel/v1"
	"github.com/freshet-io/freshet/interceptor/origin"
)

// final is how the reply that shows a sold seat may be reused: nothing changes
// such a seat again, and only its traveller is shown whose it is.
const final = "private, max-age=3600"

type seats struct {
	travelv1.UnimplementedSeatsServiceServer
	db *db.DB
}

func (s *seats) GetSeat(ctx context.Context, req *travelv1.GetSeatRequest) (*travelv1.GetSeatResponse, error) {
	traveller, err := incomingTraveller(ctx)
	if err != nil {
		return nil, err
	}
	seat, err := s.db.Seat(ctx, req.GetFlight(), req.GetNumber())
	if err != nil {
		return nil, failure(ctx, err)
	}
	if seat.State == db.Sold {
		// The only error is that the server has no origin interceptor, as that
		// of the baseline: the reply is then as good, and not reused.
		_ = origin.SetCacheControl(ctx, final)
	}
	return &travelv1.GetSeatResponse{Seat: SeatMessage(seat, traveller)}, nil
}

func (s *seats) GetSeatMap(
	ctx context.Context, req *travelv1.GetSeatMapRequest,
) (*travelv1.GetSeatMapResponse, error) {
	traveller, err := incomingTraveller(ctx)
	if err != nil {
		return nil, err
	}
	m, err := s.db.SeatMap(ctx, req.GetFlight())
	if err != nil {
		return nil, failure(ctx, err)
	}
	return SeatMapMessage(m, traveller), nil
}

func (s *seats) HoldSeat(ctx context.Context, req *travelv1.HoldSeatRequest) (*travelv1.HoldSeatResponse, error) {
	seat, err := s.change(ctx, req, s.db.Hold)
	if err != nil {
		return nil, err
	}
	return &travelv1.HoldSeatResponse{Seat: seat}, nil
}

func (s *seats) SellSeat(ctx context.Context, req *travelv1.SellSeatRequest) (*travelv1.SellSeatResponse, error) {
	seat, err := s.change(ctx, req, s.db.Sell)
	if err != nil {
		return nil, err
	}
	return &travelv1.SellSeatResponse{Seat: seat}, nil
}

func (s *seats) ReleaseSeat(
	ctx context.Context, req *travelv1.ReleaseSeatRequest,
) (*travelv1.ReleaseSeatResponse, error) {
	seat, err := s.change(ctx, req, s.db.Release)
	if err != nil {
		return nil, err
	}
	return &travelv1.ReleaseSeatResponse{Seat: seat}, nil
}

// change makes one of the changes that only a known traveller may make.
func (s *seats) change(
	ctx context.Context,
	req interface {
		GetFlight() string
		GetNumber() string
	},
	do func(ctx context.Context, flight, number, holder string) (db.Seat, error),
) (*travelv1.Seat, error) {
	traveller, err := incomingTraveller(ctx)
	if err != nil {
		return nil, err
	}
	if traveller == "" {
		return nil, status.Errorf(codes.Unauthenticated, "metadata %q must say who calls", travellerKey)
	}
	seat, err := do(ctx, req.GetFlight(), req.GetNumber(), traveller)
	if err != nil {
		return nil, failure(ctx, err)
	}
	return SeatMessage(seat, traveller), nil
}
