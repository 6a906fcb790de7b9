package stage

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/resolver"

	"github.com/freshet-io/freshet/examples/conformance/internal/script"
	"github.com/freshet-io/freshet/examples/conformance/internal/subject"
)

// longest is how much virtual time a case may take: then every call that still
// waits is cancelled.
const longest = 48 * time.Hour

// Play plays a case and returns a [*Fault], or nil if the cache does what it
// asks.
func Play(t *testing.T, s subject.Subject, c *script.Case) error {
	each, err := c.For()
	if err != nil {
		return fault("Setup", "%v", err)
	}
	for i := range each {
		err := Within(t, s, each[i].Scene, Options{}, func(st *Stage) { st.play(each[i].Steps) })
		if err != nil {
			if len(c.Each) > 0 {
				err.Text = c.Each[i] + ": " + err.Text
			}
			return err
		}
	}
	return nil
}

// Within opens a stage in a bubble of virtual time and has f play on it.
func Within(t *testing.T, s subject.Subject, scene script.Scene, opts Options, f func(*Stage)) (failed *Fault) {
	t.Helper()
	defer func() {
		if p := recover(); p != nil && failed == nil { // the bubble's: somebody is left in it
			failed = fault("Assertion", "something is left behind: %v", p)
		}
	}()
	synctest.Test(t, func(*testing.T) {
		ctx, cancel := context.WithTimeout(context.Background(), longest)
		defer cancel()
		st, err := open(ctx, s, scene, opts)
		if err != nil {
			failed = asFault(err)
			return
		}
		failed = st.perform(f)
		st.close()
		synctest.Wait()
	})
	return failed
}

func (st *Stage) perform(f func(*Stage)) (failed *Fault) {
	defer func() {
		switch p := recover().(type) {
		case nil:
		case *Fault:
			failed = p
		default:
			failed = fault("Assertion", "panic: %v\n%s", p, debug.Stack())
		}
	}()
	f(st)
	st.checkSum()
	return nil
}

func asFault(err error) *Fault {
	var f *Fault
	if errors.As(err, &f) {
		return f
	}
	return fault("Setup", "%v", err)
}

// play plays steps.
func (st *Stage) play(steps []script.Step) {
	for i := range steps {
		st.step(i+1, &steps[i])
	}
}

// step plays one step; n is for faults.
func (st *Stage) step(n int, s *script.Step) {
	defer func() {
		if p := recover(); p != nil {
			if f, ok := p.(*Fault); ok {
				panic(&Fault{f.Kind, fmt.Sprintf("step %d, at %v: %s", n, time.Since(st.base), f.Text)})
			}
			panic(p)
		}
	}()
	if s.At > 0 {
		st.Pass(s.At.D() - time.Since(st.base))
	}
	st.Pass(s.Wait.D())
	st.origin.slimDown()
	begin := st.origin.now()
	streams := st.streams.Load()
	st.change(s)
	var b *batch
	switch {
	case s.Go != "":
		st.pending[s.Go] = st.Start(s)
		synctest.Wait()
	case s.Join != "":
		b = st.pending[s.Join]
		if b == nil {
			panic(fault("Setup", "no calls of the name %q are under way", s.Join))
		}
		delete(st.pending, s.Join)
		b.wait()
	case s.Want != "":
		b = st.Start(s)
		b.wait()
	}
	synctest.Wait()
	if b != nil {
		b.judge(s)
		st.checkMetadata(b, &s.Expect)
	}
	st.checkOrigin(b, &s.Expect, begin)
	if s.Streams != nil && int(st.streams.Load()-streams) != *s.Streams {
		st.Failf("%d streams were opened, want %d", st.streams.Load()-streams, *s.Streams)
	}
	st.checkStats(s.Stats)
}

// Pass lets virtual time pass.
func (st *Stage) Pass(d time.Duration) {
	if d > 0 {
		<-time.After(d)
	}
	synctest.Wait()
}

// change changes the world as a step says.
func (st *Stage) change(s *script.Step) {
	if s.Origin != nil {
		st.origin.answer(s.Origin)
	}
	if s.Store != nil {
		if st.store == nil {
			panic(fault("Setup", "the scene has no store to change"))
		}
		st.store.set(*s.Store)
	}
	if s.Down != nil {
		need(st.forBackends(*s.Down, func(b *backend) error { b.down(); return nil }))
		synctest.Wait()
	}
	if s.Up != nil {
		need(st.forBackends(*s.Up, func(b *backend) error { return b.up(b.policy) }))
	}
	if s.Utilization > 0 {
		need(st.forBackends(0, func(b *backend) error { b.load.SetUtilization("cpu", s.Utilization); return nil }))
	}
	if s.Resolve {
		for _, c := range st.channels {
			c.resolver.UpdateState(resolver.State{Endpoints: endpoints(len(st.backends))})
		}
		synctest.Wait()
	}
	if len(s.Invalidate) > 0 {
		st.invalidate(s.Soft, s.Invalidate)
	}
	if s.Cancel != "" {
		st.pending[s.Cancel].cancel()
		synctest.Wait()
	}
}

func (st *Stage) invalidate(soft bool, groups []string) {
	if soft {
		c, ok := st.Cache.(subject.SoftInvalidator)
		if !ok {
			st.Missing("soft invalidation")
		}
		c.InvalidateSoft(groups...)
		return
	}
	c, ok := st.Cache.(subject.Invalidator)
	if !ok {
		st.Missing("way to invalidate a group of replies")
	}
	c.Invalidate(groups...)
}
