package balancer

import (
	"context"
	"errors"
	"testing"
	"time"

	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/freshet-io/freshet/balancer/internal/choose"
)

type fixedPicker struct {
	result balancer.PickResult
	err    error
}

func (p fixedPicker) Pick(balancer.PickInfo) (balancer.PickResult, error) { return p.result, p.err }

func pickerOver(child balancer.Picker) *picker {
	params := choose.Params{PoolSize: 16, Expiry: time.Second, Decay: time.Second}
	e := new(choose.Endpoint)
	pool := choose.NewPool(params.PoolSize)
	return &picker{
		base: time.Now(), params: params, pool: pool,
		set:   choose.NewSet(params, pool, []*choose.Endpoint{e}),
		nodes: []node{{endpoint: e, address: "a", child: child}},
	}
}

// TestChildsResultPassesThrough uses a child that wants to hear of the end and
// adds metadata. pick_first does neither.
func TestChildsResultPassesThrough(t *testing.T) {
	var heard []balancer.DoneInfo
	p := pickerOver(fixedPicker{result: balancer.PickResult{
		Metadata: metadata.Pairs("k", "v"),
		Done:     func(d balancer.DoneInfo) { heard = append(heard, d) },
	}})
	for _, d := range []balancer.DoneInfo{{}, {BytesSent: true}} {
		r, err := p.Pick(balancer.PickInfo{Ctx: context.Background()})
		if err != nil || r.Metadata.Get("k")[0] != "v" {
			t.Fatalf("got metadata %v, error %v; want the child's", r.Metadata, err)
		}
		r.Done(d)
	}
	if len(heard) != 2 || heard[0].BytesSent || !heard[1].BytesSent {
		t.Errorf("the child heard %v, want both ends as they were", heard)
	}
	if got := p.nodes[0].endpoint.InFlight(); got != 0 {
		t.Errorf("%d calls in flight after all have ended, want 0", got)
	}
}

func TestChildsErrorIsNoCall(t *testing.T) {
	want := errors.New("not now")
	p := pickerOver(fixedPicker{err: want})
	if _, err := p.Pick(balancer.PickInfo{Ctx: context.Background()}); !errors.Is(err, want) {
		t.Errorf("got error %v, want the child's", err)
	}
	if got := p.nodes[0].endpoint.InFlight(); got != 0 {
		t.Errorf("%d calls in flight after a pick that failed, want 0", got)
	}
}

func TestWhoseFaultAStatusIs(t *testing.T) {
	servers := map[codes.Code]bool{
		codes.Unavailable: true, codes.Internal: true, codes.Unknown: true,
		codes.ResourceExhausted: true, codes.DeadlineExceeded: true, codes.DataLoss: true,
	}
	for code := codes.OK; code <= codes.Unauthenticated; code++ {
		want := choose.Refused
		switch {
		case code == codes.OK:
			want = choose.Success
		case code == codes.Canceled:
			want = choose.Unknown
		case servers[code]:
			want = choose.Failure
		}
		if got := outcomeOf(balancer.DoneInfo{Err: status.Error(code, ""), BytesSent: true}); got != want {
			t.Errorf("%v is outcome %d, want %d", code, got, want)
		}
	}
	unsent := balancer.DoneInfo{Err: status.Error(codes.Unavailable, "")}
	if got := outcomeOf(unsent); got != choose.Unknown {
		t.Errorf("UNAVAILABLE of a call that was not sent is outcome %d, want %d", got, choose.Unknown)
	}
	if got := outcomeOf(balancer.DoneInfo{Err: errors.New("plain"), BytesSent: true}); got != choose.Failure {
		t.Errorf("an error without status is outcome %d, want %d", got, choose.Failure)
	}
}
