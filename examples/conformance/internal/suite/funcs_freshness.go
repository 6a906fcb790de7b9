package suite

import (
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"github.com/freshet-io/freshet/examples/conformance/internal/script"
	"github.com/freshet-io/freshet/examples/conformance/internal/stage"
	"github.com/freshet-io/freshet/examples/conformance/internal/subject"
)

// jitter fills many keys at once and watches them end. The number of those that
// end in each second must be what an even spread gives: chi-square with 9 degrees
// of freedom is below 40 but for 8 times in a million.
func jitter(t *testing.T, s subject.Subject, c *script.Case) error {
	const keys = 2000
	scene := c.Scene
	scene.Rule = map[string]any{"jitter": 0.1}
	scene.MaxBytes = 16 << 20
	scene.Origin = script.Replies{{Header: []string{"cache-control: max-age=100"}}}
	return within(t, s, scene, stage.Options{}, func(st *stage.Stage) {
		ids := make([]string, keys)
		for i := range ids {
			ids[i] = strconv.FormatUint(rand.Uint64(), 36)
			st.Do(&script.Step{Call: script.Call{ID: ids[i], Want: script.Miss}})
		}
		var ended [10]int
		for second := range 11 {
			st.PassTo(90*time.Second + time.Duration(second)*time.Second - time.Millisecond)
			left := ids[:0]
			for _, id := range ids {
				if st.Stored(id) {
					left = append(left, id)
				}
			}
			gone := len(ids) - len(left)
			if ids = left; second == 0 {
				if gone > 0 {
					st.Failf("%d of %d replies ended before 90 s", gone, keys)
				}
				continue
			}
			ended[second-1] = gone
		}
		st.PassTo(100 * time.Second)
		for _, id := range ids {
			if st.Stored(id) {
				st.Failf("a reply is reused at 100 s")
			}
		}
		ended[9] += len(ids)
		const want = keys / 10.0
		chi := 0.0
		for _, n := range ended {
			chi += (float64(n) - want) * (float64(n) - want) / want
		}
		if chi > 40 {
			st.Failf("the ends are not spread evenly over 10 s: %v", ended)
		}
	})
}
