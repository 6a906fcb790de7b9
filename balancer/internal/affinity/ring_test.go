package affinity_test

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/freshet-io/freshet/balancer/internal/affinity"
	"github.com/freshet-io/freshet/balancer/internal/hash64"
)

func names(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("10.0.%d.%d:443", i/256, i%256)
	}
	return out
}

// order walks through all members.
func order(ids []string, key uint64) []string {
	var out []string
	walk := affinity.New(ids).First(key)
	for i, ok := walk.Next(); ok; i, ok = walk.Next() {
		out = append(out, ids[i])
	}
	return out
}

// keys are spread like hashes.
func keys(n int) []uint64 {
	out := make([]uint64, n)
	for i := range out {
		out[i] = affinity.Hash(fmt.Sprint("user/", i))
	}
	return out
}

// TestGolden fixes places: a change of them empties all caches behind the keys
// when clients are upgraded.
func TestGolden(t *testing.T) {
	for _, tt := range []struct {
		key  string
		want []int
	}{
		{"", []int{2, 0, 3, 4, 1}},
		{"user/1", []int{2, 0, 4, 3, 1}},
		{"user/2", []int{1, 4, 2, 3, 0}},
		{"a rather long key that fills more than a stripe", []int{1, 2, 3, 0, 4}},
	} {
		var got []int
		walk := affinity.New(names(5)).First(affinity.Hash(tt.key))
		for i, ok := walk.Next(); ok; i, ok = walk.Next() {
			got = append(got, i)
		}
		if diff := gocmp.Diff(tt.want, got); diff != "" {
			t.Errorf("members of %q (-want +got):\n%s", tt.key, diff)
		}
	}
}

// reference sorts the members by their distances, as the package comment has it.
func reference(ids []string, key uint64) []string {
	first, step := hash64.Mix(key), hash64.Mix(^key)|1
	distance := func(id string) uint64 {
		least := uint64(math.MaxUint64)
		for i := range uint64(8) {
			for j := range uint64(8) {
				least = min(least, hash64.Mix(hash64.Sum(id)+i)-(first+j*step))
			}
		}
		return least
	}
	return slices.SortedFunc(slices.Values(ids), func(a, b string) int { return cmp.Compare(distance(a), distance(b)) })
}

func drawIDs(t *rapid.T, least int) []string {
	return rapid.SliceOfNDistinct(rapid.StringMatching(`[a-z0-9.:]{0,12}`), least, 80, rapid.ID[string]).Draw(t, "ids")
}

func TestOrderIsByDistance(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ids, key := drawIDs(t, 0), rapid.Uint64().Draw(t, "key")
		if diff := gocmp.Diff(reference(ids, key), order(ids, key)); diff != "" {
			t.Fatalf("order of members (-by distance +walked):\n%s", diff)
		}
	})
}

func TestOrderOfIdsDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ids, key := drawIDs(t, 1), rapid.Uint64().Draw(t, "key")
		mixed := rapid.Permutation(ids).Draw(t, "mixed")
		if diff := gocmp.Diff(order(ids, key), order(mixed, key)); diff != "" {
			t.Fatalf("ids in another order give another walk (-first +second):\n%s", diff)
		}
	})
}

// TestChurnKeepsTheOrderOfTheOthers says that only the keys of members that
// left or came move.
func TestChurnKeepsTheOrderOfTheOthers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ids, key := drawIDs(t, 1), rapid.Uint64().Draw(t, "key")
		var stay []string
		for _, id := range ids {
			if rapid.Bool().Draw(t, id) {
				stay = append(stay, id)
			}
		}
		var want []string
		for _, id := range order(ids, key) {
			if slices.Contains(stay, id) {
				want = append(want, id)
			}
		}
		if diff := gocmp.Diff(want, order(stay, key)); diff != "" {
			t.Fatalf("without the others the order of those that stay changed (-with +without):\n%s", diff)
		}
	})
}

