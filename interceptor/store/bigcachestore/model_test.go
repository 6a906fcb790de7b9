package bigcachestore_test

import (
	"bytes"
	"errors"
	"maps"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/freshet-io/freshet/interceptor/store"
	"github.com/freshet-io/freshet/interceptor/store/bigcachestore"
)

// model is what a store may answer: for each key the last value and its
// deadline, or nothing.
type model struct {
	s        *bigcachestore.Store
	now      time.Duration
	written  byte
	value    map[store.Key][]byte
	deadline map[store.Key]time.Duration
}

// TestModel does random operations on a store and on the model, in time that
// passes at random, under a good hash and under ones that collide.
func TestModel(t *testing.T) {
	sums := maps.Clone(hostile)
	sums["good"] = fnvSum
	for name, sum := range sums {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				s, err := bigcachestore.NewWithSum(mib, sum)
				if err != nil {
					t.Fatal(err)
				}
				defer s.Close()
				m := &model{s: s, value: map[store.Key][]byte{}, deadline: map[store.Key]time.Duration{}}
				s.SetClock(func() time.Duration { return m.now })
				t.Repeat(map[string]func(*rapid.T){
					"set":    m.set,
					"crowd":  m.crowd,
					"get":    m.get,
					"getAll": m.getAll,
					"delete": m.delete,
					"wait":   m.wait,
					"":       m.check,
				})
			})
		})
	}
}

const modelKeys = 40

func drawKey(t *rapid.T) store.Key {
	return key(rapid.Uint64Range(0, modelKeys-1).Draw(t, "key"))
}

func (m *model) set(t *rapid.T) {
	k := drawKey(t)
	limit := m.s.MaxValueBytes()
	n := rapid.OneOf(
		rapid.IntRange(0, 300),
		rapid.IntRange(limit-2, limit+2),
		rapid.IntRange(0, limit),
	).Draw(t, "bytes")
	ttl := time.Duration(rapid.Int64Range(-1, 20).Draw(t, "ttl"))
	m.written++
	v := bytes.Repeat([]byte{m.written}, n)
	err := m.s.Set(ctx, k, v, ttl)
	switch {
	case ttl <= 0:
		if err == nil {
			t.Fatalf("Set with a ttl of %v = nil, want an error", ttl)
		}
	case n > limit:
		if !errors.Is(err, store.ErrTooLarge) {
			t.Fatalf("Set of %d bytes = %v, want ErrTooLarge", n, err)
		}
	case err != nil:
		t.Fatalf("Set of %d bytes = %v, want nil", n, err)
	default:
		m.value[k], m.deadline[k] = bytes.Clone(v), m.now+ttl
		got, found := mustGet(t, m.s, k)
		if !found { // a full store wants to be asked twice
			if err := m.s.Set(ctx, k, v, ttl); err != nil {
				t.Fatalf("Set of %d bytes again = %v, want nil", n, err)
			}
			got, found = mustGet(t, m.s, k)
		}
		if !found || !bytes.Equal(got, v) {
			t.Fatalf("Get after Set gave %d bytes, %v, want %d", len(got), found, n)
		}
	}
	clear(v)
}

// crowd sets so many large values that a ring comes round and evicts.
func (m *model) crowd(t *rapid.T) {
	from := rapid.Uint64Range(0, modelKeys-1).Draw(t, "from")
	for i := range uint64(rapid.IntRange(1, 30).Draw(t, "values")) {
		k := key((from + i) % modelKeys)
		m.written++
		v := bytes.Repeat([]byte{m.written}, m.s.MaxValueBytes()-int(i*137))
		if err := m.s.Set(ctx, k, v, 10); err != nil {
			t.Fatalf("Set of %d bytes = %v, want nil", len(v), err)
		}
		m.value[k], m.deadline[k] = v, m.now+10
	}
}

func (m *model) get(t *rapid.T) { m.compare(t, drawKey(t)) }

func (m *model) getAll(t *rapid.T) {
	for i := range uint64(modelKeys) {
		m.compare(t, key(i))
	}
}

func (m *model) compare(t *rapid.T, k store.Key) {
	got, found := mustGet(t, m.s, k)
	if !found {
		return
	}
	want, present := m.value[k]
	switch {
	case !present:
		t.Fatalf("Get gave %d bytes for a key that was deleted or never set", len(got))
	case !bytes.Equal(got, want):
		t.Fatalf("Get gave %d bytes, want the last %d or nothing", len(got), len(want))
	case m.now >= m.deadline[k]:
		t.Fatalf("Get gave a value at %v whose deadline was %v", m.now, m.deadline[k])
	}
}

func (m *model) delete(t *rapid.T) {
	k := drawKey(t)
	if err := m.s.Delete(ctx, k); err != nil {
		t.Fatalf("Delete = %v, want nil", err)
	}
	delete(m.value, k)
}

func (m *model) wait(t *rapid.T) {
	m.now += time.Duration(rapid.Int64Range(0, 8).Draw(t, "wait"))
}

func (m *model) check(t *rapid.T) {
	if n := m.s.Len(); n > modelKeys {
		t.Fatalf("Len() = %d with %d keys", n, modelKeys)
	}
	if b := m.s.Bytes(); b > mib {
		t.Fatalf("Bytes() = %d, want at most %d", b, mib)
	}
}
