package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/freshet-io/freshet/interceptor/store"
)

const memoryMaxValue = 16 << 10

// memory is the plainest store that keeps the contract, and breaks one rule of
// it when a fault is set.
type memory struct {
	fault string
	base  time.Time

	mu     sync.Mutex
	m      map[store.Key]item
	sets   int
	closed bool
}

type item struct {
	value, former []byte
	deadline      time.Duration
}

func newMemory(fault string) *memory {
	return &memory{fault: fault, base: time.Now(), m: map[store.Key]item{}}
}

func (m *memory) is(fault string) bool { return m.fault == fault }

// narrow makes the faults about keys.
func (m *memory) narrow(k store.Key) store.Key {
	switch m.fault {
	case "keys cut to 31 bytes":
		k[31] = 0
	case "one bit of a key ignored":
		k[7] |= 0x10
	}
	return k
}

func (m *memory) Get(_ context.Context, key store.Key) ([]byte, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed && !m.is("get works after close") {
		return nil, false, store.ErrClosed
	}
	it, found := m.m[m.narrow(key)]
	now := time.Since(m.base)
	switch {
	case m.is("ttl ignored"):
	case m.is("ttl 1 ns too long"):
		found = found && now <= it.deadline
	case m.is("ttl 1 ns too short"):
		found = found && now < it.deadline-1
	default:
		found = found && now < it.deadline
	}
	switch {
	case !found && m.is("absent value not nil"):
		return []byte{}, false, nil
	case !found:
		return nil, false, nil
	case m.is("empty is absent") && len(it.value) == 0:
		return nil, false, nil
	case m.is("gives its own slice"):
		return it.value, true, nil
	case m.is("former value at times") && m.sets%7 == 0 && it.former != nil:
		return bytes.Clone(it.former), true, nil
	}
	return bytes.Clone(it.value), true, nil
}

func (m *memory) Set(ctx context.Context, key store.Key, value []byte, ttl time.Duration) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed && !m.is("set works after close") {
		return store.ErrClosed
	}
	key = m.narrow(key)
	if err := m.refuse(key, value, ttl); err != nil {
		return err
	}
	former, found := m.m[key]
	if found && m.is("first value wins") {
		return nil
	}
	it := item{value: bytes.Clone(value), former: former.value, deadline: m.deadline(ttl)}
	switch {
	case found && m.is("first ttl stays"):
		it.deadline = former.deadline
	case m.is("keeps the slice of set"):
		it.value = value
	case m.is("half a value for a moment"):
		it.value = it.value[:len(it.value)/2]
		m.m[key] = it
		m.mu.Unlock()
		<-time.After(1) // in a bubble: until all others wait
		m.mu.Lock()
		it.value = bytes.Clone(value)
	case m.is("half a value when cancelled") && ctx.Err() != nil:
		it.value = it.value[:len(it.value)/2]
	}
	m.m[key] = it
	m.sets++
	return nil
}

func (m *memory) refuse(key store.Key, value []byte, ttl time.Duration) error {
	switch {
	case ttl <= 0 && m.is("any ttl taken"):
	case ttl <= 0:
		if m.is("refused ttl deletes") {
			delete(m.m, key)
		}
		return fmt.Errorf("memory: ttl must be positive, got %v", ttl)
	}
	most := memoryMaxValue
	if m.is("largest refused") {
		most--
	}
	if len(value) <= most || m.is("any size taken") {
		return nil
	}
	switch m.fault {
	case "too large deletes":
		delete(m.m, key)
	case "too large evicts":
		clear(m.m)
	case "too large is another error":
		return errors.New("memory: no")
	}
	return store.ErrTooLarge
}

func (m *memory) deadline(ttl time.Duration) time.Duration {
	now := time.Since(m.base)
	if now > math.MaxInt64-ttl && !m.is("deadline overflows") {
		return math.MaxInt64
	}
	return now + ttl
}

func (m *memory) Delete(_ context.Context, key store.Key) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed && !m.is("delete works after close") {
		return store.ErrClosed
	}
	key = m.narrow(key)
	if _, found := m.m[key]; !found && m.is("delete wants a value") {
		return errors.New("memory: no such key")
	}
	if !m.is("delete does nothing") {
		delete(m.m, key)
	}
	return nil
}

func (m *memory) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed && m.is("second close fails") {
		return store.ErrClosed
	}
	m.closed = true
	return nil
}

func (m *memory) Len() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.closed && !m.is("size after close"):
		return 0
	case m.is("len counts sets"):
		return m.sets
	}
	return len(m.m)
}

func (m *memory) Bytes() int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed || m.is("no bytes") {
		return 0
	}
	n := int64(0)
	for _, it := range m.m {
		n += int64(len(store.Key{}) + len(it.value))
	}
	return n
}
