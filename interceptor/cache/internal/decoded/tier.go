package decoded

import (
	"slices"
	"sync"
	"sync/atomic"

	"google.golang.org/protobuf/proto"

	"github.com/freshet-io/freshet/interceptor/cache/internal/deepcopy"
	"github.com/freshet-io/freshet/interceptor/store"
)

const (
	shards = 64
	// largestPart of the tier is what one record may take.
	largestPart = 4
	// recordBytes is what a record takes beside its message and metadata: itself, its
	// places in a map and in the ring.
	recordBytes = 512
	// seenPerShard is how many keys of late a shard remembers to have been offered.
	seenPerShard = 128
)

// Key names a reply.
type Key = store.Key

// Record is a reply that is ready to be copied. It is immutable.
type Record[M any] struct {
	// Meta is what the cache knows of the reply.
	Meta M
	// Original is what copies are made of.
	Original *deepcopy.Original

	key  Key
	size int64
	used atomic.Bool // since the hand last came by
	gone atomic.Bool // from its shard
}

// Tier holds records within a budget of bytes. It is safe for concurrent use; a nil
// Tier holds nothing.
type Tier[M any] struct {
	copier deepcopy.Copier
	limit  int64
	bytes  atomic.Int64
	live   atomic.Int64 // records
	shard  [shards]shard[M]

	admit sync.Mutex // held to make room
	ring  []*Record[M]
	hand  int
}

type shard[M any] struct {
	mu      sync.RWMutex
	records map[Key]*Record[M]
	changes uint64 // removals so far
	seen    [seenPerShard]uint64
}

// New returns a Tier of at most limit bytes of heap, as far as that can be estimated.
func New[M any](limit int64) *Tier[M] {
	t := &Tier[M]{limit: limit}
	for i := range t.shard {
		t.shard[i].records = map[Key]*Record[M]{}
	}
	return t
}

func (t *Tier[M]) of(key *Key) *shard[M] { return &t.shard[key[1]%shards] }

// Get returns the record of a key, nil for none.
func (t *Tier[M]) Get(key *Key) *Record[M] {
	if t == nil {
		return nil
	}
	s := t.of(key)
	s.mu.RLock()
	r := s.records[*key]
	s.mu.RUnlock()
	if r != nil && !r.used.Load() {
		r.used.Store(true)
	}
	return r
}

// Remove drops the record of a key, and voids the tickets for it.
func (t *Tier[M]) Remove(key *Key) {
	if t == nil {
		return
	}
	s := t.of(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.changes++
	t.drop(s, s.records[*key])
}

// drop takes a record out of its shard, whose lock is held. The ring loses it when the hand
// comes by.
func (t *Tier[M]) drop(s *shard[M], r *Record[M]) {
	if r == nil || r.gone.Load() {
		return
	}
	r.gone.Store(true)
	delete(s.records, r.key)
	t.bytes.Add(-r.size)
	t.live.Add(-1)
}

// Ticket is the right to offer what is going to be read from the store.
type Ticket struct{ changes uint64 }

// Ticket is asked for before the store is read.
func (t *Tier[M]) Ticket(key *Key) Ticket {
	if t == nil {
		return Ticket{}
	}
	s := t.of(key)
	s.mu.RLock()
	defer s.mu.RUnlock()
	return Ticket{s.changes}
}

// Offer offers a reply that was read from the store with the ticket, and decoded. The
// message stays the caller's; meta is asked for if it is taken in, with the bytes that it takes.
func (t *Tier[M]) Offer(ticket Ticket, key *Key, m proto.Message, meta func() (M, int64)) {
	if t == nil || !t.again(key) {
		return
	}
	r := &Record[M]{key: *key, Original: t.copier.Freeze(m)}
	var extra int64
	r.Meta, extra = meta()
	r.size = r.Original.Size() + extra + recordBytes
	if r.size > t.limit/largestPart {
		return
	}
	t.admit.Lock()
	defer t.admit.Unlock()
	if !t.makeRoom(r.size) {
		return
	}
	s := t.of(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.changes != ticket.changes {
		return
	}
	t.drop(s, s.records[*key])
	s.records[*key] = r
	t.bytes.Add(r.size)
	t.live.Add(1)
	t.ring = append(t.ring, r)
}

// again reports whether the key has been offered a short while ago, and remembers that it was
// now.
func (t *Tier[M]) again(key *Key) bool {
	print := uint64(key[8]) | uint64(key[9])<<8 | uint64(key[10])<<16 | uint64(key[11])<<24 |
		uint64(key[12])<<32 | uint64(key[13])<<40 | uint64(key[14])<<48 | uint64(key[15])<<56
	s := t.of(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	at := &s.seen[key[2]%seenPerShard]
	if *at == print {
		*at = 0
		return true
	}
	*at = print
	return false
}

// patience is how many records in use the hand passes before it gives up.
const patience = 8

// makeRoom drops records that were not used of late until size more bytes fit. It gives up
// when all that it sees are in use. The lock of admissions is held.
func (t *Tier[M]) makeRoom(size int64) bool {
	t.tidy()
	for passed := 0; t.bytes.Load()+size > t.limit; {
		if len(t.ring) == 0 || passed >= patience {
			return false
		}
		if t.hand >= len(t.ring) {
			t.hand = 0
		}
		r := t.ring[t.hand]
		if r.used.Swap(false) && !r.gone.Load() {
			t.hand++
			passed++
			continue
		}
		s := t.of(&r.key)
		s.mu.Lock()
		t.drop(s, r)
		s.mu.Unlock()
		t.unlink()
	}
	return true
}

// tidy takes removed records out of the ring when they are the greater part of it.
func (t *Tier[M]) tidy() {
	if len(t.ring) > 2*int(t.live.Load())+64 {
		t.ring = slices.DeleteFunc(t.ring, func(r *Record[M]) bool { return r.gone.Load() })
		t.hand = 0
	}
}

// unlink takes the record at the hand out of the ring; the last one takes its place.
func (t *Tier[M]) unlink() {
	last := len(t.ring) - 1
	t.ring[t.hand] = t.ring[last]
	t.ring[last] = nil
	t.ring = t.ring[:last]
}

// Len returns the number of records.
func (t *Tier[M]) Len() int {
	if t == nil {
		return 0
	}
	return int(t.live.Load())
}

// Bytes returns what the records are estimated to take.
func (t *Tier[M]) Bytes() int64 {
	if t == nil {
		return 0
	}
	return t.bytes.Load()
}

// Clear drops everything.
func (t *Tier[M]) Clear() {
	if t == nil {
		return
	}
	t.admit.Lock()
	defer t.admit.Unlock()
	for i := range t.shard {
		s := &t.shard[i]
		s.mu.Lock()
		s.changes++
		for _, r := range s.records {
			t.drop(s, r)
		}
		s.mu.Unlock()
	}
	t.ring, t.hand = nil, 0
}
