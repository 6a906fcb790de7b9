package conns_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/status"
	"pgregory.net/rapid"

	"github.com/freshet-io/freshet/balancer/internal/conns"
)

const (
	idle       = connectivity.Idle
	connecting = connectivity.Connecting
	isReady    = connectivity.Ready
	failure    = connectivity.TransientFailure
)

// TestSingleAddressStates walks one endpoint through the states of its subchannel.
func TestSingleAddressStates(t *testing.T) {
	type step struct {
		raw      connectivity.State
		health   connectivity.State // if raw is -1
		want     connectivity.State
		connects int
	}
	const health = connectivity.State(-1)
	for _, tt := range []struct {
		name  string
		steps []step
	}{
		{"ready after health", []step{
			{connecting, 0, connecting, 1}, {isReady, 0, connecting, 1}, {health, isReady, isReady, 1},
		}},
		{"failure is sticky", []step{
			{connecting, 0, connecting, 1},
			{failure, 0, failure, 1},
			{idle, 0, failure, 2},
			{connecting, 0, failure, 2},
			{failure, 0, failure, 2},
			{idle, 0, failure, 3},
			{connecting, 0, failure, 3},
			{isReady, 0, connecting, 3},
			{health, isReady, isReady, 3},
		}},
		{"loss reconnects at once", []step{
			{connecting, 0, connecting, 1},
			{isReady, 0, connecting, 1},
			{health, isReady, isReady, 1},
			{idle, 0, connecting, 2},
			{connecting, 0, connecting, 2},
			{failure, 0, failure, 2},
		}},
		{"lost before ready", []step{
			{connecting, 0, connecting, 1}, {idle, 0, connecting, 2}, {connecting, 0, connecting, 2},
		}},
		{"health comes and goes", []step{
			{connecting, 0, connecting, 1},
			{isReady, 0, connecting, 1},
			{health, connecting, connecting, 1},
			{health, failure, failure, 1},
			{health, isReady, isReady, 1},
			{health, failure, failure, 1},
			{idle, 0, connecting, 2},
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newManual()
				cc := p.cc
				defer p.Close()
				if err := p.Update(endpoints("a:1"), nil); err != nil {
					t.Fatal(err)
				}
				sc := cc.to("a:1")
				for i, s := range tt.steps {
					if s.raw == health {
						sc.judge(s.health)
					} else {
						sc.tell(s.raw)
					}
					cc.run()
					pass(time.Second)
					if got := p.last(t).Aggregate; got != s.want {
						t.Errorf("after step %d of %v the channel is %v, want %v", i, tt.steps, got, s.want)
					}
					if int(sc.connects.Load()) != s.connects {
						t.Errorf("after step %d of %v there were %d connects, want %d", i, tt.steps, sc.connects.Load(), s.connects)
					}
				}
			})
		})
	}
}

// event is a state of a subchannel, or what its health service says.
type event struct {
	health bool
	to     connectivity.State
}

// TestAsPickFirst drives an endpoint by an own leaf and one by gRPC's pick_first
// through the same events: they must show the same.
func TestAsPickFirst(t *testing.T) {
	follow := map[connectivity.State][]connectivity.State{
		idle: {connecting}, connecting: {isReady, failure, idle}, isReady: {idle}, failure: {idle},
	}
	rapid.Check(t, func(rt *rapid.T) {
		at := idle
		var events []event
		for range rapid.IntRange(1, 30).Draw(rt, "steps") {
			if at == isReady && rapid.Bool().Draw(rt, "health") {
				to := rapid.SampledFrom([]connectivity.State{connecting, isReady, failure}).Draw(rt, "judgement")
				events = append(events, event{true, to})
				continue
			}
			at = rapid.SampledFrom(follow[at]).Draw(rt, "state")
			events = append(events, event{false, at})
		}
		var fault string
		synctest.Test(t, func(*testing.T) { fault = differs(events) })
		if fault != "" {
			rt.Fatal(fault)
		}
	})
}

// differs tells how an own leaf differs from a pick_first after the same events.
func differs(events []event) string {
	own, pf := newManual(), newManual()
	conns.PickFirstForAll(pf.Manager)
	defer own.Close()
	defer pf.Close()
	both := []*policy{own, pf}
	for _, p := range both {
		p.Update(endpoints("a:1"), nil)
	}
	for i, e := range events {
		for _, p := range both {
			if e.health {
				p.cc.to("a:1").judge(e.to)
			} else {
				p.cc.to("a:1").tell(e.to)
			}
			p.cc.run()
			pass(time.Second)
			p.cc.run()
		}
		var got [2]string
		for j, p := range both {
			s, sc := p.snapshots[len(p.snapshots)-1], p.cc.to("a:1")
			text := strings.ReplaceAll(fmt.Sprint(s.Err), "pickfirst: ", "")
			got[j] = fmt.Sprintf("%v (%d ready, error %s) after %d connects, with %d health listeners, of %d subchannels",
				s.Aggregate, len(s.Ready), text, sc.connects.Load(), sc.listens.Load(), len(p.cc.made()))
		}
		if got[0] != got[1] {
			return fmt.Sprintf("after %v: own leaf: %s; pick_first: %s", events[:i+1], got[0], got[1])
		}
	}
	return ""
}

