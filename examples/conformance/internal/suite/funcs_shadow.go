package suite

import (
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/freshet-io/freshet/examples/conformance/internal/script"
	"github.com/freshet-io/freshet/examples/conformance/internal/stage"
	testv1 "github.com/freshet-io/freshet/proto/freshet/test/v1"
)

// shadow holds each of some thousand replies, got at random times while the
// origin's data changes at others, against what the origin would have said, and
// wants none to have been untrue for longer than the rule's bound.
func shadow(st *stage.Stage) {
	const bound = 10 * time.Second
	random := rand.New(rand.NewPCG(1, 2)) // the same walk each time
	var (
		version    int
		changed    = []time.Time{time.Now()} // when each version became true
		histogram  [11]int                   // of the seconds that replies had been untrue
		superseded time.Duration
	)
	for range 3000 {
		st.Pass(time.Duration(random.Int64N(int64(500 * time.Millisecond))))
		if random.IntN(10) == 0 {
			version++
			changed = append(changed, time.Now())
			st.Do(&script.Step{Origin: script.Replies{{Header: fresh, Body: strconv.Itoa(version)}}})
		}
		reply, _ := st.Answers(get(strconv.Itoa(random.IntN(5)), script.OK))[0].Reply.(*testv1.GetProductResponse)
		got, _ := strconv.Atoi(reply.GetProduct().GetName())
		if superseded = 0; got < version {
			superseded = time.Since(changed[got+1])
		}
		if superseded > bound {
			st.Failf("a reply is given that had been untrue for %v, past the bound of %v; by seconds: %v", superseded, bound, histogram)
		}
		histogram[superseded/time.Second]++
	}
	if st.Asked() > 2000 {
		st.Failf("the origin was asked %d times for 3000 replies", st.Asked())
	}
}
