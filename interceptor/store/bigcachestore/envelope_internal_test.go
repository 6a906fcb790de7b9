package bigcachestore

import (
	"bytes"
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestSealOpen: what is sealed opens to the same, at any padding, behind any
// prefix and over a buffer that held something else, of which nothing is left.
func TestSealOpen(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		value := rapid.SliceOf(rapid.Byte()).Draw(t, "value")
		deadline := rapid.Int64Range(0, math.MaxInt64).Draw(t, "deadline")
		least := rapid.IntRange(0, 500).Draw(t, "least")
		old := bytes.Repeat([]byte{0xaa}, rapid.IntRange(0, 600).Draw(t, "old"))

		sealed := seal(old[:0], deadline, value, least)
		if want := max(least, envelopeHeader+len(value)); len(sealed) != want {
			t.Fatalf("seal made %d bytes, want %d", len(sealed), want)
		}
		if pad := sealed[envelopeHeader+len(value):]; !bytes.Equal(pad, make([]byte, len(pad))) {
			t.Fatalf("padding is %x, want zeros", pad)
		}
		got, at, err := open(sealed)
		if err != nil || at != deadline || !bytes.Equal(got, value) {
			t.Fatalf("open = %x, %d, %v, want %x, %d", got, at, err, value, deadline)
		}
		if cap(got) != len(got) {
			t.Fatalf("open gave a slice of %d with room for %d", len(got), cap(got))
		}
	})
}

func TestOpenRefuses(t *testing.T) {
	good := seal(nil, 5, []byte("value"), 0)
	long := bytes.Clone(good)
	long[8]++
	negative := bytes.Clone(good)
	negative[7] = 0x80
	for name, b := range map[string][]byte{
		"nothing": nil, "half a header": good[:7], "a short header": good[:11],
		"a cut value": good[:16], "a length past the end": long, "a negative deadline": negative,
	} {
		if v, at, err := open(b); err == nil || v != nil || at != 0 {
			t.Errorf("open of %s = %x, %d, %v, want an error alone", name, v, at, err)
		}
	}
}

// FuzzOpen: whatever bytes come out of BigCache, open takes a value from within
// them or refuses, and what it takes seals to the same bytes.
func FuzzOpen(f *testing.F) {
	f.Add([]byte(nil))
	f.Add(seal(nil, 0, nil, 0))
	f.Add(seal(nil, 1, []byte("value"), 100))
	f.Add(seal(nil, math.MaxInt64, bytes.Repeat([]byte{7}, 300), 0))
	f.Add(bytes.Repeat([]byte{0xff}, 40))
	f.Fuzz(func(t *testing.T, b []byte) {
		value, deadline, err := open(b)
		if err != nil {
			if value != nil || deadline != 0 {
				t.Fatalf("open = %x, %d beside an error", value, deadline)
			}
			return
		}
		if deadline < 0 || len(value) > len(b)-envelopeHeader || cap(value) != len(value) {
			t.Fatalf("open = %d of %d bytes with room for %d, deadline %d", len(value), len(b), cap(value), deadline)
		}
		if again := seal(nil, deadline, value, 0); !bytes.HasPrefix(b, again) {
			t.Fatalf("seal of what was opened = %x, want the start of %x", again, b)
		}
	})
}

func TestDeadlineAfter(t *testing.T) {
	for _, tt := range []struct {
		now  int64
		ttl  time.Duration
		want int64
	}{
		{0, 1, 1},
		{5, 7, 12},
		{0, math.MaxInt64, math.MaxInt64},
		{1, math.MaxInt64 - 1, math.MaxInt64},
		{1, math.MaxInt64, math.MaxInt64},
		{math.MaxInt64, math.MaxInt64, math.MaxInt64},
	} {
		if got := deadlineAfter(tt.now, tt.ttl); got != tt.want {
			t.Errorf("deadlineAfter(%d, %d) = %d, want %d", tt.now, tt.ttl, got, tt.want)
		}
	}
}
