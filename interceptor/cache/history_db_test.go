package cache_test

import (
	"context"
	"math/rand/v2"
	"strconv"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	testv1 "github.com/freshet-io/freshet/proto/freshet/test/v1"
)

// commit is one version of a product, and when it was written.
type commit struct {
	version int64
	at      time.Duration
}

// database is what the origin of a history keeps, with a replica that lags behind.
type database struct {
	base time.Time
	mu   sync.Mutex
	rows map[string][]commit
	told map[int64]commit // by the price that an update came with, which names the call
	rng  *rand.Rand

	versions bool          // replies and invalidations carry versions, and half of the reads are the replica's
	lag      time.Duration // of the replica, at most
	delay    time.Duration // before and after each access, at most
}

func newDatabase(seed uint64) *database {
	return &database{base: time.Now(), rows: map[string][]commit{}, told: map[int64]commit{}, rng: rand.New(rand.NewPCG(seed, 1)), delay: time.Millisecond}
}

func (db *database) now() time.Duration { return time.Since(db.base) }

// dawdle takes a random time, most often little.
func (db *database) dawdle() {
	db.mu.Lock()
	d := time.Duration(db.rng.Int64N(int64(db.delay)))
	if db.rng.IntN(3) > 0 {
		d = 0
	}
	db.mu.Unlock()
	if d > 0 {
		take(d)
	}
}

// row returns the versions of a row. The first one was there before the history. The lock
// is held.
func (db *database) row(id string) []commit {
	if db.rows[id] == nil {
		db.rows[id] = []commit{{1, -time.Hour}}
	}
	return db.rows[id]
}

// write commits the next version of a row.
func (db *database) write(id string) commit {
	db.mu.Lock()
	defer db.mu.Unlock()
	rows := db.row(id)
	c := commit{int64(len(rows)) + 1, db.now()}
	db.rows[id] = append(rows, c)
	return c
}

// read returns the latest version of a row, or the latest that the replica has.
func (db *database) read(id string) int64 {
	db.mu.Lock()
	defer db.mu.Unlock()
	until := db.now()
	if db.versions && db.rng.IntN(2) == 0 {
		until -= time.Duration(db.rng.Int64N(int64(db.lag)))
	}
	v := int64(0)
	for _, c := range db.row(id) {
		if c.at <= until {
			v = c.version
		}
	}
	return v
}

// of returns what the update with this price has committed.
func (db *database) of(price int64) (commit, bool) {
	db.mu.Lock()
	defer db.mu.Unlock()
	c, ok := db.told[price]
	return c, ok
}

func (db *database) get(ctx context.Context, req *testv1.GetProductRequest) (*testv1.GetProductResponse, error) {
	db.dawdle()
	v := db.read(req.GetId())
	db.dawdle()
	owner := ""
	if who := metadata.ValueFromIncomingContext(ctx, "authorization"); len(who) > 0 {
		owner = who[0]
	}
	if db.versions && v > 0 {
		_ = grpc.SetHeader(ctx, metadata.Pairs("cache-version", strconv.FormatInt(v, 10)))
	}
	return product(req.GetId(), v, owner), nil
}

// product is the only right answer for a version of a row.
func product(id string, version int64, owner string) *testv1.GetProductResponse {
	rng := rand.New(rand.NewPCG(uint64(version), uint64(len(id))))
	p := &testv1.Product{Id: id, Name: owner, Price: version, Notes: map[string]string{"of": id}}
	p.Picture = make([]byte, rng.IntN(3000))
	for i := range p.Picture {
		p.Picture[i] = byte(rng.Uint32())
	}
	for i := range rng.IntN(5) {
		p.Parts = append(p.Parts, &testv1.Product_Part{Name: id, Count: int32(i)})
	}
	return &testv1.GetProductResponse{Serial: version, Product: p}
}

// update commits, and may lose the reply afterwards.
func (db *database) update(ctx context.Context, req *testv1.UpdateProductRequest) (*testv1.UpdateProductResponse, error) {
	id := req.GetProduct().GetId()
	db.dawdle()
	c := db.write(id)
	db.mu.Lock()
	db.told[req.GetProduct().GetPrice()] = c
	db.mu.Unlock()
	db.dawdle()
	if req.GetProduct().GetName() == "lose" {
		return nil, status.Error(codes.Unavailable, "the reply was lost")
	}
	if db.versions {
		_ = grpc.SetTrailer(ctx, metadata.Pairs("cache-group-invalidation", `"product:`+id+`";v=`+strconv.FormatInt(c.version, 10)))
	}
	return &testv1.UpdateProductResponse{Serial: c.version}, nil
}
