package stage

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"

	"github.com/freshet-io/freshet/examples/conformance/internal/script"
)

// record is one call that reached the origin.
type record struct {
	serial      int64
	method, id  string
	backend     int
	md          metadata.MD
	conditional bool
	start, end  int64 // ticks; end is 0 while the call is under way
	code        codes.Code
	cancelled   bool
}

// ledger is the log of all backends, and what they are to answer. A tick is an
// instant on a clock that ticks at every event: virtual time stands still while
// things happen.
type ledger struct {
	tick atomic.Int64

	mu      sync.Mutex
	replies []script.Reply
	used    []int
	log     []*record
	slim    int // so many records at the beginning have lost their metadata
}

func (o *ledger) now() int64 { return o.tick.Add(1) }

// answer sets what is answered from now on.
func (o *ledger) answer(r script.Replies) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.replies, o.used = slices.Clone(r), make([]int, len(r))
}

// begin logs a call and returns how it is to be answered.
func (o *ledger) begin(ctx context.Context, method, id string, backend int) (*record, script.Reply) {
	md, _ := metadata.FromIncomingContext(ctx)
	o.mu.Lock()
	defer o.mu.Unlock()
	r := &record{
		serial: int64(len(o.log) + 1), method: method, id: id, backend: backend, md: md,
		conditional: len(md.Get("if-none-match")) > 0, start: o.now(),
	}
	o.log = append(o.log, r)
	for i, reply := range o.replies {
		if reply.Times > 0 && o.used[i] >= reply.Times || !matches(reply, r) {
			continue
		}
		o.used[i]++
		return r, reply
	}
	return r, script.Reply{}
}

func matches(reply script.Reply, r *record) bool {
	switch {
	case reply.Method != "" && reply.Method != r.method,
		reply.Method == "" && !reads(r.method),
		reply.Backend > 0 && reply.Backend != r.backend,
		reply.ID != "" && reply.ID != r.id,
		reply.If == "conditional" && !r.conditional,
		reply.If == "unconditional" && r.conditional:
		return false
	}
	return true
}

func reads(method string) bool {
	return strings.HasPrefix(method, "Get") || strings.HasPrefix(method, "List") || strings.HasPrefix(method, "Batch") || method == "Peek"
}

// slimDown drops the metadata of the calls so far, which no step looks at any more.
func (o *ledger) slimDown() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for ; o.slim < len(o.log) && o.log[o.slim].end > 0; o.slim++ {
		o.log[o.slim].md = nil
	}
}

// end logs the end of a call.
func (o *ledger) end(ctx context.Context, r *record, code codes.Code) {
	o.mu.Lock()
	defer o.mu.Unlock()
	r.code, r.cancelled, r.end = code, ctx.Err() != nil, o.now()
}

// since returns copies of the records of calls that began at tick or later.
func (o *ledger) since(tick int64) []record {
	o.mu.Lock()
	defer o.mu.Unlock()
	var out []record
	i, _ := slices.BinarySearchFunc(o.log, tick, func(r *record, tick int64) int { return cmp.Compare(r.start, tick) })
	for _, r := range o.log[i:] {
		out = append(out, *r)
	}
	return out
}

// of returns the record of a serial.
func (o *ledger) of(serial int64) (record, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if serial < 1 || serial > int64(len(o.log)) {
		return record{}, false
	}
	return *o.log[serial-1], true
}
