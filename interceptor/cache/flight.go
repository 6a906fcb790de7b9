package cache

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/protobuf/proto"

	"github.com/freshet-io/freshet/cachepolicy"
	"github.com/freshet-io/freshet/interceptor/cache/internal/epoch"
	"github.com/freshet-io/freshet/interceptor/store"
)

// flight is one call to the origin and those who wait for it. It belongs to none
// of them: it has a context of its own, and decodes into a message of its own.
type flight struct {
	key    store.Key
	cancel context.CancelFunc
	done   chan struct{} // closed when result may be read
	run    func()        // makes the call, once

	// Written under the flights' lock, by the flight itself.
	since uint64        // the clock before anything was sent
	begun time.Duration // since the cache's base

	known   []epoch.Group // groups that the request names
	retired *time.Timer   // runs out at the flight's maximum age; nil where ages says it
	ages    time.Duration // when it reaches its maximum age, since the cache's base
	maxRecv int           // the receive limit that applied
	alone   bool          // nobody joins it, nothing is stored

	// Guarded by the flights' lock.
	waiters int
	goesOn  bool // although nobody waits
	old     bool // past its maximum age
	// superseded: nobody waits any more, and a later flight may begin unseen.
	// What this one brings is returned and not stored.
	superseded bool
	later      *flight // that took its place
	follows    bool    // it took another's place
	settled    bool    // its reply is here, to be stored or not
	storing    bool    // its reply is on its way into the store
	landed     bool    // its result stands

	result flightResult
}

// flightResult is what a flight brought. It is written before done is closed and
// read after.
type flightResult struct {
	err      error
	reply    proto.Message // decoded, for the caller that began the flight; nil after a not-modified
	body     []byte        // as it came; nil if nobody else can be answered with it
	header   metadata.MD
	trailer  metadata.MD
	peer     *peer.Peer
	endpoint string

	admitted  bool // the reply may be shared and stored
	validated bool // the origin said that what was stored is good
	negative  bool // it is an error that may be stored
	lagging   bool // it is older than what is known to exist
	terms     cachepolicy.Terms
	age       time.Duration // on arrival
	etag      string
	version   uint64
	omit      []string // metadata keys that may not be kept
	groups    []epoch.Group
	stored    bool
	detail    string // why it is not stored
}

const flightShards = 16

// flights are the calls to the origin that may be joined, by key.
type flights struct {
	closed *atomic.Bool // nothing goes on for the store's sake
	now    func() time.Duration
	shard  [flightShards]struct {
		sync.Mutex
		m map[store.Key]*flight
	}
}

func (f *flights) of(key store.Key) (*sync.Mutex, map[store.Key]*flight) {
	s := &f.shard[key[0]%flightShards]
	return &s.Mutex, s.m
}

func newFlights(closed *atomic.Bool, now func() time.Duration) *flights {
	f := &flights{closed: closed, now: now}
	for i := range f.shard {
		f.shard[i].m = map[store.Key]*flight{}
	}
	return f
}

// join returns the flight for key if joinable says yes, with one more waiter;
// otherwise it puts in its place the flight that begin returns, which has one
// waiter. leads reports the latter.
func (f *flights) join(key store.Key, joinable func(*flight) bool, begin func() *flight) (fl *flight, leads bool) {
	mu, m := f.of(key)
	mu.Lock()
	defer mu.Unlock()
	if old := m[key]; old != nil {
		if !f.isOld(old) && !old.landed && joinable(old) {
			old.waiters++
			return old, false
		}
		if old.waiters == 0 {
			old.superseded = true
			old.cancel() // it goes on for the store's sake only
		}
		fl = begin()
		old.later, fl.follows = fl, true
	} else {
		fl = begin()
	}
	m[key] = fl
	return fl, true
}

// background puts a flight that nobody waits for under the key, unless there is one
// that may store. It returns nil if there is.
func (f *flights) background(key store.Key, begin func() *flight) *flight {
	mu, m := f.of(key)
	mu.Lock()
	defer mu.Unlock()
	if fl := m[key]; fl != nil && !f.isOld(fl) || f.closed.Load() {
		return nil
	}
	fl := begin()
	if old := m[key]; old != nil {
		old.later, fl.follows = fl, true
	}
	m[key] = fl
	return fl
}

