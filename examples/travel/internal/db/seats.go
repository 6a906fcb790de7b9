package db

import (
	"context"
	"database/sql"
)

const (
	selectSeat    = `SELECT flight, number, state, holder, version FROM seats WHERE flight = ? AND number = ?`
	selectSeatMap = `SELECT f.version, s.flight, s.number, s.state, s.holder, s.version
		FROM flights f JOIN seats s ON s.flight = f.number WHERE f.number = ? ORDER BY s.place`
	updateSeat = `UPDATE seats SET state = ?3, holder = ?4, version = version + 1 WHERE flight = ?1 AND number = ?2
		RETURNING flight, number, state, holder, version`
	updateFlight = `UPDATE flights SET version = version + 1 WHERE number = ?`
)

// State is what may be done with a seat.
type State string

// The states of a seat. Sold is final.
const (
	Free State = "free"
	Held State = "held"
	Sold State = "sold"
)

// Seat is one seat of one flight.
type Seat struct {
	Flight, Number string
	State          State
	Holder         string // who holds or bought it
	Version        uint64
}

// Key is "seat:", the flight and the number.
func (s Seat) Key() string { return "seat:" + s.Flight + "/" + s.Number }

// Revision is the seat's version.
func (s Seat) Revision() uint64 { return s.Version }

func (s *Seat) scan(row scanner) error {
	return row.Scan(&s.Flight, &s.Number, &s.State, &s.Holder, &s.Version)
}

// SeatMap is all seats of a flight at one moment.
type SeatMap struct {
	Flight  string
	Seats   []Seat
	Version uint64
}

// Key is "seatmap:" and the flight.
func (m SeatMap) Key() string { return "seatmap:" + m.Flight }

// Revision counts the changes of the flight's seats.
func (m SeatMap) Revision() uint64 { return m.Version }

// Seat returns a seat, or ErrNotFound.
func (d *DB) Seat(ctx context.Context, flight, number string) (s Seat, err error) {
	return s, found(s.scan(d.reads.seat.QueryRowContext(ctx, flight, number)))
}

// SeatMap returns the seats of a flight, or ErrNotFound.
func (d *DB) SeatMap(ctx context.Context, flight string) (SeatMap, error) {
	return scanMap(d.reads.seatMap.QueryContext(ctx, flight))
}

// scanMap reads one statement's rows, which are of one state of the database.
func scanMap(rows *sql.Rows, err error) (m SeatMap, _ error) {
	if err != nil {
		return m, err
	}
	defer rows.Close()
	for rows.Next() {
		var s Seat
		if err := rows.Scan(&m.Version, &s.Flight, &s.Number, &s.State, &s.Holder, &s.Version); err != nil {
			return m, err
		}
		m.Flight = s.Flight
		m.Seats = append(m.Seats, s)
	}
	if err := rows.Err(); err != nil {
		return m, err
	}
	if m.Flight == "" {
		return m, ErrNotFound
	}
	return m, nil
}

// Hold keeps a free seat for a holder. Where it is that already it changes
// nothing; a seat of somebody else is ErrTaken.
func (d *DB) Hold(ctx context.Context, flight, number, holder string) (Seat, error) {
	return d.move(ctx, flight, number, Seat{State: Held, Holder: holder}, Seat{State: Free})
}

// Sell sells a seat to its holder. Where it is that already it changes nothing;
// a seat that is not held by the buyer is ErrTaken.
func (d *DB) Sell(ctx context.Context, flight, number, holder string) (Seat, error) {
	return d.move(ctx, flight, number, Seat{State: Sold, Holder: holder}, Seat{State: Held, Holder: holder})
}

// Release gives up a hold. Where the seat is free already it changes nothing; a
// seat that is not the holder's is ErrTaken.
func (d *DB) Release(ctx context.Context, flight, number, holder string) (Seat, error) {
	return d.move(ctx, flight, number, Seat{State: Free}, Seat{State: Held, Holder: holder})
}

// move changes a seat's state and holder to those of to, if they are those of
// from.
func (d *DB) move(ctx context.Context, flight, number string, to, from Seat) (s Seat, err error) {
	err = d.write(ctx, func(ctx context.Context, tx *sql.Tx) ([]Row, error) {
		if err := s.scan(tx.QueryRowContext(ctx, selectSeat, flight, number)); err != nil {
			return nil, found(err)
		}
		switch {
		case s.State == to.State && s.Holder == to.Holder:
			return nil, nil
		case s.State != from.State || s.Holder != from.Holder:
			return nil, ErrTaken
		}
		if err := s.scan(tx.QueryRowContext(ctx, updateSeat, flight, number, to.State, to.Holder)); err != nil {
			return nil, err
		}
		if _, err := tx.ExecContext(ctx, updateFlight, flight); err != nil {
			return nil, err
		}
		m, err := scanMap(tx.QueryContext(ctx, selectSeatMap, flight))
		return []Row{s, m}, err
	})
	return s, err
}
