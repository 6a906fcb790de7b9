package storetest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/freshet-io/freshet/interceptor/store"
)

// Option tells [Run] something about the store under test. Of two that say the
// same the last one wins.
type Option interface{ apply(*config) }

type config struct {
	unit     time.Duration
	maxValue int
	realTime bool
	seed     uint64
}

type optionFunc func(*config)

func (f optionFunc) apply(c *config) { f(c) }

// WithRealTime makes the subtests run outside of a synctest bubble and wait for
// lifetimes by the wall clock, for stores whose clock or connections are not of
// this process. unit is the lifetime that they wait for, a few times each; it
// must be well over the store's resolution and a round trip. Subtests that need
// exact or very long times are skipped.
//
// By default the subtests run in bubbles, with minutes of virtual time.
func WithRealTime(unit time.Duration) Option {
	return optionFunc(func(c *config) { c.realTime, c.unit = true, unit })
}

// WithMaxValueBytes says what the largest value is that the store takes. The
// subtests then check that it takes one of n bytes and refuses those of n+1 and
// of 20 times n.
//
// By default values up to 16 KiB are tried and no limit is known.
func WithMaxValueBytes(n int) Option {
	return optionFunc(func(c *config) { c.maxValue = n })
}

// WithSeed makes Run draw the keys, values and random operations that it drew
// when it logged seed.
//
// By default the seed is drawn at random.
func WithSeed(seed uint64) Option {
	return optionFunc(func(c *config) { c.seed = seed })
}

// Run checks the store that open returns against each rule of [store.Store], and
// of [store.Sizer] where it implements that, one subtest a rule. open is called
// once in each subtest and returns a store that holds nothing under the keys of
// this Run; it fails t if it cannot. Run closes it.
func Run(t *testing.T, open func(t *testing.T) store.Store, opts ...Option) {
	t.Helper()
	c := config{unit: time.Minute, seed: rand.Uint64()}
	for _, o := range opts {
		o.apply(&c)
	}
	t.Logf("storetest: seed %#x", c.seed)
	for _, r := range rules {
		t.Run(r.name, func(t *testing.T) {
			if c.realTime && r.virtual {
				t.Skip("needs virtual time")
			}
			body := func(t *testing.T) {
				s := open(t)
				defer func() {
					if err := s.Close(); err != nil {
						t.Errorf("Close() = %v, want nil", err)
					}
				}()
				r.check(&subject{TB: t, Store: s, config: c})
			}
			if c.realTime {
				body(t)
			} else {
				synctest.Test(t, body)
			}
		})
	}
}

// rule is one promise of the interface and how to catch a store that breaks it.
type rule struct {
	name    string
	virtual bool // needs virtual time
	check   func(*subject)
}

var rules = concat(contentRules, ownershipRules, expiryRules, limitRules, closingRules, concurrencyRules)

func concat(parts ...[]rule) []rule {
	var all []rule
	for _, p := range parts {
		all = append(all, p...)
	}
	return all
}

// subject is the store in one subtest, with the operations that every rule is
// made of.
type subject struct {
	testing.TB
	store.Store
	config
}

// key returns the i-th key of this Run.
func (s *subject) key(i int) store.Key {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:], s.seed)
	binary.BigEndian.PutUint64(b[8:], uint64(i))
	return sha256.Sum256(b[:])
}

// value returns n bytes that are the same for the same tag and otherwise not.
func (s *subject) value(tag, n int) []byte {
	r := rand.New(rand.NewPCG(s.seed, uint64(tag)))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

func (s *subject) wait(d time.Duration) { <-time.After(d) }

// long is a ttl that no subtest outlives by accident.
func (s *subject) long() time.Duration { return 1000 * s.unit }

func (s *subject) mustSet(k store.Key, v []byte, ttl time.Duration) {
	s.Helper()
	if err := s.Set(context.Background(), k, v, ttl); err != nil {
		s.Fatalf("Set of %d bytes for %v = %v, want nil", len(v), ttl, err)
	}
}

func (s *subject) mustDelete(k store.Key) {
	s.Helper()
	if err := s.Delete(context.Background(), k); err != nil {
		s.Fatalf("Delete = %v, want nil", err)
	}
}

func (s *subject) get(k store.Key) ([]byte, bool) {
	s.Helper()
	v, found, err := s.Get(context.Background(), k)
	if err != nil {
		s.Fatalf("Get = %v, want no error", err)
	}
	if !found && v != nil {
		s.Errorf("Get of an absent key gave %d bytes, want nil", len(v))
	}
	return v, found
}

func (s *subject) wantValue(k store.Key, want []byte, when string) {
	s.Helper()
	got, found := s.get(k)
	switch {
	case !found:
		s.Errorf("%s: Get found nothing, want %d bytes", when, len(want))
	case !bytes.Equal(got, want):
		s.Errorf("%s: Get gave %s, want %s", when, brief(got), brief(want))
	}
}

func (s *subject) wantNothing(k store.Key, when string) {
	s.Helper()
	if v, found := s.get(k); found {
		s.Errorf("%s: Get gave %s, want nothing", when, brief(v))
	}
}
