package memory_test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/freshet-io/freshet/balancer/internal/memory"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type learnt struct{ value atomic.Int64 }

type mem = memory.Memory[learnt]

var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// put leaves a value under a key.
func put(m *mem, owner any, key string, value int64, now time.Time) {
	l := m.Open(owner, now)
	l.Take(key).value.Store(value)
	l.Close(now)
}

// get reads what is kept under a key, without changing when it was last used.
func get(m *mem, owner any, key string, now time.Time) int64 {
	l := m.Open(owner, now)
	defer l.Close(now)
	return l.Take(key).value.Load()
}

func TestSurvivesTheBalancer(t *testing.T) {
	for _, tt := range []struct {
		name   string
		owner  any
		reader any
		key    string
		after  time.Duration
		want   int64
	}{
		{"at once", 1, 1, "a:1", 0, 7},
		{"just before an hour", 1, 1, "a:1", memory.Keep - 1, 7},
		{"an hour later", 1, 1, "a:1", memory.Keep, 0},
		{"another endpoint", 1, 1, "b:1", 0, 0},
		{"another channel", 1, 2, "a:1", 0, 0},
		{"without owner", nil, nil, "a:1", 0, 0},
		{"a clock that goes back", 1, 1, "a:1", -time.Hour, 7},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var m mem
			put(&m, tt.owner, "a:1", 7, start)
			if got := get(&m, tt.reader, tt.key, start.Add(tt.after)); got != tt.want {
				t.Errorf("learnt %d, want %d", got, tt.want)
			}
		})
	}
}

func TestReturnedEndpoint(t *testing.T) {
	var m mem
	l := m.Open(1, start)
	defer l.Close(start)
	l.Take("a:1").value.Store(7)
	l.Return("a:1", start)
	l.Return("a:1", start)
	l.Return("b:1", start)
	if got := l.Take("a:1").value.Load(); got != 7 {
		t.Errorf("learnt %d of an endpoint that came back, want 7", got)
	}
	l.Return("a:1", start)
	m.Open(2, start.Add(memory.Keep)).Close(start.Add(memory.Keep))
	if got := l.Take("a:1").value.Load(); got != 0 {
		t.Errorf("learnt %d of an endpoint that was away for an hour, want 0", got)
	}
}

func TestTakenIsKept(t *testing.T) {
	var m mem
	l := m.Open(1, start)
	e := l.Take("a:1")
	l.Return("a:1", start)
	l.Take("a:1")
	later := start.Add(10 * memory.Keep)
	other := m.Open(1, later)
	if got := other.Take("a:1"); got != e {
		t.Error("what is taken was forgotten")
	}
	other.Close(later)
	l.Close(later)
	l.Close(later)
	if got := l.Take("a:1"); got == e {
		t.Error("a closed lease still gives access")
	}
}

// TestTwoBalancersOfOneChannel share while both live.
func TestTwoBalancersOfOneChannel(t *testing.T) {
	var m mem
	first := m.Open(1, start)
	e := first.Take("a:1")
	second := m.Open(1, start.Add(time.Minute))
	if got := second.Take("a:1"); got != e || second.Take("a:1") != e {
		t.Error("the second balancer has not what the first one learns")
	}
	first.Close(start.Add(2 * time.Minute))
	if got := second.Take("a:1"); got != e {
		t.Error("the first balancer took away what the second one uses")
	}
	if got := first.Base(); !got.Equal(start) || !second.Base().Equal(start) {
		t.Errorf("bases are %v and %v, want %v", got, second.Base(), start)
	}
	second.Close(start.Add(3 * time.Minute))
	third := m.Open(1, start.Add(4*time.Minute))
	defer third.Close(start)
	if got := third.Take("a:1"); got != e || !third.Base().Equal(start) {
		t.Errorf("the third balancer has base %v, want %v and what the others learnt", third.Base(), start)
	}
}

func TestWithoutOwnerNothingIsShared(t *testing.T) {
	var m mem
	a, b := m.Open(nil, start), m.Open(nil, start)
	defer a.Close(start)
	defer b.Close(start)
	if a.Take("a:1") == b.Take("a:1") {
		t.Error("two balancers of unknown channels share")
	}
}

// TestOldestChannelGoes opens one channel more than are kept.
func TestOldestChannelGoes(t *testing.T) {
	var m mem
	for i := range memory.MaxChannels + 1 {
		put(&m, i, "a:1", 7, start.Add(time.Duration(i)))
	}
	now := start.Add(time.Minute)
	for _, i := range []int{1, memory.MaxChannels} {
		if got := get(&m, i, "a:1", now); got != 7 {
			t.Errorf("channel %d: learnt %d, want 7", i, got)
		}
	}
	if got := get(&m, 0, "a:1", now); got != 0 {
		t.Errorf("the oldest channel: learnt %d, want 0", got)
	}
}

// TestOldestEndpointsGo leaves more endpoints than are kept.
func TestOldestEndpointsGo(t *testing.T) {
	var m mem
	l := m.Open(1, start)
	defer l.Close(start)
	for i := range memory.MaxEndpoints + 10 {
		key := fmt.Sprint(i)
		l.Take(key).value.Store(7)
		l.Return(key, start)
	}
	for _, i := range []int{10, memory.MaxEndpoints + 9} {
		if got := l.Take(fmt.Sprint(i)).value.Load(); got != 7 {
			t.Errorf("endpoint %d: learnt %d, want 7", i, got)
		}
	}
	if got := l.Take("9").value.Load(); got != 0 {
		t.Errorf("endpoint 9: learnt %d, want 0", got)
	}
}

// TestConcurrentUse has many channels come and go.
func TestConcurrentUse(t *testing.T) {
	const seed = 5
	t.Logf("seed %d", seed)
	var m mem
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(seed, uint64(g)))
			for i := range 500 {
				now := start.Add(time.Duration(i) * time.Minute)
				l := m.Open(rnd.IntN(3), now)
				for range 10 {
					key := fmt.Sprint(rnd.IntN(20))
					l.Take(key).value.Add(1)
					if rnd.IntN(2) == 0 {
						l.Return(key, now)
					}
				}
				l.Close(now)
			}
		})
	}
	wg.Wait()
}

func ExampleMemory() {
	var remembered memory.Memory[atomic.Int64]
	channel := new(int) // stands for BuildOptions.ChannelzParent

	lease := remembered.Open(channel, start)
	lease.Take("10.0.0.1:443").Store(42)
	lease.Close(start) // the channel goes idle

	later := start.Add(10 * time.Minute)
	lease = remembered.Open(channel, later)
	defer lease.Close(later)
	fmt.Println(lease.Take("10.0.0.1:443").Load(), later.Sub(lease.Base()))
	// Output: 42 10m0s
}
