package db

import (
	"context"
	"database/sql"
	"fmt"
)

// Rows returns every row there is, seat maps included. It is for whoever starts
// a record of the truth, before anything writes.
func (d *DB) Rows(ctx context.Context) ([]Row, error) {
	tx, err := d.sql.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return nil, fmt.Errorf("db: begin: %w", err)
	}
	defer tx.Rollback() //nolint:errcheck // nothing was written
	var all []Row
	if err := each(ctx, tx, `SELECT `+airportColumns+` FROM airports`, func(rows *sql.Rows) error {
		var a Airport
		err := a.scan(rows)
		all = append(all, a)
		return err
	}); err != nil {
		return nil, err
	}
	if err := each(ctx, tx, `SELECT `+fareColumns+` FROM fares`, func(rows *sql.Rows) error {
		var f Fare
		err := f.scan(rows)
		all = append(all, f)
		return err
	}); err != nil {
		return nil, err
	}
	var flights []string
	if err := each(ctx, tx, `SELECT number FROM flights`, func(rows *sql.Rows) error {
		var number string
		err := rows.Scan(&number)
		flights = append(flights, number)
		return err
	}); err != nil {
		return nil, err
	}
	for _, number := range flights {
		m, err := scanMap(tx.QueryContext(ctx, selectSeatMap, number))
		if err != nil {
			return nil, err
		}
		all = append(all, m)
		for _, s := range m.Seats {
			all = append(all, s)
		}
	}
	return all, nil
}

func each(ctx context.Context, tx *sql.Tx, query string, do func(*sql.Rows) error) error {
	rows, err := tx.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := do(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}
