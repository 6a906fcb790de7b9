package demo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/freshet-io/freshet/examples/travel/internal/db"
	"github.com/freshet-io/freshet/examples/travel/internal/service"
	"github.com/freshet-io/freshet/examples/travel/internal/truth"
)

// record makes a new database and starts its history. The function it returns
// is to be told of every commit.
func record(ctx context.Context, path string) (*truth.History, func(db.Commit), error) {
	d, err := db.Open(ctx, path, nil)
	if err != nil {
		return nil, nil, err
	}
	rows, err := d.Rows(ctx)
	if err := errors.Join(err, d.Close()); err != nil {
		return nil, nil, err
	}
	history := truth.NewHistory()
	for _, row := range rows {
		history.Add(row.Key(), row.Revision(), time.Time{}, time.Time{}, show(row))
	}
	return history, func(c db.Commit) {
		for _, row := range c.Rows {
			history.Add(row.Key(), row.Revision(), c.Before, c.After, show(row))
		}
	}, nil
}

// show returns what a service shows of a row, by whom it is asked.
func show(row db.Row) func(viewer string) proto.Message {
	return func(viewer string) proto.Message {
		switch row := row.(type) {
		case db.Airport:
			return service.AirportMessage(row)
		case db.Fare:
			return service.FareMessage(row)
		case db.Seat:
			return service.SeatMessage(row, viewer)
		case db.SeatMap:
			return service.SeatMapMessage(row, viewer)
		}
		panic(fmt.Sprintf("demo: no service shows a %T", row))
	}
}
