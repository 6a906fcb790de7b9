package client

import (
	"context"
	"fmt"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/freshet-io/freshet/examples/travel/internal/airports"
	"github.com/freshet-io/freshet/examples/travel/internal/db"
	"github.com/freshet-io/freshet/examples/travel/internal/load"
	travelv1 "github.com/freshet-io/freshet/examples/travel/proto/freshet/examples/travel/v1"
)

// shown is the row that a reply shows.
type shown struct {
	key     string
	version uint64
	message proto.Message
}

// call makes the call and says what its reply shows. The key is that of the row
// that was asked for, so that a reply about another one is found out.
func (c *Client) call(ctx context.Context, call load.Call, opts []grpc.CallOption) (shown, error) {
	switch call.Kind {
	case load.GetAirport, load.UpdateAirport:
		return c.callDirectory(ctx, call, opts)
	case load.GetFare, load.SetFare:
		return c.callFares(ctx, call, opts)
	case load.GetSeat, load.GetSeatMap, load.HoldSeat, load.SellSeat:
		return c.callSeats(ctx, call, opts)
	}
	return shown{}, fmt.Errorf("client: no method for kind %d", call.Kind)
}

func (c *Client) callDirectory(ctx context.Context, call load.Call, opts []grpc.CallOption) (shown, error) {
	var a *travelv1.Airport
	if call.Kind == load.UpdateAirport {
		req := &travelv1.UpdateAirportRequest{Ident: call.Code, Notice: call.Notice}
		resp, err := c.directory.UpdateAirport(ctx, req, opts...)
		if err != nil {
			return shown{}, err
		}
		a = resp.GetAirport()
	} else {
		resp, err := c.directory.GetAirport(ctx, &travelv1.GetAirportRequest{Code: call.Code}, opts...)
		if err != nil {
			return shown{}, err
		}
		a = resp.GetAirport()
	}
	ident := a.GetIdent()
	if a.GetIata() != call.Code {
		ident = call.Code
	}
	return shown{db.Airport{Airport: airports.Airport{Ident: ident}}.Key(), a.GetVersion(), a}, nil
}

func (c *Client) callFares(ctx context.Context, call load.Call, opts []grpc.CallOption) (shown, error) {
	var f *travelv1.Fare
	if call.Kind == load.SetFare {
		resp, err := c.fares.SetFare(ctx, &travelv1.SetFareRequest{
			Origin: call.Origin, Destination: call.Destination, AmountCents: call.AmountCents,
		}, opts...)
		if err != nil {
			return shown{}, err
		}
		f = resp.GetFare()
	} else {
		req := &travelv1.GetFareRequest{Origin: call.Origin, Destination: call.Destination}
		resp, err := c.fares.GetFare(ctx, req, opts...)
		if err != nil {
			return shown{}, err
		}
		f = resp.GetFare()
	}
	return shown{db.Fare{Origin: call.Origin, Destination: call.Destination}.Key(), f.GetVersion(), f}, nil
}

func (c *Client) callSeats(ctx context.Context, call load.Call, opts []grpc.CallOption) (shown, error) {
	if call.Kind == load.GetSeatMap {
		resp, err := c.seats.GetSeatMap(ctx, &travelv1.GetSeatMapRequest{Flight: call.Flight}, opts...)
		return shown{db.SeatMap{Flight: call.Flight}.Key(), resp.GetVersion(), resp}, err
	}
	var resp interface{ GetSeat() *travelv1.Seat }
	var err error
	switch call.Kind {
	case load.HoldSeat:
		resp, err = c.seats.HoldSeat(ctx, &travelv1.HoldSeatRequest{Flight: call.Flight, Number: call.Seat}, opts...)
	case load.SellSeat:
		resp, err = c.seats.SellSeat(ctx, &travelv1.SellSeatRequest{Flight: call.Flight, Number: call.Seat}, opts...)
	default:
		resp, err = c.seats.GetSeat(ctx, &travelv1.GetSeatRequest{Flight: call.Flight, Number: call.Seat}, opts...)
	}
	if err != nil {
		return shown{}, err
	}
	s := resp.GetSeat()
	return shown{db.Seat{Flight: call.Flight, Number: call.Seat}.Key(), s.GetVersion(), s}, nil
}
