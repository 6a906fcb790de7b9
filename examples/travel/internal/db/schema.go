package db

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/freshet-io/freshet/examples/travel/internal/catalog"
)

const schema = `
CREATE TABLE IF NOT EXISTS airports (
	ident TEXT PRIMARY KEY, iata TEXT, size TEXT NOT NULL, name TEXT NOT NULL, municipality TEXT NOT NULL,
	country TEXT NOT NULL, latitude REAL NOT NULL, longitude REAL NOT NULL, elevation_ft INTEGER NOT NULL,
	notice TEXT NOT NULL DEFAULT '', version INTEGER NOT NULL DEFAULT 1
) WITHOUT ROWID;
CREATE UNIQUE INDEX IF NOT EXISTS airports_iata ON airports (iata) WHERE iata <> '';
CREATE TABLE IF NOT EXISTS fares (
	origin TEXT, destination TEXT, amount_cents INTEGER NOT NULL, version INTEGER NOT NULL DEFAULT 1,
	PRIMARY KEY (origin, destination)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS flights (
	number TEXT PRIMARY KEY, version INTEGER NOT NULL DEFAULT 1
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS seats (
	flight TEXT, place INTEGER, number TEXT NOT NULL, state TEXT NOT NULL DEFAULT 'free',
	holder TEXT NOT NULL DEFAULT '', version INTEGER NOT NULL DEFAULT 1,
	PRIMARY KEY (flight, place), UNIQUE (flight, number)
) WITHOUT ROWID;`

// statements are the reads, prepared once.
type statements struct{ airport, search, fare, seat, seatMap *sql.Stmt }

// prepare makes the tables where they are missing, fills them where they are
// empty, and prepares the reads.
func (d *DB) prepare(ctx context.Context) error {
	tx, err := d.sql.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // after the commit there is nothing to roll back
	if _, err := tx.ExecContext(ctx, schema); err != nil {
		return err
	}
	var empty bool
	if err := tx.QueryRowContext(ctx, `SELECT NOT EXISTS (SELECT 1 FROM airports)`).Scan(&empty); err != nil {
		return err
	}
	if empty {
		if err := fill(ctx, tx); err != nil {
			return fmt.Errorf("filling: %w", err)
		}
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	for _, s := range []struct {
		to    **sql.Stmt
		query string
	}{
		{&d.reads.airport, selectAirport},
		{&d.reads.search, searchAirports},
		{&d.reads.fare, selectFare},
		{&d.reads.seat, selectSeat},
		{&d.reads.seatMap, selectSeatMap},
	} {
		*s.to, err = d.sql.PrepareContext(ctx, s.query) //nolint:sqlclosecheck // closed with the pool
		if err != nil {
			return err
		}
	}
	return nil
}

// fill writes the catalog, every row at version 1.
func fill(ctx context.Context, tx *sql.Tx) error {
	c, err := catalog.New()
	if err != nil {
		return err
	}
	in := inserter{tx: tx}
	airport := in.into(ctx, `airports (ident, iata, size, name, municipality, country, latitude, longitude, elevation_ft)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`)
	for _, a := range c.Airports {
		airport(a.Ident, a.IATA, a.Size, a.Name, a.Municipality, a.Country, a.Latitude, a.Longitude, a.ElevationFt)
	}
	fare := in.into(ctx, `fares (origin, destination, amount_cents) VALUES (?, ?, ?)`)
	for _, r := range c.Routes {
		fare(r.Origin, r.Destination, r.AmountCents)
	}
	flight := in.into(ctx, `flights (number) VALUES (?)`)
	seat := in.into(ctx, `seats (flight, place, number) VALUES (?, ?, ?)`)
	for _, f := range c.Flights {
		flight(f.Number)
		for place, number := range c.Seats {
			seat(f.Number, place, number)
		}
	}
	return in.err
}

// inserter inserts until the first error, which it keeps.
type inserter struct {
	tx  *sql.Tx
	err error
}

func (in *inserter) into(ctx context.Context, table string) func(values ...any) {
	if in.err != nil {
		return func(...any) {}
	}
	stmt, err := in.tx.PrepareContext(ctx, "INSERT INTO "+table)
	in.err = err
	return func(values ...any) {
		if in.err == nil {
			_, in.err = stmt.ExecContext(ctx, values...)
		}
	}
}
