package suite

import (
	"math/rand/v2"
	"runtime"
	"strconv"
	"testing"

	"github.com/freshet-io/freshet/examples/conformance/internal/script"
	"github.com/freshet-io/freshet/examples/conformance/internal/stage"
	"github.com/freshet-io/freshet/examples/conformance/internal/subject"
)

// heap is the size of what is alive.
func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// budget writes ten times what may be kept.
func budget(t *testing.T, s subject.Subject, c *script.Case) error {
	const (
		most = 4 << 20
		size = 32 << 10
	)
	scene := answering(c.Scene, script.Reply{ID: "none", Size: size}, script.Reply{Header: fresh, Size: size})
	scene.MaxBytes = most
	return within(t, s, scene, stage.Options{}, func(st *stage.Stage) {
		for range 20 { // the connection takes its room
			st.Do(get("none", script.OK))
		}
		before := heap()
		for n := range 10 * most / size {
			st.Do(get(strconv.Itoa(n), script.Miss))
		}
		if used := heap() - before; used > most*115/100 {
			st.Failf("%d bytes are held, want at most 1.15 times the budget of %d", used, most)
		}
	})
}

// smallHeap makes a cache of 1 MiB and uses it once. A connection takes some of it.
func smallHeap(t *testing.T, s subject.Subject, c *script.Case) error {
	before := heap()
	return within(t, s, answering(c.Scene, script.Reply{Header: fresh}), stage.Options{}, func(st *stage.Stage) {
		st.Do(get("1", script.Miss))
		if used := heap() - before; used > 3<<20 {
			st.Failf("%d bytes are held, want less than %d", used, 3<<20)
		}
	})
}

// full writes until the cache has long been full. Whatever it lets in then, what is asked for again
// and again is among it.
func full(t *testing.T, s subject.Subject, c *script.Case) error {
	const size = 16 << 10
	return within(t, s, answering(c.Scene, script.Reply{Header: fresh, Size: size}), stage.Options{}, func(st *stage.Stage) {
		for n := range 10 << 20 / size {
			st.Do(get(strconv.Itoa(n), script.OK))
		}
		for n := range 10 {
			id := "new " + strconv.Itoa(n)
			for range 5 {
				st.Do(get(id, script.OK))
			}
			st.Do(get(id, script.Hit))
		}
	})
}

// churn overwrites, evicts and invalidates, and looks at what is left.
func churn(st *stage.Stage) {
	st.Do(&script.Step{Origin: script.Replies{{Header: append([]string{`cache-groups: "all"`}, fresh...), Size: 4 << 10}}})
	round := func() {
		for n := range 400 {
			id := strconv.Itoa(n % 300)
			st.Do(get(id, script.OK))
			st.Do(&script.Step{Call: script.Call{ID: id, MD: []string{"cache-control: no-cache"}, Want: script.Miss}})
			if n%50 == 0 {
				st.Do(&script.Step{Invalidate: []string{"all", "product:" + id}})
			}
		}
	}
	round()
	before := heap()
	for range 4 {
		round()
	}
	// Of that, the origin's own log of each call is most.
	if more := heap() - before; more > 4*800*450 {
		st.Failf("four rounds more have left %d bytes, want at most 450 for each of %d calls", more, 4*800)
	}
}

// crowd is many callers at once. That they do not stop each other the bubble sees.
func crowd(t *testing.T, s subject.Subject, c *script.Case) error {
	rng := rand.New(rand.NewPCG(3, 5))
	return within(t, s, answering(c.Scene, script.Reply{Header: append([]string{`cache-groups: "all"`}, fresh...), Size: 32 << 10}), stage.Options{}, func(st *stage.Stage) {
		for range 30 {
			for range 8 {
				call := script.Call{ID: strconv.Itoa(rng.IntN(40)), N: 4}
				if rng.IntN(3) == 0 {
					call.MD = []string{"cache-control: no-cache"}
				}
				st.Start(&script.Step{Call: call})
			}
			if rng.IntN(4) == 0 {
				st.Do(&script.Step{Invalidate: []string{"all"}})
			}
			st.Pass(1)
		}
		st.Do(get("last", script.Miss))
	})
}

// forgetOne has single replies forgotten, among many.
func forgetOne(st *stage.Stage) {
	keep := script.Replies{{Header: fresh}}
	st.Do(&script.Step{Origin: keep})
	const ids = 200
	for n := range ids {
		st.Do(get(strconv.Itoa(n), script.Miss))
	}
	for n := 0; n < ids; n += 10 {
		st.Do(&script.Step{
			Origin: script.Replies{{Header: []string{"cache-control: no-store"}}},
			Call:   script.Call{ID: strconv.Itoa(n), MD: []string{"cache-control: no-cache"}, Want: script.Miss},
		})
	}
	st.Do(&script.Step{Origin: keep})
	for n := range ids {
		want := script.Hit
		if n%10 == 0 {
			want = script.Miss
		}
		st.Do(get(strconv.Itoa(n), want))
	}
}
