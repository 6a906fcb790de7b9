package conns_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/attributes"
	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/resolver"

	"github.com/freshet-io/freshet/balancer/internal/conns"
)

type zoneKey struct{}

// up is a policy whose endpoints are all READY.
func up(es []resolver.Endpoint) *policy {
	p := newPolicy()
	p.Update(es, nil)
	p.cc.run()
	pass(time.Second)
	return p
}

// TestUpdatesThatChangeNothing must open no subchannel and publish nothing.
func TestUpdatesThatChangeNothing(t *testing.T) {
	es := []resolver.Endpoint{endpoint("a:1"), endpoint("b:1"), endpoint("c:1", "c:2")}
	es[0].Attributes = attributes.New(zoneKey{}, "x")
	es[1].Addresses[0].Attributes = attributes.New(zoneKey{}, "y")
	for _, tt := range []struct {
		name   string
		change func(es []resolver.Endpoint) []resolver.Endpoint
	}{
		{"the same", func(es []resolver.Endpoint) []resolver.Endpoint { return es }},
		{"another order", func(es []resolver.Endpoint) []resolver.Endpoint {
			slices.Reverse(es)
			return es
		}},
		{"addresses in another order", func(es []resolver.Endpoint) []resolver.Endpoint {
			es[2] = endpoint("c:2", "c:1")
			return es
		}},
		{"twice", func(es []resolver.Endpoint) []resolver.Endpoint { return append(es, es...) }},
		{"an address twice", func(es []resolver.Endpoint) []resolver.Endpoint {
			es[0].Addresses = append(es[0].Addresses, es[0].Addresses...)
			return es
		}},
		{"one without address", func(es []resolver.Endpoint) []resolver.Endpoint { return append(es, resolver.Endpoint{}) }},
		{"equal attributes", func(es []resolver.Endpoint) []resolver.Endpoint {
			es[0].Attributes = attributes.New(zoneKey{}, "x")
			return es
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := up(slices.Clone(es))
				defer p.Close()
				made, published, order := len(p.cc.made()), p.published(), ready(p.last(t))
				if err := p.Update(tt.change(slices.Clone(es)), nil); err != nil {
					t.Fatal(err)
				}
				p.cc.run()
				pass(time.Second)
				if got := len(p.cc.made()) - made; got != 0 {
					t.Errorf("%d new subchannels, want none", got)
				}
				if got := p.published() - published; got != 0 {
					t.Errorf("%d publications, want none", got)
				}
				p.Republish()
				if got := ready(p.last(t)); !slices.Equal(got, order) || len(got) != 3 {
					t.Errorf("READY are %q, were %q", got, order)
				}
				for _, sc := range p.cc.made() {
					if sc.addr.Addr != "c:2" && sc.shut.Load() > 0 {
						t.Errorf("the subchannel to %s was shut down", sc.addr.Addr)
					}
				}
			})
		})
	}
}

// TestAttributesAreHandedOn changes what a policy may look at.
func TestAttributesAreHandedOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		es := []resolver.Endpoint{endpoint("a:1"), endpoint("b:1", "b:2")}
		p := up(slices.Clone(es))
		defer p.Close()
		before, made, published := p.last(t), len(p.cc.made()), p.published()
		for i := range es {
			es[i].Attributes = attributes.New(zoneKey{}, "z")
			es[i].Addresses = slices.Clone(es[i].Addresses)
			es[i].Addresses[0].Attributes = attributes.New(zoneKey{}, i)
		}
		p.Update(es, nil)
		after := p.last(t)
		if got := p.published() - published; got != 1 || len(p.cc.made()) != made {
			t.Errorf("%d publications and %d new subchannels, want one and none", got, len(p.cc.made())-made)
		}
		for i, l := range after.Ready {
			if got := l.Endpoint.Attributes.Value(zoneKey{}); got != "z" {
				t.Errorf("%s has zone %v, want z", l.Key, got)
			}
			if was := before.Ready[i]; l.Learnt != was.Learnt || l.Generation != was.Generation || l.SubConn != was.SubConn {
				t.Errorf("%s is %+v, was %+v: want only the attributes changed", l.Key, l, was)
			}
		}
		// The next connection takes the new attributes of the address along.
		p.cc.to("a:1").tell(idle)
		p.cc.to("b:1").tell(idle)
		p.cc.run()
		pass(time.Second)
		p.cc.run()
		pass(time.Second)
		for i, addr := range []string{"a:1", "b:1"} {
			sc := p.cc.to(addr)
			if got := sc.addr.Attributes.Value(zoneKey{}); got != i || sc.connects.Load() != 1 {
				t.Errorf("%s reconnected with attribute %v, want %d", addr, got, i)
			}
		}
		if got := ready(p.last(t)); len(got) != 2 {
			t.Errorf("READY are %q, want both", got)
		}
		for _, sc := range p.cc.made()[:made] {
			if sc.shut.Load() != 1 {
				t.Errorf("the former subchannel to %s was shut down %d times, want once", sc.addr.Addr, sc.shut.Load())
			}
		}
	})
}

