package conns_test

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/connectivity"

	"github.com/freshet-io/freshet/balancer/internal/conns"
)

// TestStartIsLinear counts what it takes to bring endpoints up, at once and in a
// trickle.
func TestStartIsLinear(t *testing.T) {
	for _, tt := range []struct {
		n    int
		each time.Duration // between two that become READY
		most int           // publications
	}{
		{100, 0, 4},
		{1000, 0, 4},
		{3000, 0, 4},
		{1000, 50 * time.Microsecond, 20},
		{3000, 50 * time.Microsecond, 60},
		{1000, time.Millisecond, 30},
		{3000, time.Millisecond, 60},
	} {
		t.Run(fmt.Sprintf("%d each %v", tt.n, tt.each), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newManual()
				cc := p.cc
				defer p.Close()
				p.Update(many(tt.n), nil)
				cc.manual.Store(false)
				for _, sc := range cc.made() {
					sc.tell(isReady)
					cc.run()
					pass(tt.each)
				}
				pass(time.Second)
				if got := p.published(); got > tt.most {
					t.Errorf("%d publications, want at most %d", got, tt.most)
				}
				handed := 0
				for _, s := range p.snapshots {
					handed += len(s.Ready)
				}
				if handed > 20*tt.n {
					t.Errorf("publications carried %d endpoints in all, want at most 20 for each of %d", handed, tt.n)
				}
				if got := p.last(t).Counts.Ready; got != tt.n {
					t.Errorf("%d endpoints are READY in the end, want %d", got, tt.n)
				}
				if got := len(cc.made()); got != tt.n {
					t.Errorf("%d subchannels, want %d", got, tt.n)
				}
				for _, sc := range cc.made() {
					if sc.connects.Load() != 1 || sc.listens.Load() != 1 {
						t.Fatalf("%d connects and %d health listeners, want one each", sc.connects.Load(), sc.listens.Load())
					}
				}
			})
		})
	}
}

// TestAllocationsAreLinear compares the start of few endpoints with that of many.
func TestAllocationsAreLinear(t *testing.T) {
	each := func(n int) float64 {
		return testing.AllocsPerRun(5, func() { started(n, func(*conns.Manager[learnt]) {}) }) / float64(n)
	}
	few, many := each(300), each(3000)
	if many > 20 || many > 1.2*few {
		t.Errorf("an endpoint takes %.1f allocations among 300 and %.1f among 3000, want at most 20 and no more", few, many)
	}
}

// TestFirstAndLossAtOnce sees what calls wait for published without delay, and
// storms of it coalesced.
func TestFirstAndLossAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPolicy()
		cc := p.cc
		defer p.Close()
		p.Update(endpoints("a:1", "b:1", "c:1", "d:1"), nil)
		if got := p.published(); got != 1 || p.last(t).Aggregate != connecting {
			t.Fatalf("%d publications after the first update, want one, of CONNECTING", got)
		}
		cc.run()
		if got := p.published(); got != 2 || len(p.last(t).Ready) != 1 {
			t.Fatalf("%d publications after the first READY, want 2, with one endpoint", got)
		}
		pass(4 * time.Millisecond)
		if got := p.published(); got != 2 {
			t.Fatalf("%d publications before the pause is over, want 2", got)
		}
		pass(time.Millisecond)
		if got := p.published(); got != 3 || len(p.last(t).Ready) != 4 {
			t.Fatalf("%d publications after the pause, want 3, with all endpoints", got)
		}
		pass(time.Second)
		cc.manual.Store(true)
		for _, a := range []string{"a:1", "b:1", "c:1"} {
			cc.to(a).tell(idle)
		}
		cc.run()
		if got := ready(p.last(t)); p.published() != 4 || len(got) != 3 {
			t.Fatalf("%v READY in %d publications after the first loss, want 3 in 4", got, p.published())
		}
		pass(time.Millisecond)
		if got := ready(p.last(t)); p.published() != 5 || len(got) != 1 {
			t.Fatalf("%v READY in %d publications after more losses, want d:1 in 5", got, p.published())
		}
	})
}

// TestGainDoesNotDelayLoss gains an endpoint right after one was lost.
func TestGainDoesNotDelayLoss(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPolicy()
		defer p.Close()
		p.Update(endpoints("a:1", "b:1", "c:1"), nil)
		p.cc.run()
		pass(time.Second)
		p.cc.manual.Store(true)
		a, b := p.cc.to("a:1"), p.cc.to("b:1")
		a.tell(idle, connecting, isReady)
		p.cc.run()
		b.tell(idle)
		p.cc.run()
		a.judge(isReady)
		p.cc.run()
		pass(time.Millisecond)
		if got := ready(p.last(t)); slices.Contains(got, "b:1") {
			t.Errorf("%q are READY 1 ms after the loss of b:1", got)
		}
	})
}

// TestStormOfLosses loses and regains all endpoints in a row, as a rolling restart
// does.
func TestStormOfLosses(t *testing.T) {
	const n = 3000
	synctest.Test(t, func(t *testing.T) {
		p := newPolicy()
		cc := p.cc
		defer p.Close()
		p.Update(many(n), nil)
		cc.run()
		pass(time.Second)
		before := p.published()
		for _, sc := range cc.made() {
			sc.tell(idle)
			cc.run()
			pass(20 * time.Microsecond)
		}
		pass(time.Second)
		if got := p.published() - before; got > n/50 {
			t.Errorf("%d publications while %d endpoints reconnected, want at most %d", got, n, n/50)
		}
		if got := p.last(t).Counts.Ready; got != n {
			t.Errorf("%d endpoints are READY in the end, want %d", got, n)
		}
	})
}

