package hash64_test

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/freshet-io/freshet/balancer/internal/hash64"
)

// TestSumIsXXH64 has values of another implementation, of every length class.
func TestSumIsXXH64(t *testing.T) {
	for _, tt := range []struct {
		s    string
		want uint64
	}{
		{"", 0xef46db3751d8e999},
		{"a", 0xd24ec4f1a98c6e5b},
		{"abc", 0x44bc2cf5ad770999},
		{"10.0.0.1:443", 0x6e6a9695a9d5e393},
		{"0123456789abcdef", 0x5c5b90c34e376d0b},
		{"0123456789abcdef0123456789abcdef", 0x642a94958e71e6c5},
		{"0123456789abcdef0123456789abcdef0123456", 0xe97f503d26863ecd},
		{strings.Repeat("x", 100), 0x92f0de5a88a3c094},
	} {
		if got := hash64.Sum(tt.s); got != tt.want {
			t.Errorf("Sum(%q) = %#x, want %#x", tt.s, got, tt.want)
		}
	}
}

// TestMixIsSplitMix64 has the first outputs of SplitMix64 seeded with 0: its
// state grows by the constant that Mix adds.
func TestMixIsSplitMix64(t *testing.T) {
	for i, want := range []uint64{0xe220a8397b1dcdaf, 0x6e789e6aa1b965f4, 0x06c45d188009454f} {
		if got := hash64.Mix(uint64(i) * 0x9E3779B97F4A7C15); got != want {
			t.Errorf("output %d is %#x, want %#x", i, got, want)
		}
	}
}

func TestMixIsABijection(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := rapid.Uint64().Draw(t, "a"), rapid.Uint64().Draw(t, "b")
		if a != b && hash64.Mix(a) == hash64.Mix(b) {
			t.Fatalf("Mix(%#x) and Mix(%#x) are both %#x", a, b, hash64.Mix(a))
		}
	})
}

// FuzzSum compares with the algorithm written down step by step over bytes.
func FuzzSum(f *testing.F) {
	for _, n := range []int{0, 1, 3, 4, 7, 8, 12, 31, 32, 33, 63, 64, 100} {
		f.Add(strings.Repeat("k\xff0", n)[:n])
	}
	f.Fuzz(func(t *testing.T, s string) {
		if got, want := hash64.Sum(s), reference([]byte(s)); got != want {
			t.Errorf("Sum(%q) = %#x, want %#x", s, got, want)
		}
	})
}

func reference(b []byte) uint64 {
	p := [6]uint64{0, 11400714785074694791, 14029467366897019727, 1609587929392839161, 9650029242287828579, 2870177450012600261}
	mix := func(acc, lane uint64) uint64 { return bits.RotateLeft64(acc+lane*p[2], 31) * p[1] }
	total := uint64(len(b))
	acc := p[5]
	if total >= 32 {
		lanes := [4]uint64{p[1] + p[2], p[2], 0, -p[1]}
		for len(b) >= 32 {
			for i := range lanes {
				lanes[i] = mix(lanes[i], binary.LittleEndian.Uint64(b))
				b = b[8:]
			}
		}
		acc = 0
		for i, turn := range []int{1, 7, 12, 18} {
			acc += bits.RotateLeft64(lanes[i], turn)
		}
		for _, lane := range lanes {
			acc = (acc^mix(0, lane))*p[1] + p[4]
		}
	}
	acc += total
	for ; len(b) >= 8; b = b[8:] {
		acc = bits.RotateLeft64(acc^mix(0, binary.LittleEndian.Uint64(b)), 27)*p[1] + p[4]
	}
	if len(b) >= 4 {
		acc = bits.RotateLeft64(acc^uint64(binary.LittleEndian.Uint32(b))*p[1], 23)*p[2] + p[3]
		b = b[4:]
	}
	for _, c := range b {
		acc = bits.RotateLeft64(acc^uint64(c)*p[5], 11) * p[1]
	}
	acc = (acc ^ acc>>33) * p[2]
	acc = (acc ^ acc>>29) * p[3]
	return acc ^ acc>>32
}

func TestNoAllocations(t *testing.T) {
	s := strings.Repeat("key", 40)
	var sum uint64
	if got := testing.AllocsPerRun(100, func() { sum += hash64.Mix(hash64.Sum(s)) }); got != 0 {
		t.Errorf("Sum and Mix make %v allocations, want 0", got)
	}
}

func BenchmarkSum(b *testing.B) {
	for _, n := range []int{12, 36, 100} {
		s := strings.Repeat("k", n)
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for b.Loop() {
				hash64.Sum(s)
			}
		})
	}
}

func ExampleSum() {
	fmt.Printf("%x\n", hash64.Sum("10.0.0.1:443"))
	// Output: 6e6a9695a9d5e393
}
