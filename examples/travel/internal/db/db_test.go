package db_test

import (
	"context"
	"errors"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/freshet-io/freshet/examples/travel/internal/db"
	"github.com/freshet-io/freshet/examples/travel/internal/db/dbtest"
)

// open opens a replica of the file and closes it with the test.
func open(t *testing.T, path string, onCommit func(db.Commit)) *db.DB {
	t.Helper()
	d, err := db.Open(t.Context(), path, onCommit)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

func TestReplicasShareTheFile(t *testing.T) {
	path := dbtest.File(t)
	a, b := open(t, path, nil), open(t, path, nil)
	before, err := b.Fare(t.Context(), "LHR", "JFK")
	if err != nil {
		t.Fatal(err)
	}
	set, err := a.SetFare(t.Context(), "LHR", "JFK", 12345)
	if err != nil {
		t.Fatal(err)
	}
	want := db.Fare{Origin: "LHR", Destination: "JFK", AmountCents: 12345, Version: before.Version + 1}
	got, err := b.Fare(t.Context(), "LHR", "JFK")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, set); diff != "" {
		t.Errorf("the writer's reply (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("what the other replica reads (-want +got):\n%s", diff)
	}
}

func TestAirport(t *testing.T) {
	d := open(t, dbtest.File(t), nil)
	byIdent, err := d.Airport(t.Context(), "EGLL")
	if err != nil {
		t.Fatal(err)
	}
	byCode, err := d.Airport(t.Context(), "LHR")
	if err != nil {
		t.Fatal(err)
	}
	if byIdent != byCode || byIdent.Country != "GB" || byIdent.Version != 1 {
		t.Errorf("got %+v by ident and %+v by IATA code", byIdent, byCode)
	}
	changed, err := d.SetNotice(t.Context(), "EGLL", "fog")
	if err != nil {
		t.Fatal(err)
	}
	byIdent.Notice, byIdent.Version = "fog", 2
	if changed != byIdent {
		t.Errorf("got %+v, want %+v", changed, byIdent)
	}
	list, err := d.SearchAirports(t.Context(), "heathrow", 10)
	if err != nil || len(list) != 0 {
		t.Errorf("a prefix that is inside of a name: got %v, %v", list, err)
	}
	list, err = d.SearchAirports(t.Context(), "london", 3)
	if err != nil || len(list) != 3 || list[0].Ident >= list[1].Ident {
		t.Errorf("got %v, %v, want three airports by ident", list, err)
	}
	if list, err = d.SearchAirports(t.Context(), "%", 3); err != nil || len(list) != 0 {
		t.Errorf("a wildcard is a character like any other: got %v, %v", list, err)
	}
}

func TestNotFound(t *testing.T) {
	d := open(t, dbtest.File(t), func(c db.Commit) { t.Errorf("unexpected commit %+v", c) })
	for _, tt := range []struct {
		name string
		call func(context.Context) error
	}{
		{"airport", func(ctx context.Context) error { _, err := d.Airport(ctx, "none"); return err }},
		{"empty code", func(ctx context.Context) error { _, err := d.Airport(ctx, ""); return err }},
		{"notice", func(ctx context.Context) error { _, err := d.SetNotice(ctx, "LHR", "is no ident"); return err }},
		{"fare", func(ctx context.Context) error { _, err := d.Fare(ctx, "LHR", "LHR"); return err }},
		{"set fare", func(ctx context.Context) error { _, err := d.SetFare(ctx, "LHR", "LHR", 1); return err }},
		{"seat", func(ctx context.Context) error { _, err := d.Seat(ctx, "ZZ101", "99Z"); return err }},
		{"seat map", func(ctx context.Context) error { _, err := d.SeatMap(ctx, "ZZ1"); return err }},
		{"hold", func(ctx context.Context) error { _, err := d.Hold(ctx, "ZZ1", "1A", "ann"); return err }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if err := tt.call(t.Context()); !errors.Is(err, db.ErrNotFound) {
				t.Errorf("got %v, want %v", err, db.ErrNotFound)
			}
		})
	}
}