// restart notes that the flight asks anew: its reply will be from after this.
func (f *flights) restart(fl *flight, since uint64, begun time.Duration) {
	mu, _ := f.of(fl.key)
	mu.Lock()
	defer mu.Unlock()
	fl.since, fl.begun = since, begun
}

// leave takes a waiter away. The last one ends the flight, unless the flight is
// to go on for the store's sake and may still store.
func (f *flights) leave(fl *flight, goOn bool) {
	mu, _ := f.of(fl.key)
	mu.Lock()
	defer mu.Unlock()
	fl.waiters--
	fl.goesOn = fl.goesOn || goOn
	if fl.waiters == 0 && (!fl.goesOn || f.isOld(fl) || fl.alone || fl.later != nil || f.closed.Load()) {
		f.abandon(fl)
	}
}

// abandon ends a flight that nobody waits for. Whoever is behind the cache may
// not heed its cancellation: what it brings is not stored any more. The lock is
// held.
func (f *flights) abandon(fl *flight) {
	fl.superseded = true
	if _, m := f.of(fl.key); m[fl.key] == fl {
		delete(m, fl.key)
	}
	fl.cancel()
}

// retire ends the time in which the flight may be joined. One that nobody waits
// for is cancelled.
func (f *flights) retire(fl *flight) {
	mu, _ := f.of(fl.key)
	mu.Lock()
	defer mu.Unlock()
	fl.old = true
	if fl.waiters == 0 {
		f.abandon(fl)
	}
}

// isOld reports whether the flight has reached its maximum age. The lock is held.
func (f *flights) isOld(fl *flight) bool {
	return fl.old || fl.ages > 0 && f.now() >= fl.ages
}

// land ends a flight: its result stands.
func (f *flights) land(fl *flight) {
	if fl.retired != nil {
		fl.retired.Stop()
	}
	mu, m := f.of(fl.key)
	mu.Lock()
	fl.landed = true
	if m[fl.key] == fl && !fl.storing {
		delete(m, fl.key)
	}
	mu.Unlock()
	close(fl.done)
	fl.cancel()
}

// storing says whether the flight's reply is on its way into the store. Until it
// has arrived a later flight must find the flight, to supersede it.
func (f *flights) storing(fl *flight, yes bool) {
	mu, m := f.of(fl.key)
	mu.Lock()
	defer mu.Unlock()
	fl.storing = yes
	if !yes && fl.landed && m[fl.key] == fl {
		delete(m, fl.key)
	}
}

// settle notes, before anything is stored of it, that the flight's reply is
// here: what an earlier flight brings from now on is older.
func (f *flights) settle(fl *flight) {
	mu, _ := f.of(fl.key)
	mu.Lock()
	defer mu.Unlock()
	fl.settled = true
}

// follows reports whether the flight took another's place, which may have stored
// since.
func (f *flights) follows(fl *flight) bool {
	mu, _ := f.of(fl.key)
	mu.Lock()
	defer mu.Unlock()
	return fl.follows
}

// isSuperseded reports whether what the flight brings is not to be stored, lest
// it replace what is newer: a later flight for the key has brought its reply, or
// may do so unseen. That a later one has begun is not enough, or nothing would be
// stored under calls that follow each other without a pause.
func (f *flights) isSuperseded(fl *flight) bool {
	mu, _ := f.of(fl.key)
	mu.Lock()
	defer mu.Unlock()
	for l := fl.later; l != nil; l = l.later {
		if l.settled {
			return true
		}
	}
	return fl.superseded
}

// cancelUnwaited ends the flights that go on for nobody.
func (f *flights) cancelUnwaited() {
	for i := range f.shard {
		s := &f.shard[i]
		s.Lock()
		for _, fl := range s.m {
			if fl.waiters == 0 {
				f.abandon(fl)
			}
		}
		s.Unlock()
	}
}

// underWay reports whether there is a flight for key that may store.
func (f *flights) underWay(key store.Key) bool {
	mu, m := f.of(key)
	mu.Lock()
	defer mu.Unlock()
	fl := m[key]
	return fl != nil && !fl.landed && !f.isOld(fl)
}
