package conns_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/resolver"

	"github.com/freshet-io/freshet/balancer/internal/conns"
)

// newMulti is a policy with one endpoint of two addresses, and one of one.
func newMulti() *policy {
	p := newManual()
	p.Update([]resolver.Endpoint{endpoint("a:1", "a:2"), endpoint("b:1")}, nil)
	p.cc.to("b:1").tell(connecting, failure)
	p.cc.run()
	return p
}

// TestHappyEyeballs falls back to the second address, and shows one endpoint.
func TestHappyEyeballs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newMulti()
		defer p.Close()
		p.cc.to("a:1").tell(connecting)
		p.cc.run()
		pass(250 * time.Millisecond) // RFC 8305's delay
		p.cc.to("a:2").tell(connecting, isReady)
		p.cc.run()
		p.cc.to("a:2").judge(isReady)
		p.cc.run()
		pass(0)
		s := p.last(t)
		if len(s.Ready) != 1 || s.Ready[0].SubConn != p.cc.to("a:2") || len(s.Ready[0].Endpoint.Addresses) != 2 {
			t.Fatalf("READY are %+v, want one endpoint on the subchannel to a:2", s.Ready)
		}
		if p.cc.to("a:1").shut.Load() != 1 {
			t.Error("the slower attempt was not given up")
		}
		// Health takes it away and gives it back.
		p.cc.to("a:2").judge(failure)
		p.cc.run()
		pass(time.Second)
		if s := p.last(t); s.Aggregate != failure || !strings.Contains(s.Err.Error(), "NOT_SERVING") {
			t.Errorf("channel is %v (%v), want TRANSIENT_FAILURE by health", s.Aggregate, s.Err)
		}
		p.cc.to("a:2").judge(isReady)
		p.cc.run()
		pass(time.Second)
		if s := p.last(t); s.Aggregate != isReady || s.Ready[0].Generation != 2 {
			t.Errorf("channel is %v, generation %d; want READY and 2", s.Aggregate, s.Ready[0].Generation)
		}
	})
}

// TestMultiFails shows the endpoint's last error when all its addresses fail, and
// stays so until it is READY.
func TestMultiFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newMulti()
		defer p.Close()
		p.cc.to("a:1").tell(connecting, failure)
		p.cc.run()
		pass(time.Second)
		if got := p.last(t).Aggregate; got != connecting {
			t.Errorf("with one of two addresses failed the channel is %v, want CONNECTING", got)
		}
		p.cc.to("a:2").tell(connecting, failure)
		p.cc.run()
		pass(time.Second)
		s := p.last(t)
		if s.Aggregate != failure || !strings.Contains(s.Err.Error(), "dial a:2") {
			t.Errorf("channel is %v (%v), want TRANSIENT_FAILURE by a:2", s.Aggregate, s.Err)
		}
		p.cc.to("a:1").tell(idle, connecting)
		p.cc.run()
		pass(time.Second)
		if got := p.last(t).Aggregate; got != failure {
			t.Errorf("while it tries again the channel is %v, want TRANSIENT_FAILURE", got)
		}
	})
}

// TestMultiReconnects loses the connection: the next attempt begins at once, with
// the first address.
func TestMultiReconnects(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPolicy()
		defer p.Close()
		p.Update([]resolver.Endpoint{endpoint("a:1", "a:2"), endpoint("b:1")}, nil)
		p.cc.run()
		pass(time.Second)
		p.cc.manual.Store(true)
		sc := p.cc.to("a:1")
		sc.tell(idle)
		p.cc.run()
		pass(0)
		if got := sc.connects.Load(); got != 2 {
			t.Errorf("%d connects after the loss, want 2", got)
		}
		if got := ready(p.last(t)); len(got) != 1 || got[0] != "b:1" {
			t.Errorf("READY are %q at once after the loss, want b:1", got)
		}
	})
}

// TestMultiSwitchedOff ends everything of an endpoint, also from a publication that
// pick_first itself brought about.
func TestMultiSwitchedOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newMulti()
		defer p.Close()
		p.onPublish(func(s conns.Snapshot[learnt]) {
			if s.Counts.Ready == 1 {
				p.Switch(func(l *conns.Leaf[learnt]) bool { return l.Key == "b:1" })
			}
		})
		sc := p.cc.to("a:1")
		sc.tell(connecting, isReady)
		p.cc.run()
		sc.judge(isReady)
		p.cc.run()
		pass(time.Second)
		if got := p.last(t); got.Counts != (conns.Counts{Idle: 1, TransientFailure: 1}) || sc.shut.Load() != 1 {
			t.Errorf("%+v, %d shutdowns; want one endpoint idle and its subchannel shut down", got.Counts, sc.shut.Load())
		}
		made := len(p.cc.made())
		pass(time.Minute)
		if got := len(p.cc.made()); got != made {
			t.Errorf("%d new subchannels for an endpoint that is off", got-made)
		}
	})
}

// TestMultiClosedWhileIdle closes before the timer has woken the endpoint.
func TestMultiClosedWhileIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPolicy()
		p.Update([]resolver.Endpoint{endpoint("a:1", "a:2")}, nil)
		p.cc.run()
		pass(time.Second)
		sc := p.cc.to("a:1")
		sc.tell(idle)
		p.cc.run()
		p.Close()
		pass(time.Second)
		if c, s := sc.connects.Load(), sc.shut.Load(); c != 1 || s != 1 {
			t.Errorf("%d connects and %d shutdowns, want one each", c, s)
		}
	})
}
