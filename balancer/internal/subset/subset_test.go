package subset_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/freshet-io/freshet/balancer/internal/subset"
)

func names(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("10.0.%d.%d:443", i/256, i%256)
	}
	return out
}

// chosen are the ids themselves.
func chosen(ids []string, size int, client string, ordinal int) []string {
	var out []string
	for _, i := range subset.Choose(ids, size, client, ordinal) {
		out = append(out, ids[i])
	}
	slices.Sort(out)
	return out
}

// TestGolden fixes the choice: a change of it moves all connections of all
// clients when they are upgraded.
func TestGolden(t *testing.T) {
	for _, tt := range []struct {
		client  string
		ordinal int
		want    []int
	}{
		{"web-5d8f7c9b4-abcde", -1, []int{1, 2, 10, 19, 21, 31}},
		{"web", -1, []int{2, 5, 6, 8, 14, 32}},
		{"web", 0, []int{2, 5, 6, 8, 14, 32}},
		{"web", 1, []int{3, 15, 22, 25, 31, 38}},
		{"web", 12, []int{0, 6, 9, 18, 31, 33}},
		{"api", 12, []int{7, 11, 16, 21, 22, 34}},
		{"", 99999999, []int{11, 22, 23, 26, 33, 37}},
	} {
		got := subset.Choose(names(40), 6, tt.client, tt.ordinal)
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("Choose(40 ids, 6, %q, %d) (-want +got):\n%s", tt.client, tt.ordinal, diff)
		}
	}
}

func TestSizes(t *testing.T) {
	for _, tt := range []struct{ ids, size, want int }{
		{0, 5, 0}, {1, 5, 1}, {5, 0, 5}, {5, -1, 5}, {5, 5, 5}, {5, 6, 5}, {5, 4, 4}, {5, 1, 1},
	} {
		for _, ordinal := range []int{-1, 0, 3} {
			got := subset.Choose(names(tt.ids), tt.size, "web", ordinal)
			if len(got) != tt.want {
				t.Errorf("Choose(%d ids, %d, web, %d) chose %v, want %d of them", tt.ids, tt.size, ordinal, got, tt.want)
			}
			if !slices.IsSorted(got) || len(slices.Compact(slices.Clone(got))) != len(got) {
				t.Errorf("Choose(%d ids, %d, web, %d) = %v, want them ascending and distinct", tt.ids, tt.size, ordinal, got)
			}
		}
	}
}

// draw returns the arguments of Choose, and one id that is not among ids.
func draw(t *rapid.T) (ids []string, size int, client string, ordinal int, other string) {
	ids = rapid.SliceOfNDistinct(rapid.StringMatching(`[a-z0-9.:]{0,12}`), 2, 60, rapid.ID[string]).Draw(t, "ids")
	size = rapid.IntRange(1, len(ids)).Draw(t, "size")
	client = rapid.String().Draw(t, "client")
	ordinal = rapid.IntRange(-1, 1<<20).Draw(t, "ordinal")
	return ids[1:], size, client, ordinal, ids[0]
}

func TestOrderOfIdsDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ids, size, client, ordinal, _ := draw(t)
		mixed := rapid.Permutation(ids).Draw(t, "mixed")
		if diff := cmp.Diff(chosen(ids, size, client, ordinal), chosen(mixed, size, client, ordinal)); diff != "" {
			t.Fatalf("in another order another subset (-first +second):\n%s", diff)
		}
	})
}

// TestOneEndpointChangesOneMember is the least churn that is possible.
func TestOneEndpointChangesOneMember(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ids, size, client, ordinal, other := draw(t)
		before := chosen(ids, size, client, ordinal)
		after := chosen(append(slices.Clone(ids), other), size, client, ordinal)
		var left, came []string
		for _, id := range before {
			if !slices.Contains(after, id) {
				left = append(left, id)
			}
		}
		for _, id := range after {
			if !slices.Contains(before, id) {
				came = append(came, id)
			}
		}
		if len(left) > 1 || len(came) > 1 || len(came) == 1 && came[0] != other {
			t.Fatalf("%q arrived: %q left the subset and %q came to it, want at most one for the new one", other, left, came)
		}
	})
}

// fleet lets clients choose and returns the connections at each endpoint.
func fleet(clients, size int, ids []string, name func(int) (string, int)) []int {
	counts := make([]int, len(ids))
	for k := range clients {
		client, ordinal := name(k)
		for _, i := range subset.Choose(ids, size, client, ordinal) {
			counts[i]++
		}
	}
	return counts
}

func byName(k int) (string, int)    { return "web-" + strconv.Itoa(k*7919) + "x", -1 }
func byOrdinal(k int) (string, int) { return "web", k }