// TestSameIdTwice has every index once all the same.
func TestSameIdTwice(t *testing.T) {
	ids := append(names(5), names(5)...)
	for _, key := range keys(100) {
		seen := make(map[int]bool)
		walk := affinity.New(ids).First(key)
		last := -1
		for i, ok := walk.Next(); ok; i, ok = walk.Next() {
			if len(seen)%2 == 1 && ids[last] != ids[i] {
				t.Errorf("after %d of %q came %d of %q, want its twin", last, ids[last], i, ids[i])
			}
			seen[i], last = true, i
		}
		if len(seen) != len(ids) {
			t.Errorf("the walk has %d members, want %d", len(seen), len(ids))
		}
	}
}

func TestBalance(t *testing.T) {
	for _, n := range []int{2, 5, 20, 100, 1000} {
		const per = 1000
		ring := affinity.New(names(n))
		counts := make([]int, n)
		for _, key := range keys(n * per) {
			walk := ring.First(key)
			i, _ := walk.Next()
			counts[i]++
		}
		most, least := float64(slices.Max(counts))/per, float64(slices.Min(counts))/per
		t.Logf("%d members: the busiest has %.2f, the idlest %.2f of the mean", n, most, least)
		if most > 1.3 || least < 0.5 {
			t.Errorf("of %d members the busiest has %.2f and the idlest %.2f of the mean, want at most 1.3 and at least 0.5", n, most, least)
		}
	}
}

// TestKeysOfOneGoToMany says who gets the keys of a member that is full.
func TestKeysOfOneGoToMany(t *testing.T) {
	ring := affinity.New(names(100))
	heirs := make(map[int]int)
	total := 0
	for _, key := range keys(100_000) {
		walk := ring.First(key)
		if i, _ := walk.Next(); i == 7 {
			next, _ := walk.Next()
			heirs[next]++
			total++
		}
	}
	most := 0
	for _, n := range heirs {
		most = max(most, n)
	}
	if len(heirs) < 50 || most > total/10 {
		t.Errorf("the %d keys of one member go to %d others, at most %d to one, want at least 50 and at most %d",
			total, len(heirs), most, total/10)
	}
}

func TestNoAllocations(t *testing.T) {
	ring := affinity.New(names(100))
	got := testing.AllocsPerRun(100, func() {
		walk := ring.First(affinity.Hash("user/1"))
		for _, ok := walk.Next(); ok; _, ok = walk.Next() {
		}
	})
	if got != 0 {
		t.Errorf("a whole walk makes %v allocations, want 0", got)
	}
}

// FuzzNew gives it ids of any kind, one a line.
func FuzzNew(f *testing.F) {
	f.Add("", uint64(0))
	f.Add("a\nb\na", uint64(1))
	f.Add("10.0.0.1:443\n10.0.0.2:443", uint64(math.MaxUint64))
	f.Fuzz(func(t *testing.T, text string, key uint64) {
		ids := strings.Split(text, "\n")
		got := order(ids, key)
		slices.Sort(got)
		slices.Sort(ids)
		if diff := gocmp.Diff(ids, got); diff != "" {
			t.Errorf("the walk has not each member once (-members +walked):\n%s", diff)
		}
	})
}

func FuzzHash(f *testing.F) {
	for _, key := range []string{"", "user/1", strings.Repeat("x", 33), "\x00", "\xff\xfe"} {
		f.Add(key)
	}
	f.Fuzz(func(t *testing.T, key string) {
		if a, b := affinity.Hash(key), affinity.Hash(strings.Clone(key)); a != b {
			t.Errorf("Hash(%q) is %#x and %#x", key, a, b)
		}
		if affinity.Hash(key) == affinity.Hash(key+"\x00") {
			t.Errorf("Hash(%q) does not count a zero byte at the end", key)
		}
	})
}

func BenchmarkFirst(b *testing.B) {
	for _, n := range []int{10, 100, 1000} {
		ring := affinity.New(names(n))
		for _, members := range []int{1, 4} {
			b.Run(fmt.Sprintf("%d/%d", n, members), func(b *testing.B) {
				b.ReportAllocs()
				key := uint64(0)
				for b.Loop() {
					key += 0x9E3779B97F4A7C15
					walk := ring.First(key)
					for range members {
						walk.Next()
					}
				}
			})
		}
	}
}

func BenchmarkNew(b *testing.B) {
	for _, n := range []int{100, 1000, 3000} {
		ids := names(n)
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				affinity.New(ids)
			}
		})
	}
}
