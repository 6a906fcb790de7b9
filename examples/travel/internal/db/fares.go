package db

import (
	"context"
	"database/sql"
)

const (
	fareColumns = `origin, destination, amount_cents, version`
	selectFare  = `SELECT ` + fareColumns + ` FROM fares WHERE origin = ? AND destination = ?`
	updateFare  = `UPDATE fares SET amount_cents = ?3, version = version + 1 WHERE origin = ?1 AND destination = ?2
		RETURNING ` + fareColumns
)

// Fare is the price of a route.
type Fare struct {
	Origin, Destination string
	AmountCents         int64
	Version             uint64
}

// Key is "fare:" and the route.
func (f Fare) Key() string { return "fare:" + f.Origin + "-" + f.Destination }

// Revision is the fare's version.
func (f Fare) Revision() uint64 { return f.Version }

func (f *Fare) scan(row scanner) error {
	return row.Scan(&f.Origin, &f.Destination, &f.AmountCents, &f.Version)
}

// Fare returns the fare of a route, or ErrNotFound.
func (d *DB) Fare(ctx context.Context, origin, destination string) (f Fare, err error) {
	return f, found(f.scan(d.reads.fare.QueryRowContext(ctx, origin, destination)))
}

// SetFare changes the fare of a route, or returns ErrNotFound.
func (d *DB) SetFare(ctx context.Context, origin, destination string, cents int64) (f Fare, err error) {
	err = d.write(ctx, func(ctx context.Context, tx *sql.Tx) ([]Row, error) {
		err := found(f.scan(tx.QueryRowContext(ctx, updateFare, origin, destination, cents)))
		return []Row{f}, err
	})
	return f, err
}