// TestRemoval publishes before it shuts down, and forgets after that.
func TestRemoval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := up(endpoints("a:1", "b:1"))
		defer p.Close()
		b := p.cc.to("b:1")
		p.onPublish(func(s conns.Snapshot[learnt]) {
			if b.shut.Load() > 0 && len(p.forgets) == 0 {
				t.Error("the subchannel was shut down before the picker without it was out")
			}
			if got := ready(s); !slices.Equal(got, []string{"a:1"}) {
				t.Errorf("READY are %q, want a:1", got)
			}
		})
		published := p.published()
		p.Update(endpoints("a:1"), nil)
		if b.shut.Load() != 1 || p.published() != published+1 || !slices.Equal(p.forgets, []string{"b:1"}) {
			t.Errorf("%d shutdowns, %d publications, forgotten %q; want 1, 1, b:1", b.shut.Load(), p.published()-published, p.forgets)
		}
		p.onPublish(nil)
		p.Update(endpoints("a:1", "b:1"), nil)
		p.cc.run()
		pass(time.Second)
		if got := ready(p.last(t)); len(got) != 2 || p.cc.to("b:1") == b || len(p.learns) != 3 {
			t.Errorf("READY are %q after the return, learnt %q; want both, on a new subchannel", got, p.learns)
		}
	})
}

// TestSwitch turns endpoints off and on.
func TestSwitch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPolicy()
		defer p.Close()
		es := []resolver.Endpoint{endpoint("a:1"), endpoint("b:1"), endpoint("c:1", "c:2")}
		p.Update(es, func(i int) bool { return i != 1 })
		p.cc.run()
		pass(time.Second)
		if got := p.last(t); len(p.cc.made()) != 2 || got.Counts != (conns.Counts{Ready: 2, Idle: 1}) {
			t.Fatalf("%d subchannels, %+v; want 2, and one idle", len(p.cc.made()), got.Counts)
		}
		first := p.last(t).Ready[0].Learnt
		p.Switch(func(l *conns.Leaf[learnt]) bool { return l.Key == "b:1" })
		if a, c := p.cc.to("a:1"), p.cc.to("c:1"); a.shut.Load() != 1 || c.shut.Load() != 1 || p.last(t).Aggregate != connecting {
			t.Errorf("channel is %v, %d and %d shutdowns; want CONNECTING and one each", p.last(t).Aggregate, a.shut.Load(), c.shut.Load())
		}
		p.cc.run()
		if got := ready(p.last(t)); !slices.Equal(got, []string{"b:1"}) {
			t.Errorf("READY are %q, want b:1", got)
		}
		pass(time.Second)
		p.Switch(func(*conns.Leaf[learnt]) bool { return false })
		if got := p.last(t); got.Aggregate != idle || got.Counts != (conns.Counts{Idle: 3}) || got.Err != nil {
			t.Errorf("with everything off: %v, %+v, %v; want IDLE", got.Aggregate, got.Counts, got.Err)
		}
		p.ExitIdle()
		if got := len(p.cc.made()); got != 3 {
			t.Errorf("ExitIdle connected what is off: %d subchannels, want 3", got)
		}
		p.Update(es, nil)
		p.cc.run()
		pass(time.Second)
		s := p.last(t)
		if s.Counts.Ready != 3 || s.Ready[0].Learnt != first || len(p.forgets) != 0 || s.Ready[0].Generation != 2 {
			t.Errorf("back on: %+v, forgotten %q, first is %+v; want all with what was learnt", s.Counts, p.forgets, s.Ready[0])
		}
		for _, l := range p.Leaves() {
			if !l.On || l.State != isReady || l.Err != nil {
				t.Errorf("%s is on %v, %v, %v; want READY", l.Key, l.On, l.State, l.Err)
			}
		}
	})
}

// TestIdleDoesNotHideFailure has all connected endpoints fail while others are off.
func TestIdleDoesNotHideFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newManual()
		defer p.Close()
		p.Update(endpoints("a:1", "b:1", "c:1"), func(i int) bool { return i < 2 })
		p.cc.to("a:1").tell(connecting, failure)
		p.cc.run()
		pass(time.Second)
		if got := p.last(t).Aggregate; got != connecting {
			t.Errorf("with one of two failed the channel is %v, want CONNECTING", got)
		}
		p.cc.to("b:1").tell(connecting, failure)
		p.cc.run()
		pass(time.Second)
		s := p.last(t)
		if s.Aggregate != failure || !strings.Contains(s.Err.Error(), "dial b:1: connection refused") {
			t.Errorf("with both failed the channel is %v (%v), want TRANSIENT_FAILURE by b:1", s.Aggregate, s.Err)
		}
		p.ResolverError(errors.New("no such host"))
		if got := p.last(t).Err.Error(); !strings.Contains(got, "no such host") || !strings.Contains(got, "b:1") {
			t.Errorf("error %q, want both reasons", got)
		}
		p.Update(endpoints("a:1", "b:1", "c:1"), func(i int) bool { return i < 2 })
		if got := p.last(t).Err.Error(); strings.Contains(got, "no such host") {
			t.Errorf("error %q after the resolver has recovered", got)
		}
	})
}