func TestBalance(t *testing.T) {
	for _, tt := range []struct {
		clients, endpoints, size int
		name, ordinal            float64 // busiest against the mean, at most
	}{
		{100, 100, 10, 2.3, 1.65},
		{300, 300, 90, 1.35, 1.15},
		{1000, 100, 20, 1.3, 1.16},
		{1000, 1000, 20, 2.05, 1.4},
		{100, 1000, 20, 5.5, 2.5},
		{20, 100, 20, 2.75, 1.75},
	} {
		t.Run(fmt.Sprint(tt.clients, tt.endpoints, tt.size), func(t *testing.T) {
			ids := names(tt.endpoints)
			mean := float64(tt.clients*tt.size) / float64(tt.endpoints)
			name := float64(slices.Max(fleet(tt.clients, tt.size, ids, byName))) / mean
			ordinal := float64(slices.Max(fleet(tt.clients, tt.size, ids, byOrdinal))) / mean
			t.Logf("busiest against the mean: %.2f by name, %.2f by ordinal", name, ordinal)
			if name > tt.name || ordinal > tt.ordinal {
				t.Errorf("busiest against the mean is %.2f by name and %.2f by ordinal, want at most %.2f and %.2f",
					name, ordinal, tt.name, tt.ordinal)
			}
		})
	}
}

// TestGroupsDoNotAgree has two groups whose members with the same ordinal must not share
// their endpoints.
func TestGroupsDoNotAgree(t *testing.T) {
	ids := names(200)
	shared := 0
	for k := range 50 {
		web := subset.Choose(ids, 20, "web", k)
		for _, i := range subset.Choose(ids, 20, "api", k) {
			if slices.Contains(web, i) {
				shared++
			}
		}
	}
	if shared < 50 || shared > 150 {
		t.Errorf("50 pairs share %d of 1000 endpoints, want about 100, as by chance", shared)
	}
}

// TestAFailureFallsUponMany counts over how many others the clients of one
// endpoint spread what they sent there.
func TestAFailureFallsUponMany(t *testing.T) {
	ids := names(200)
	for _, tt := range []struct {
		name   string
		client func(int) (string, int)
	}{{"name", byName}, {"ordinal", byOrdinal}} {
		heirs := make(map[string]int)
		for k := range 400 {
			client, ordinal := tt.client(k)
			before := chosen(ids, 20, client, ordinal)
			if !slices.Contains(before, ids[0]) {
				continue
			}
			for _, id := range chosen(ids[1:], 20, client, ordinal) {
				if !slices.Contains(before, id) {
					heirs[id]++
				}
			}
		}
		most := 0
		for _, n := range heirs {
			most = max(most, n)
		}
		if len(heirs) < 20 || most > 6 {
			t.Errorf("by %s: the 40 or so clients of one fall upon %d others, the busiest takes %d, want at least 20 and at most 6",
				tt.name, len(heirs), most)
		}
	}
}

func TestIdentity(t *testing.T) {
	for _, tt := range []struct {
		host, client string
		ordinal      int
	}{
		{"web-12", "web", 12},
		{"web-0", "web", 0},
		{"web-012", "web", 12},
		{"web-12.web.shop.svc.cluster.local", "web", 12},
		{"web-api-3", "web-api", 3},
		{"web-99999999", "web", 99999999},
		{"web-100000000", "web-100000000", -1},
		{"web-5d8f7c9b4-abcde", "web-5d8f7c9b4-abcde", -1},
		{"web", "web", -1},
		{"web-", "web-", -1},
		{"-12", "-12", -1},
		{"12", "12", -1},
		{"10.0.0.1", "10.0.0.1", -1},
		{"web.x-12", "web.x-12", -1},
		{"web-+1", "web-+1", -1},
		{"web-٣", "web-٣", -1},
		{"", "", -1},
	} {
		if client, ordinal := subset.Identity(tt.host); client != tt.client || ordinal != tt.ordinal {
			t.Errorf("Identity(%q) = %q, %d, want %q, %d", tt.host, client, ordinal, tt.client, tt.ordinal)
		}
	}
}

func FuzzIdentity(f *testing.F) {
	for _, host := range []string{"web-12", "web-12.svc", "web--1", "-1", "a-00000001", "a-123456789", "", "é-1"} {
		f.Add(host)
	}
	f.Fuzz(func(t *testing.T, host string) {
		client, ordinal := subset.Identity(host)
		if ordinal < 0 {
			if ordinal != -1 || client != host {
				t.Fatalf("Identity(%q) = %q, %d, want the host itself and -1", host, client, ordinal)
			}
			return
		}
		rest, ok := strings.CutPrefix(host, client+"-")
		digits, _, _ := strings.Cut(rest, ".")
		if n, err := strconv.Atoi(digits); !ok || client == "" || err != nil || n != ordinal {
			t.Fatalf("Identity(%q) = %q, %d, want what the host is made of", host, client, ordinal)
		}
	})
}

func BenchmarkChoose(b *testing.B) {
	for _, n := range []int{100, 1000, 3000} {
		ids := names(n)
		rng := rand.New(rand.NewPCG(1, 2))
		rng.Shuffle(n, func(i, j int) { ids[i], ids[j] = ids[j], ids[i] })
		for _, ordinal := range []int{-1, 12} {
			b.Run(fmt.Sprintf("%d/%d", n, ordinal), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					subset.Choose(ids, 20, "web", ordinal)
				}
			})
		}
	}
}

func ExampleChoose() {
	ids := []string{"10.0.0.1:443", "10.0.0.2:443", "10.0.0.3:443", "10.0.0.4:443"}
	client, ordinal := subset.Identity("web-12")
	fmt.Println(client, ordinal)
	for _, i := range subset.Choose(ids, 2, client, ordinal) {
		fmt.Println(ids[i])
	}
	// Output:
	// web 12
	// 10.0.0.1:443
	// 10.0.0.4:443
}
