package conns_test

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/resolver"

	"github.com/freshet-io/freshet/balancer/internal/conns"
)

// fakeCC is a channel without network. Like gRPC's, it calls the balancer from one
// queue, which run works off.
type fakeCC struct {
	balancer.ClientConn

	mu      sync.Mutex
	queue   []func()
	scs     []*fakeSC   // all ever made
	manual  atomic.Bool // subchannels do not become READY and healthy by themselves
	refuse  error       // of NewSubConn
	onNew   func()      // called by NewSubConn
	state   balancer.State
	updates int
}

func (c *fakeCC) UpdateState(s balancer.State) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.state = s
	c.updates++
}

func (c *fakeCC) NewSubConn(addrs []resolver.Address, opts balancer.NewSubConnOptions) (balancer.SubConn, error) {
	if c.onNew != nil {
		c.onNew()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.refuse != nil {
		return nil, c.refuse
	}
	sc := &fakeSC{cc: c, addr: addrs[0], listen: opts.StateListener}
	c.scs = append(c.scs, sc)
	return sc, nil
}

func (c *fakeCC) enqueue(f func()) {
	c.mu.Lock()
	c.queue = append(c.queue, f)
	c.mu.Unlock()
}

// run calls the balancer until nothing is queued.
func (c *fakeCC) run() {
	for {
		c.mu.Lock()
		queue := c.queue
		c.queue = nil
		c.mu.Unlock()
		if len(queue) == 0 {
			return
		}
		for _, f := range queue {
			f()
		}
	}
}

// made returns the subchannels ever made.
func (c *fakeCC) made() []*fakeSC {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.scs)
}

// to returns the newest subchannel to an address.
func (c *fakeCC) to(addr string) *fakeSC {
	for _, sc := range slices.Backward(c.made()) {
		if sc.addr.Addr == addr {
			return sc
		}
	}
	panic("no subchannel to " + addr)
}

// fakeSC is a subchannel.
type fakeSC struct {
	balancer.SubConn

	cc       *fakeCC
	addr     resolver.Address
	listen   func(balancer.SubConnState)
	health   func(balancer.SubConnState)
	connects atomic.Int32
	listens  atomic.Int32
	inHealth bool
	shut     atomic.Int32
}

func (s *fakeSC) Connect() {
	s.connects.Add(1)
	if !s.cc.manual.Load() {
		s.tell(connectivity.Connecting)
		s.tell(connectivity.Ready)
	}
}

// RegisterHealthListener takes a lock in gRPC that a former listener is called
// with.
func (s *fakeSC) RegisterHealthListener(f func(balancer.SubConnState)) {
	if s.inHealth {
		panic("RegisterHealthListener called from a health listener: gRPC would hang")
	}
	s.listens.Add(1)
	s.health = f
	if !s.cc.manual.Load() {
		s.judge(connectivity.Ready)
	}
}

func (s *fakeSC) Shutdown() { s.shut.Add(1) }

var errRefused = errors.New("connection refused")

// tell queues a state for the balancer.
func (s *fakeSC) tell(states ...connectivity.State) {
	for _, state := range states {
		var err error
		if state == connectivity.TransientFailure {
			err = fmt.Errorf("dial %s: %w", s.addr.Addr, errRefused)
		}
		s.cc.enqueue(func() {
			s.health = nil
			s.listen(balancer.SubConnState{ConnectivityState: state, ConnectionError: err})
		})
	}
}

// judge queues a health state.
func (s *fakeSC) judge(state connectivity.State) {
	f := s.health
	s.cc.enqueue(func() {
		if s.health == nil {
			return
		}
		var err error
		if state == connectivity.TransientFailure {
			err = errors.New("NOT_SERVING")
		}
		s.inHealth = true
		f(balancer.SubConnState{ConnectivityState: state, ConnectionError: err})
		s.inHealth = false
	})
}

// learnt is what a policy might hang on an endpoint.
type learnt struct{ key string }

// policy is a manager on a fake channel, and what it has published.
type policy struct {
	*conns.Manager[learnt]
	cc *fakeCC

	mu        sync.Mutex
	snapshots []conns.Snapshot[learnt]
	learns    []string
	forgets   []string
	watch     func(conns.Snapshot[learnt])
}

// pass lets time go by, and waits until everybody has done what is due.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

func newPolicy() *policy {
	cc := new(fakeCC)
	p := &policy{cc: cc}
	p.Manager = conns.New(cc, balancer.BuildOptions{}, conns.Hooks[learnt]{
		Publish: func(s conns.Snapshot[learnt]) {
			p.mu.Lock()
			p.snapshots = append(p.snapshots, s)
			f := p.watch
			p.mu.Unlock()
			if f != nil {
				f(s)
			}
		},
		Learn: func(key string) *learnt {
			p.learns = append(p.learns, key)
			return &learnt{key}
		},
		Forget: func(key string, _ *learnt) { p.forgets = append(p.forgets, key) },
	})
	return p
}

func (p *policy) published() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.snapshots)
}

// newManual is newPolicy on a channel whose subchannels do nothing by themselves.
func newManual() *policy {
	p := newPolicy()
	p.cc.manual.Store(true)
	return p
}

// last is the newest snapshot.
func (p *policy) last(t *testing.T) conns.Snapshot[learnt] {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.snapshots) == 0 {
		t.Fatal("nothing was published")
	}
	return p.snapshots[len(p.snapshots)-1]
}

// onPublish has f called with each snapshot.
func (p *policy) onPublish(f func(conns.Snapshot[learnt])) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.watch = f
}

// ready lists the READY endpoints of a snapshot.
func ready(s conns.Snapshot[learnt]) []string {
	var keys []string
	for _, l := range s.Ready {
		keys = append(keys, l.Key)
	}
	return keys
}

// endpoint makes one endpoint of some addresses.
func endpoint(addrs ...string) resolver.Endpoint {
	var e resolver.Endpoint
	for _, a := range addrs {
		e.Addresses = append(e.Addresses, resolver.Address{Addr: a})
	}
	return e
}

// endpoints makes one endpoint of each address.
func endpoints(addrs ...string) []resolver.Endpoint {
	es := make([]resolver.Endpoint, 0, len(addrs))
	for _, a := range addrs {
		es = append(es, endpoint(a))
	}
	return es
}

// many makes n endpoints of one address each.
func many(n int) []resolver.Endpoint {
	es := make([]resolver.Endpoint, 0, n)
	for i := range n {
		es = append(es, endpoint(fmt.Sprintf("10.0.%d.%d:1", i/250, i%250)))
	}
	return es
}

func state(s connectivity.State) balancer.SubConnState {
	return balancer.SubConnState{ConnectivityState: s}
}