// TestNothingAfterClose closes with a publication due, and while one is under way.
func TestNothingAfterClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPolicy()
		cc := p.cc
		p.Update(endpoints("a:1", "b:1", "c:1"), nil)
		cc.run() // leaves b and c to the timer
		before := p.published()
		p.Close()
		p.Close()
		for _, sc := range cc.made() {
			sc.listen(state(idle))
			sc.listen(state(failure))
		}
		p.Republish()
		p.ResolverError(errRefused)
		p.ExitIdle()
		p.Switch(func(*conns.Leaf[learnt]) bool { return true })
		if err := p.Update(endpoints("d:1"), nil); err != nil {
			t.Errorf("Update after Close: %v", err)
		}
		pass(time.Minute)
		if got := p.published(); got != before {
			t.Errorf("%d publications after Close, want none", got-before)
		}
		for _, sc := range cc.made() {
			if sc.shut.Load() != 1 {
				t.Errorf("subchannel to %s was shut down %d times, want once", sc.addr.Addr, sc.shut.Load())
			}
		}
		if len(cc.made()) != 3 || len(p.forgets) != 3 {
			t.Errorf("%d subchannels were made and %d endpoints forgotten, want 3 and 3", len(cc.made()), len(p.forgets))
		}
	})
}

// TestCloseWaits closes while a publication is under way.
func TestCloseWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPolicy()
		p.Update(endpoints("a:1"), nil)
		proceed := make(chan struct{})
		p.onPublish(func(conns.Snapshot[learnt]) { <-proceed })
		go p.Republish()
		synctest.Wait()
		closed := make(chan struct{})
		go func() {
			p.Close()
			close(closed)
		}()
		synctest.Wait()
		select {
		case <-closed:
			t.Error("Close returned while Publish was running")
		default:
		}
		close(proceed)
		<-closed
	})
}

// TestPublishMayCallBack switches a standby on when there is nothing else, from the
// publication that says so.
func TestPublishMayCallBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPolicy()
		cc := p.cc
		defer p.Close()
		p.onPublish(func(s conns.Snapshot[learnt]) {
			if s.Aggregate == failure {
				p.Switch(func(*conns.Leaf[learnt]) bool { return true })
			}
		})
		p.Update(endpoints("a:1", "standby:1"), func(i int) bool { return i == 0 })
		cc.run()
		cc.manual.Store(true)
		cc.to("a:1").tell(idle, failure)
		cc.run()
		cc.manual.Store(false)
		pass(time.Second)
		cc.to("standby:1").Connect()
		cc.run()
		pass(time.Second)
		if got := ready(p.last(t)); len(got) != 1 || got[0] != "standby:1" {
			t.Errorf("%v are READY, want the standby", got)
		}
	})
}

// TestSnapshotsAreConsistent has many goroutines change a manager; counts and lists
// must agree in each snapshot, and the last must be right.
func TestSnapshotsAreConsistent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPolicy()
		cc := p.cc
		defer p.Close()
		var inside atomic.Int32
		p.onPublish(func(s conns.Snapshot[learnt]) {
			if inside.Add(1) > 1 {
				t.Error("two calls of Publish at once")
			}
			<-time.After(100 * time.Microsecond)
			inside.Add(-1)
			all := s.Counts.Ready + s.Counts.Connecting + s.Counts.Idle + s.Counts.TransientFailure
			if len(s.Ready) != s.Counts.Ready || all != 50 {
				t.Errorf("snapshot has %d READY, counts are %+v", len(s.Ready), s.Counts)
			}
			if (s.Err != nil) != (s.Aggregate == connectivity.TransientFailure) {
				t.Errorf("snapshot is %v with error %v", s.Aggregate, s.Err)
			}
		})
		p.Update(many(50), nil)
		var wg sync.WaitGroup
		wg.Go(func() {
			for i := range 200 {
				p.Switch(func(l *conns.Leaf[learnt]) bool { return len(l.Key)%2 == i%2 || i == 199 })
				<-time.After(time.Millisecond)
			}
		})
		wg.Go(func() {
			for range 200 {
				p.Update(many(50), nil)
				<-time.After(700 * time.Microsecond)
			}
		})
		wg.Go(func() {
			for range 300 {
				cc.run()
				<-time.After(time.Millisecond)
			}
		})
		wg.Go(func() {
			for range 200 {
				p.Republish()
				p.ExitIdle()
				p.Leaves()
				<-time.After(900 * time.Microsecond)
			}
		})
		wg.Wait()
		cc.run()
		pass(time.Second)
		if got := p.last(t).Counts.Ready; got != 50 {
			t.Errorf("%d endpoints are READY in the end, want 50", got)
		}
		alive := 0
		for _, sc := range cc.made() {
			if sc.shut.Load() == 0 {
				alive++
			}
		}
		if alive != 50 {
			t.Errorf("%d subchannels are alive, want 50", alive)
		}
	})
}
