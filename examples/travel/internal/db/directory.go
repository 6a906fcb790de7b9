package db

import (
	"context"
	"database/sql"
	"strings"

	"github.com/freshet-io/freshet/examples/travel/internal/airports"
)

const (
	airportColumns = `ident, iata, size, name, municipality, country, latitude, longitude, elevation_ft, notice, version`
	selectAirport  = `SELECT ` + airportColumns + ` FROM airports WHERE ident = ?1 OR (iata = ?1 AND iata <> '')`
	searchAirports = `SELECT ` + airportColumns + ` FROM airports
		WHERE ident LIKE ?1 ESCAPE '\' OR iata LIKE ?1 ESCAPE '\' OR name LIKE ?1 ESCAPE '\' OR municipality LIKE ?1 ESCAPE '\'
		ORDER BY ident LIMIT ?2`
	updateAirport = `UPDATE airports SET notice = ?2, version = version + 1 WHERE ident = ?1 RETURNING ` + airportColumns
)

// Airport is an airport of the directory.
type Airport struct {
	airports.Airport
	Notice  string
	Version uint64
}

// Key is "airport:" and the ident.
func (a Airport) Key() string { return "airport:" + a.Ident }

// Revision is the airport's version.
func (a Airport) Revision() uint64 { return a.Version }

func (a *Airport) scan(row scanner) error {
	return row.Scan(&a.Ident, &a.IATA, &a.Size, &a.Name, &a.Municipality, &a.Country,
		&a.Latitude, &a.Longitude, &a.ElevationFt, &a.Notice, &a.Version)
}

// Airport returns the airport with an ident or IATA code, or ErrNotFound.
func (d *DB) Airport(ctx context.Context, code string) (a Airport, err error) {
	return a, found(a.scan(d.reads.airport.QueryRowContext(ctx, code)))
}

// SearchAirports returns at most limit airports whose ident, IATA code, name or
// city begins with prefix, by ident.
func (d *DB) SearchAirports(ctx context.Context, prefix string, limit int) ([]Airport, error) {
	pattern := strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(prefix) + "%"
	rows, err := d.reads.search.QueryContext(ctx, pattern, limit)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []Airport
	for rows.Next() {
		var a Airport
		if err := a.scan(rows); err != nil {
			return nil, err
		}
		list = append(list, a)
	}
	return list, rows.Err()
}

// SetNotice replaces the notice of the airport with an ident, or returns
// ErrNotFound.
func (d *DB) SetNotice(ctx context.Context, ident, notice string) (a Airport, err error) {
	err = d.write(ctx, func(ctx context.Context, tx *sql.Tx) ([]Row, error) {
		err := found(a.scan(tx.QueryRowContext(ctx, updateAirport, ident, notice)))
		return []Row{a}, err
	})
	return a, err
}
