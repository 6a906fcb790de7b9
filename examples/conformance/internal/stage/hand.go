package stage

import (
	"time"

	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"

	"github.com/freshet-io/freshet/examples/conformance/internal/script"
)

// What Go functions do by hand that steps do in scripts.

// Do plays a step.
func (st *Stage) Do(s *script.Step) { st.step(0, s) }

// PassTo lets time pass until d after the beginning.
func (st *Stage) PassTo(d time.Duration) { st.Pass(d - time.Since(st.base)) }

// Invoke makes a call.
func (st *Stage) Invoke(method string, req, reply proto.Message) error {
	if st.ruled[method] {
		st.counted.Add(1)
	}
	return st.channels["shop"].conn.Invoke(st.ctx, method, req, reply)
}

// Answer is what a caller has of a call.
type Answer struct {
	Reply           proto.Message
	Header, Trailer metadata.MD
	Err             error
}

// Answers plays a step that makes calls, and returns what the callers have, which is theirs to
// change.
func (st *Stage) Answers(s *script.Step) []Answer {
	b := st.Start(s)
	b.wait()
	b.judge(s)
	out := make([]Answer, len(b.calls))
	for i, c := range b.calls {
		out[i] = Answer{c.reply, c.header, c.trailer, c.err}
	}
	return out
}

// Stored reports whether a call for a product that may not ask the origin is
// answered.
func (st *Stage) Stored(id string) bool {
	b := st.Start(&script.Step{Call: script.Call{ID: id, MD: []string{"cache-control: only-if-cached"}}})
	begin := b.calls[0].begin
	b.wait()
	if n := len(st.origin.since(begin)); n > 0 {
		st.Failf("a call that said only-if-cached reached the origin")
	}
	return b.calls[0].err == nil
}

// Asked is how many calls have reached the origin.
func (st *Stage) Asked() int { return len(st.origin.since(0)) }

// Used is how often the scene's store was read, and how often it was changed.
func (st *Stage) Used() (reads, changes int64) {
	return st.store.Gets.Load(), st.store.Sets.Load() + st.store.Deletes.Load()
}