func TestSeat(t *testing.T) {
	d := open(t, dbtest.File(t), nil)
	type call func(ctx context.Context, flight, number, holder string) (db.Seat, error)
	for _, step := range []struct {
		name   string
		do     call
		holder string
		want   db.Seat
		err    error
	}{
		{"a free seat cannot be sold", d.Sell, "ann", db.Seat{}, db.ErrTaken},
		{"ann holds it", d.Hold, "ann", db.Seat{State: db.Held, Holder: "ann", Version: 2}, nil},
		{"and again", d.Hold, "ann", db.Seat{State: db.Held, Holder: "ann", Version: 2}, nil},
		{"bob cannot", d.Hold, "bob", db.Seat{}, db.ErrTaken},
		{"nor release it", d.Release, "bob", db.Seat{}, db.ErrTaken},
		{"nor buy it", d.Sell, "bob", db.Seat{}, db.ErrTaken},
		{"ann lets go", d.Release, "ann", db.Seat{State: db.Free, Version: 3}, nil},
		{"and again", d.Release, "ann", db.Seat{State: db.Free, Version: 3}, nil},
		{"bob holds it", d.Hold, "bob", db.Seat{State: db.Held, Holder: "bob", Version: 4}, nil},
		{"bob buys it", d.Sell, "bob", db.Seat{State: db.Sold, Holder: "bob", Version: 5}, nil},
		{"and again", d.Sell, "bob", db.Seat{State: db.Sold, Holder: "bob", Version: 5}, nil},
		{"sold is final", d.Release, "bob", db.Seat{}, db.ErrTaken},
		{"for everybody", d.Hold, "ann", db.Seat{}, db.ErrTaken},
	} {
		got, err := step.do(t.Context(), "ZZ101", "3C", step.holder)
		if !errors.Is(err, step.err) {
			t.Fatalf("%s: got %v, want %v", step.name, err, step.err)
		}
		if step.want.Flight, step.want.Number = "ZZ101", "3C"; step.err == nil && got != step.want {
			t.Fatalf("%s: got %+v, want %+v", step.name, got, step.want)
		}
	}
	m, err := d.SeatMap(t.Context(), "ZZ101")
	if err != nil || m.Version != 5 || len(m.Seats) != 32 || m.Seats[0].Number != "1A" {
		t.Errorf("got %+v, %v, want 32 seats at version 5", m, err)
	}
}

// TestCommits lets two replicas of a new file, opened at the same time, write
// the same rows: nobody's change is lost, and every version is told of once,
// with an interval that fits those of its neighbours.
func TestCommits(t *testing.T) {
	const writers, writes = 4, 40
	path := filepath.Join(t.TempDir(), "travel.db")
	var mu sync.Mutex
	commits := map[uint64]db.Commit{}
	onCommit := func(c db.Commit) {
		mu.Lock()
		defer mu.Unlock()
		if _, twice := commits[c.Rows[0].Revision()]; twice {
			t.Errorf("version %d was committed twice", c.Rows[0].Revision())
		}
		commits[c.Rows[0].Revision()] = c
	}
	var replicas [2]*db.DB
	var errs [2]error
	var wg sync.WaitGroup
	for i := range replicas {
		wg.Go(func() { replicas[i], errs[i] = db.Open(t.Context(), path, onCommit) })
	}
	wg.Wait()
	for i, d := range replicas {
		if errs[i] != nil {
			t.Fatal(errs[i])
		}
		t.Cleanup(func() { d.Close() })
	}
	for w := range writers {
		wg.Go(func() {
			for i := range writes {
				if _, err := replicas[w%2].SetNotice(t.Context(), "EGLL", strconv.Itoa(w*writes+i)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	last := time.Time{}
	for v := uint64(2); v <= writers*writes+1; v++ {
		c, ok := commits[v]
		if !ok {
			t.Fatalf("nobody told of version %d", v)
		}
		if c.Before.After(c.After) || c.After.Before(last) {
			t.Errorf("version %d was committed in [%v, %v], after one that began %v", v, c.Before, c.After, last)
		}
		last = c.Before
	}
}

// TestContendedSeats lets two replicas read and then change rows of one flight:
// a transaction that took its lock only when it comes to write would fail.
func TestContendedSeats(t *testing.T) {
	path := dbtest.File(t)
	replicas := [2]*db.DB{open(t, path, nil), open(t, path, nil)}
	m, err := replicas[0].SeatMap(t.Context(), "ZZ101")
	if err != nil {
		t.Fatal(err)
	}
	var won [2]atomic.Int32
	var wg sync.WaitGroup
	for i, d := range replicas {
		for _, s := range m.Seats {
			wg.Go(func() {
				switch _, err := d.Hold(t.Context(), "ZZ101", s.Number, strconv.Itoa(i)); {
				case err == nil:
					won[i].Add(1)
				case !errors.Is(err, db.ErrTaken):
					t.Error(err)
				}
			})
		}
	}
	wg.Wait()
	if got := int(won[0].Load() + won[1].Load()); got != len(m.Seats) {
		t.Errorf("%d holds of %d seats", got, len(m.Seats))
	}
	if m, err = replicas[1].SeatMap(t.Context(), "ZZ101"); err != nil || m.Version != uint64(1+len(m.Seats)) {
		t.Errorf("got version %d, %v, want one for each seat", m.Version, err)
	}
}

func TestAbandonedWrite(t *testing.T) {
	d := open(t, dbtest.File(t), func(c db.Commit) { t.Errorf("unexpected commit %+v", c) })
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := d.SetFare(ctx, "LHR", "JFK", 1); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
}

func TestRows(t *testing.T) {
	d := open(t, dbtest.File(t), nil)
	rows, err := d.Rows(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	keys := map[string]bool{}
	for _, r := range rows {
		if keys[r.Key()] || r.Revision() != 1 {
			t.Errorf("%s: stands twice, or at version %d", r.Key(), r.Revision())
		}
		keys[r.Key()] = true
	}
	for _, key := range []string{"airport:EGLL", "fare:LHR-JFK", "seat:ZZ101/1A", "seatmap:ZZ101"} {
		if !keys[key] {
			t.Errorf("%s is missing", key)
		}
	}
}
