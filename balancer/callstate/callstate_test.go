package callstate_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/freshet-io/freshet/balancer/callstate"
)

func TestContext(t *testing.T) {
	bg := context.Background()
	if s := callstate.From(bg); s != nil {
		t.Errorf("From finds %v in an empty context", s)
	}
	ctx, first := callstate.Ensure(bg)
	if again, s := callstate.Ensure(ctx); s != first || again != ctx {
		t.Error("Ensure made another State where there is one")
	}
	inner, second := callstate.New(ctx)
	if second == first || callstate.From(inner) != second || callstate.From(ctx) != first {
		t.Error("New did not shadow the State of its parent")
	}
}

func TestPicks(t *testing.T) {
	_, s := callstate.New(context.Background())
	check := func(step, endpoint string, attempts int, rule callstate.Rule) {
		t.Helper()
		if s.Endpoint() != endpoint || s.Attempts() != attempts || s.Rule() != rule {
			t.Errorf("%s: %q, %d attempts, rule %q; want %q, %d, %q",
				step, s.Endpoint(), s.Attempts(), s.Rule(), endpoint, attempts, rule)
		}
	}
	check("at first", "", 0, callstate.RuleNone)
	s.Picked("a", callstate.RuleReport)
	check("picked", "a", 1, callstate.RuleReport)
	s.Picked("b", callstate.RuleTwoChoices)
	check("picked again", "b", 2, callstate.RuleTwoChoices)
	s.Retracted()
	check("retracted", "a", 1, callstate.RuleReport)
	s.Picked("c", callstate.RuleOnly)
	check("picked after that", "c", 2, callstate.RuleOnly)
}

func TestStreamMark(t *testing.T) {
	_, s := callstate.New(context.Background())
	if s.Stream() {
		t.Error("a fresh State is marked as a stream")
	}
	s.MarkStream()
	if !s.Stream() {
		t.Error("MarkStream left no mark")
	}
}

func TestStrain(t *testing.T) {
	_, s := callstate.New(context.Background())
	if s.Strained() {
		t.Error("a fresh State is strained")
	}
	s.MarkStrained()
	if !s.Strained() {
		t.Error("MarkStrained left no mark")
	}
}

func TestARejectedEndpointIsAvoided(t *testing.T) {
	_, s := callstate.New(context.Background())
	s.Reject() // nothing has ended yet
	s.Ended("a", false)
	if w := s.Wish(); w.Failures != 0 {
		t.Errorf("after a success: %+v", w)
	}
	s.Reject()
	if w := s.Wish(); w.Failures != 1 || w.Failed[0] != "a" {
		t.Errorf("after its rejection: %+v", w)
	}
}

func TestNilStateIsEmptyAndDeaf(t *testing.T) {
	s := callstate.From(context.Background())
	s.Picked("a", callstate.RuleOnly)
	s.Retracted()
	s.MarkStream()
	s.MarkStrained()
	s.Reject()
	s.SetAffinity("a")
	s.Ended("a", true)
	if w := s.Wish(); w != (callstate.Wish{}) {
		t.Errorf("a nil State wishes %+v", w)
	}
	if s.Endpoint() != "" || s.Attempts() != 0 || s.Rule() != callstate.RuleNone || s.Stream() || s.Strained() {
		t.Error("a nil State knows something")
	}
}

func TestConcurrentUse(t *testing.T) {
	_, s := callstate.New(context.Background())
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for range 100 {
				s.Picked(fmt.Sprint(i), callstate.RuleReport)
				_, _, _, _ = s.Endpoint(), s.Attempts(), s.Rule(), s.Stream()
				s.MarkStream()
			}
		})
	}
	wg.Wait()
	if got := s.Attempts(); got != 800 {
		t.Errorf("%d attempts after 800 picks", got)
	}
}

func TestEnsureAllocations(t *testing.T) {
	bg := context.Background()
	// One for the State, one for the context.
	if got := testing.AllocsPerRun(100, func() { callstate.Ensure(bg) }); got > 2 {
		t.Errorf("Ensure makes %v allocations, want at most 2", got)
	}
	ctx, _ := callstate.New(bg)
	if got := testing.AllocsPerRun(100, func() { callstate.Ensure(ctx) }); got != 0 {
		t.Errorf("Ensure on a context with State makes %v allocations, want 0", got)
	}
}

func ExampleNew() {
	ctx, state := callstate.New(context.Background())

	// The call happens, and the picker of its channel writes:
	callstate.From(ctx).Picked("10.0.0.7:443", callstate.RuleReport)

	fmt.Printf("%s, attempt %d, by %s\n", state.Endpoint(), state.Attempts(), state.Rule())
	// Output: 10.0.0.7:443, attempt 1, by report
}