// TestNoEndpoints says why there are none.
func TestNoEndpoints(t *testing.T) {
	for _, tt := range []struct {
		name  string
		steps func(p *policy) error
		want  string
	}{
		{"an error first", func(p *policy) error {
			p.ResolverError(errors.New("no such host"))
			return balancer.ErrBadResolverState
		}, "no such host"},
		{"an empty list first", func(p *policy) error { return p.Update(nil, nil) }, "no addresses"},
		{"endpoints without address", func(p *policy) error { return p.Update(make([]resolver.Endpoint, 2), nil) }, "no addresses"},
		{"an empty list later", func(p *policy) error {
			p.Update(endpoints("a:1"), nil)
			p.cc.run()
			return p.Update(nil, nil)
		}, "no addresses"},
		{"an error after it", func(p *policy) error {
			err := p.Update(nil, nil)
			p.ResolverError(errors.New("no such host"))
			return err
		}, "no such host"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPolicy()
				defer p.Close()
				if err := tt.steps(p); !errors.Is(err, balancer.ErrBadResolverState) {
					t.Errorf("error %v, want ErrBadResolverState", err)
				}
				s := p.last(t)
				if s.Aggregate != failure || s.Err == nil || !strings.Contains(s.Err.Error(), tt.want) {
					t.Errorf("channel is %v (%v), want TRANSIENT_FAILURE with %q", s.Aggregate, s.Err, tt.want)
				}
				for _, sc := range p.cc.made() {
					if sc.shut.Load() != 1 {
						t.Errorf("the subchannel to %s is still there", sc.addr.Addr)
					}
				}
				before := p.published()
				p.Update(nil, nil)
				p.Update(nil, nil)
				if got := p.published() - before; got > 1 {
					t.Errorf("%d publications of the same, want at most one", got)
				}
				p.Update(endpoints("a:1"), nil)
				p.cc.run()
				if got := p.last(t).Aggregate; got != isReady {
					t.Errorf("with an endpoint the channel is %v, want READY", got)
				}
			})
		})
	}
}

// TestResolverErrorWithEndpoints changes nothing as long as something can be picked.
func TestResolverErrorWithEndpoints(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := up(endpoints("a:1"))
		defer p.Close()
		before := p.published()
		p.ResolverError(errors.New("no such host"))
		pass(time.Second)
		if got := p.published() - before; got != 0 || p.last(t).Aggregate != isReady {
			t.Errorf("%d publications, channel is %v; want none and READY", got, p.last(t).Aggregate)
		}
	})
}

// TestStartOrder has 300 clients start with the same list.
func TestStartOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first := map[string]int{}
		for range 300 {
			p := newManual()
			p.Update(endpoints("a:1", "b:1", "c:1"), nil)
			first[p.cc.made()[0].addr.Addr]++
			p.Close()
		}
		for _, a := range []string{"a:1", "b:1", "c:1"} {
			if first[a] < 50 {
				t.Errorf("of 300 clients %v began with each, want about 100", first)
			}
		}
	})
}

// TestChurn makes random updates: subchannels exist for exactly the endpoints that
// are there.
func TestChurn(t *testing.T) {
	const seed = 11
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, seed))
	synctest.Test(t, func(t *testing.T) {
		p := newPolicy()
		defer p.Close()
		made := 0
		var was []string
		for range 300 {
			var addrs []string
			for i := range 20 {
				if rnd.IntN(2) == 0 {
					addrs = append(addrs, fmt.Sprintf("s%d:1", i))
				}
			}
			rnd.Shuffle(len(addrs), func(i, j int) { addrs[i], addrs[j] = addrs[j], addrs[i] })
			p.Update(endpoints(addrs...), nil)
			if rnd.IntN(3) > 0 {
				p.cc.run()
			}
			for _, a := range addrs {
				if !slices.Contains(was, a) {
					made++
				}
			}
			was = addrs
			if got := len(p.cc.made()); got != made {
				t.Fatalf("%d subchannels made, want %d", got, made)
			}
		}
		p.cc.run()
		pass(time.Second)
		got := ready(p.last(t))
		slices.Sort(got)
		slices.Sort(was)
		if !slices.Equal(got, was) {
			t.Errorf("READY are %q, want %q", got, was)
		}
		alive := 0
		for _, sc := range p.cc.made() {
			alive += 1 - int(sc.shut.Load())
		}
		if alive != len(was) {
			t.Errorf("%d subchannels are alive, want %d", alive, len(was))
		}
	})
}