// TestLateEvents lets a subchannel speak that was given up.
func TestLateEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPolicy()
		cc := p.cc
		defer p.Close()
		p.Update(endpoints("a:1", "b:1"), nil)
		cc.run()
		pass(time.Second)
		old := cc.to("b:1")
		p.Update(endpoints("a:1"), nil)
		p.Update(endpoints("a:1", "b:1"), nil)
		pass(time.Second)
		before := p.published()
		health := old.health
		old.listen(state(failure))
		health(state(isReady))
		old.listen(state(isReady))
		old.listen(state(connectivity.Shutdown))
		pass(time.Second)
		if got := p.published(); got != before {
			t.Errorf("%d publications after events of a former subchannel, want none", got-before)
		}
	})
}

// TestLateHealth has the health service speak of a connection that is lost.
func TestLateHealth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPolicy()
		defer p.Close()
		p.Update(endpoints("a:1"), nil)
		p.cc.run()
		sc := p.cc.to("a:1")
		health := sc.health
		p.cc.manual.Store(true)
		sc.listen(state(idle))
		health(state(isReady))
		pass(time.Second)
		if got := p.last(t).Aggregate; got != connecting {
			t.Errorf("the channel is %v, want CONNECTING", got)
		}
	})
}

// TestOvertaken switches an endpoint off while its subchannel is being made.
func TestOvertaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPolicy()
		defer p.Close()
		p.cc.onNew = func() {
			p.cc.onNew = nil
			p.Switch(func(*conns.Leaf[learnt]) bool { return false })
		}
		p.Update(endpoints("a:1"), nil)
		p.cc.run()
		pass(time.Second)
		if got, sc := p.last(t).Aggregate, p.cc.to("a:1"); got != idle || sc.shut.Load() != 1 || sc.connects.Load() != 0 {
			t.Errorf("channel is %v, %d connects, %d shutdowns; want IDLE, none, one", got, sc.connects.Load(), sc.shut.Load())
		}
	})
}

// TestErrorIsNoStatus has a dialer whose error carries a status: gRPC would fail
// calls that wait for ready if the picker's error did.
func TestErrorIsNoStatus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newManual()
		cc := p.cc
		defer p.Close()
		p.Update(endpoints("a:1", "b:1"), nil)
		sc := cc.to("a:1")
		cc.to("b:1").tell(failure)
		cc.run()
		s := state(failure)
		s.ConnectionError = fmt.Errorf("dial: %w", status.Error(codes.PermissionDenied, "no entry"))
		sc.listen(s)
		pass(time.Second)
		err := p.last(t).Err
		if _, ok := status.FromError(err); ok || errors.Is(err, errRefused) {
			t.Errorf("error %v wraps its cause", err)
		}
		for _, want := range []string{"a:1", "no entry", "2 to fail"} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("error %q does not tell %q", err, want)
			}
		}
	})
}

// TestRefusedSubchannel has a channel that makes no subchannels for a while.
func TestRefusedSubchannel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPolicy()
		cc := p.cc
		cc.refuse = errors.New("the channel is closing")
		defer p.Close()
		p.Update(endpoints("a:1"), nil)
		if s := p.last(t); s.Aggregate != failure || !strings.Contains(s.Err.Error(), "closing") {
			t.Fatalf("published %v, %v; want TRANSIENT_FAILURE with the reason", s.Aggregate, s.Err)
		}
		cc.refuse = nil
		p.ExitIdle()
		p.ExitIdle()
		cc.run()
		if got := len(cc.made()); got != 1 {
			t.Errorf("%d subchannels, want 1", got)
		}
		if s := p.last(t); s.Aggregate != isReady {
			t.Errorf("after ExitIdle the channel is %v, want READY", s.Aggregate)
		}
	})
}

// TestGeneration counts how often an endpoint became READY.
func TestGeneration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPolicy()
		cc := p.cc
		defer p.Close()
		p.Update(endpoints("a:1", "b:1"), nil)
		cc.run()
		pass(time.Second)
		first := p.last(t)
		cc.to("a:1").tell(idle)
		cc.run()
		pass(time.Second)
		second := p.last(t)
		for i, want := range map[string]uint64{"a:1": 2, "b:1": 1} {
			j := slices.IndexFunc(second.Ready, func(l *conns.Leaf[learnt]) bool { return l.Key == i })
			k := slices.IndexFunc(first.Ready, func(l *conns.Leaf[learnt]) bool { return l.Key == i })
			was, is := first.Ready[k], second.Ready[j]
			if is.Generation != want || is.Learnt != was.Learnt || is.SubConn != was.SubConn {
				t.Errorf("%s: generation %d, want %d; learnt %p, was %p", i, is.Generation, want, is.Learnt, was.Learnt)
			}
			if (is == was) != (want == 1) {
				t.Errorf("%s: the same Leaf: %v, want %v", i, is == was, want == 1)
			}
		}
	})
}
