// Package db is the database of the example: one SQLite file in WAL mode, which
// any number of replicas, in one process or in many, open each for itself.
//
//	d, err := db.Open(ctx, "travel.db", nil)
//	fare, err := d.Fare(ctx, "LHR", "JFK")
//
// A writer takes the file's write lock as it begins (BEGIN IMMEDIATE), so
// writes are one after another across all replicas; readers see the last commit
// and wait for nobody. Every row counts its changes in a version, which is what
// makes it possible to say of a reply exactly which state it shows.
//
// Whoever wants to know the truth afterwards is told of every commit, with the
// moment before it and the moment after it: between the two it became visible.
package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"time"

	"github.com/ncruces/go-sqlite3"
	_ "github.com/ncruces/go-sqlite3/driver" // registers "sqlite3", in pure Go
)

// Errors that a caller may branch on.
var (
	// ErrNotFound: there is no such row.
	ErrNotFound = errors.New("not found")
	// ErrTaken: the seat is not the caller's to change.
	ErrTaken = errors.New("the seat is held by or sold to somebody else")
)

// Connections is how many connections a replica opens, and so how many of its
// calls are in the database at once.
const Connections = 8

// busyTimeout is how long a writer waits for the others.
const busyTimeout = 5 * time.Second

// Row is a row, or a set of rows that change together, after a commit.
type Row interface {
	// Key names the row among all tables, for all its life.
	Key() string
	// Revision counts the row's changes, from 1.
	Revision() uint64
}

// Commit is one committed transaction: the rows it changed, as they became
// visible to everybody at some moment from Before to After.
type Commit struct {
	Rows          []Row
	Before, After time.Time
}

// DB is one replica's connections to the database. Its methods may be called
// concurrently.
type DB struct {
	sql      *sql.DB
	onCommit func(Commit)
	reads    statements
}

// Open opens the file at path, and makes and fills it where that has not been
// done. It is told of this replica's commits by onCommit, unless that is nil,
// on the goroutine of the writer; not of the first filling.
func Open(ctx context.Context, path string, onCommit func(Commit)) (*DB, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("db: %w", err)
	}
	dsn := url.URL{Scheme: "file", Path: filepath.ToSlash(abs), RawQuery: url.Values{
		"_txlock": {"immediate"},
		"_pragma": {fmt.Sprintf("busy_timeout(%d)", busyTimeout.Milliseconds()), "journal_mode(wal)", "synchronous(normal)"},
	}.Encode()}
	pool, err := sql.Open("sqlite3", dsn.String())
	if err != nil {
		return nil, fmt.Errorf("db: %s: %w", path, err)
	}
	pool.SetMaxOpenConns(Connections)
	pool.SetMaxIdleConns(Connections)
	if onCommit == nil {
		onCommit = func(Commit) {}
	}
	d := &DB{sql: pool, onCommit: onCommit}
	if err := d.connect(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("db: %s: %w", path, err), pool.Close())
	}
	return d, nil
}

// connect makes the first connection and prepares everything. SQLite does not
// wait for others while it switches a new file to WAL: where two replicas open
// it at once, one is told that it is busy and tries again.
func (d *DB) connect(ctx context.Context) error {
	for deadline := time.Now().Add(busyTimeout); ; {
		err := d.sql.PingContext(ctx)
		if err == nil {
			return d.prepare(ctx)
		}
		if !errors.Is(err, sqlite3.BUSY) || time.Now().After(deadline) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// Close closes the connections.
func (d *DB) Close() error { return d.sql.Close() }

// write runs one transaction and tells of its commit. The rows are those that
// change changed; with none, or with an error, everything is rolled back.
//
// It does not stop when the caller gives up: the end of a commit has to be
// known to whoever checks replies against it.
func (d *DB) write(ctx context.Context, change func(context.Context, *sql.Tx) ([]Row, error)) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	ctx = context.WithoutCancel(ctx)
	tx, err := d.sql.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("db: begin: %w", err)
	}
	rows, err := change(ctx, tx)
	if err != nil || len(rows) == 0 {
		return errors.Join(err, tx.Rollback())
	}
	before := time.Now()
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("db: commit: %w", err)
	}
	d.onCommit(Commit{Rows: rows, Before: before, After: time.Now()})
	return nil
}

// scanner is a *sql.Row or *sql.Rows.
type scanner interface{ Scan(dest ...any) error }

// found maps the absence of a row to ErrNotFound.
func found(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return ErrNotFound
	}
	return err
}
