package watch_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/resolver"

	"github.com/freshet-io/freshet/resolver/endpoint"
	"github.com/freshet-io/freshet/resolver/internal/watch"
	"github.com/freshet-io/freshet/resolver/internal/watch/watchtest"
)

// service is a name service that says what the test has it say.
type service struct {
	says   chan any // an Answer, an error or nil, which ends a conversation well
	mu     sync.Mutex
	begins []time.Duration
	start  time.Time
	ended  bool
}

// start begins a resolver of the service in the bubble of the test.
func start(t *testing.T, c watch.Config) (*service, *watchtest.Channel, resolver.Resolver) {
	t.Helper()
	logged.drain()
	s := &service{says: make(chan any), start: time.Now()}
	c.Scheme, c.Subject, c.Ask = "test", "search", s.ask
	c.End = func() { s.ended = true }
	if c.Pace == 0 {
		c.Pace = time.Second
	}
	cc := &watchtest.Channel{}
	r := watch.Start(cc, c)
	t.Cleanup(r.Close)
	return s, cc, r
}

func (s *service) ask(ctx context.Context, mail *watch.Mail) error {
	s.mu.Lock()
	s.begins = append(s.begins, time.Since(s.start))
	s.mu.Unlock()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case said := <-s.says:
			switch said := said.(type) {
			case watch.Answer:
				mail.Tell(func() watch.Answer { return said })
			case error:
				return said
			case nil:
				return nil
			}
		}
	}
}

// asked returns when conversations began.
func (s *service) asked() []time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.begins)
}

// restart forgets them, and counts time from now.
func (s *service) restart() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.begins, s.start = nil, time.Now()
}

func (s *service) say(said any) {
	s.says <- said
	synctest.Wait()
}

// list returns an answer of endpoints by spaces, their addresses by '|', a zone
// after '@'.
func list(s string) watch.Answer {
	var a watch.Answer
	for described := range strings.FieldsSeq(s) {
		addresses, zone, _ := strings.Cut(described, "@")
		var e resolver.Endpoint
		for address := range strings.SplitSeq(addresses, "|") {
			e.Addresses = append(e.Addresses, resolver.Address{Addr: address})
		}
		a.Endpoints = append(a.Endpoints, endpoint.Set(e, endpoint.Info{Zone: zone}))
	}
	return a
}

func wantLog(t *testing.T, want ...string) {
	t.Helper()
	got := logged.drain()
	if len(got) != len(want) {
		t.Errorf("log:\n got %q\nwant %q", got, want)
		return
	}
	for i := range got {
		if !strings.Contains(got[i], want[i]) {
			t.Errorf("log line %d: got %q, want %q in it", i, got[i], want[i])
		}
	}
}

func TestListsAreSortedDistinctAndPublishedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, cc, _ := start(t, watch.Config{})
		s.say(list("c:1 b:2|a:9@z b:1 c:1@other d:1|c:1"))
		cc.Want(t, "b:1 b:2|a:9@z c:1 d:1")
		s.say(list("d:1 b:1 c:1 b:2|a:9@z"))
		cc.Want(t)
		s.say(list("d:1 b:1 c:1 b:2|a:9@y"))
		cc.Want(t, "b:1 b:2|a:9@y c:1 d:1")
		ordered := list("d:1 b:1")
		ordered.Ordered = true
		s.say(ordered)
		cc.Want(t, "d:1 b:1")
		ordered = list("b:1 d:1")
		ordered.Ordered = true
		s.say(ordered)
		cc.Want(t) // another order of one list
		wantLog(t)
	})
}

func TestChangesSettle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, cc, _ := start(t, watch.Config{Settle: 100 * time.Millisecond})
		s.say(list("a:1"))
		cc.Want(t, "a:1") // the first at once
		s.say(list("a:1 b:1"))
		watchtest.Advance(60 * time.Millisecond)
		s.say(list("b:1"))
		cc.Want(t)
		watchtest.Advance(39 * time.Millisecond)
		cc.Want(t)
		watchtest.Advance(time.Millisecond) // 100 ms after the first change, not the last
		cc.Want(t, "b:1")
		s.say(list("c:1"))
		s.say(list("b:1"))
		watchtest.Advance(time.Second)
		cc.Want(t)
	})
}

func TestAnEmptyAnswerIsHeld(t *testing.T) {
	empty := watch.Answer{Why: "none is ready"}
	synctest.Test(t, func(t *testing.T) {
		s, cc, _ := start(t, watch.Config{Hold: time.Minute})
		s.say(empty)
		cc.WantError(t, "test: search: no endpoints: none is ready")
		s.say(empty)
		cc.Want(t) // told once
		wantLog(t, "test: search: no endpoints: none is ready; calls fail")
		s.say(list("a:1"))
		cc.Want(t, "a:1")

		s.say(empty)
		watchtest.Advance(30 * time.Second)
		s.say(empty) // does not begin the minute anew
		watchtest.Advance(29 * time.Second)
		s.say(list("a:1"))
		watchtest.Advance(time.Hour)
		cc.Want(t) // it came back in time
		wantLog(t, "none is ready; keeping the last 1 for 1m0s", "there are 1 endpoints again")

		s.say(empty)
		watchtest.Advance(time.Minute - time.Nanosecond)
		cc.Want(t)
		watchtest.Advance(time.Nanosecond)
		lists, faults := cc.Drain()
		if len(lists) != 1 || lists[0] != "" || len(faults) != 1 || !strings.Contains(faults[0], "none is ready") {
			t.Errorf("after the hold: got lists %q and errors %q, want an empty list and its reason", lists, faults)
		}
		wantLog(t, "keeping the last 1", "none is ready; calls fail")
		s.say(errors.New("lost")) // there is no list to keep
		cc.WantError(t, "test: search: lost")
		watchtest.Advance(10 * time.Second)
		s.say(list("a:1"))
		cc.Want(t, "a:1")
	})
	synctest.Test(t, func(t *testing.T) {
		s, cc, _ := start(t, watch.Config{})
		s.say(list("a:1"))
		cc.Want(t, "a:1")
		s.say(empty)
		lists, _ := cc.Drain()
		if len(lists) != 1 || lists[0] != "" {
			t.Errorf("without a hold: got lists %q, want an empty one at once", lists)
		}
	})
}

func TestErrorsKeepTheListAndBackOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, cc, _ := start(t, watch.Config{Hold: time.Minute})
		s.say(errors.New("refused"))
		cc.WantError(t, "test: search: refused")
		wantLog(t, "refused; calls fail")
		synctest.Wait()
		watchtest.Advance(time.Second)
		s.say(list("a:1"))
		cc.Want(t, "a:1")
		wantLog(t, "the name service answers again")
		watchtest.Advance(time.Hour) // a long conversation ends the doubling

		s.restart()
		for range 10 {
			s.say(errors.New("refused"))
			watchtest.Advance(30 * time.Second) // at least the wait, so that one asks again
		}
		cc.Want(t)
		wantLog(t, `refused; failed 3 times in a row, keeping the last good list of 1 endpoints`)
		s.say(nil)
		wantLog(t, "the name service answers again")
		if len(s.asked()) < 10 {
			t.Errorf("asked %d times, want at least 10", len(s.asked()))
		}
		for i, at := range s.asked()[:10] {
			wait := at - time.Duration(i)*30*time.Second
			high := min(time.Second<<i, 30*time.Second)
			if wait < high/2 || wait > high {
				t.Errorf("wait after failure %d: got %v, want between %v and %v", i+1, wait, high/2, high)
			}
		}
	})
}

func TestRetryAfter(t *testing.T) {
	for _, tt := range []struct {
		name        string
		after, want time.Duration
	}{
		{name: "longer than the backoff", after: 90 * time.Second, want: 90 * time.Second},
		{name: "too long", after: time.Hour, want: 5 * time.Minute},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, _, _ := start(t, watch.Config{})
				s.say(&watch.StatusError{Code: 429, RetryAfter: tt.after})
				watchtest.Advance(tt.want - time.Nanosecond)
				if len(s.asked()) != 1 {
					t.Fatalf("asked %d times before %v, want once", len(s.asked()), tt.want)
				}
				watchtest.Advance(tt.want/4 + time.Nanosecond)
				if len(s.asked()) != 2 {
					t.Errorf("asked %d times a quarter after %v, want twice", len(s.asked()), tt.want)
				}
			})
		})
	}
}

// A server asks all its clients alike, which shall not come back together.
func TestRetryAfterIsJittered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _, _ := start(t, watch.Config{})
		seen := map[time.Duration]bool{}
		for range 20 {
			asked, began := len(s.asked()), time.Now()
			s.say(&watch.StatusError{Code: 429, RetryAfter: time.Minute})
			for len(s.asked()) == asked {
				watchtest.Advance(time.Second)
			}
			seen[time.Since(began)] = true
		}
		if len(seen) < 4 { // of 16 that are as likely; 1 in 10^11 or so to fail
			t.Errorf("waits: got %v, want them spread over 60 to 75 s", seen)
		}
	})
}

func TestPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _, _ := start(t, watch.Config{Pace: time.Second, Burst: 3})
		go func() {
			for range 6 {
				s.says <- nil
			}
		}()
		watchtest.Advance(time.Minute)
		want := []time.Duration{0, 0, 0, time.Second, 2 * time.Second, 3 * time.Second, 4 * time.Second}
		if len(s.asked()) != len(want) {
			t.Fatalf("asked at %v, want at %v", s.asked(), want)
		}
		for i := range want {
			if s.asked()[i] != want[i] {
				t.Fatalf("asked at %v, want at %v", s.asked(), want)
			}
		}
	})
}

func TestARefusedListIsOfferedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, cc, _ := start(t, watch.Config{})
		cc.Refuse(errors.New("no"))
		s.say(list("a:1"))
		cc.Want(t, "a:1")
		watchtest.Advance(time.Second)
		cc.Want(t, "a:1")
		watchtest.Advance(2*time.Second - time.Nanosecond)
		cc.Want(t)
		watchtest.Advance(time.Nanosecond)
		cc.Want(t, "a:1")
		cc.Refuse(nil)
		watchtest.Advance(4 * time.Second)
		cc.Want(t, "a:1")
		watchtest.Advance(time.Hour)
		cc.Want(t)
	})
}

func TestWhatIsLeftOutIsLoggedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, cc, _ := start(t, watch.Config{})
		a := list("a:1")
		a.Skipped = errors.New("b has no port")
		s.say(a)
		s.say(a)
		cc.Want(t, "a:1")
		wantLog(t, "left out: b has no port")
	})
}

func TestCloseEndsAsking(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, cc, r := start(t, watch.Config{Settle: time.Minute})
		s.say(list("a:1"))
		cc.Want(t, "a:1")
		s.say(list("b:1"))
		before := time.Now()
		r.ResolveNow(resolver.ResolveNowOptions{})
		r.Close()
		if !s.ended || time.Since(before) != 0 {
			t.Errorf("Close: End called %t, after %v, want true at once", s.ended, time.Since(before))
		}
		watchtest.Advance(time.Hour)
		cc.Want(t)
		r.Close() // a second time does nothing
	})
}

// What is told and fails before the teller has looked is a list, and then an
// error that changes nothing.
func TestAnAnswerComesBeforeTheErrorAfterIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cc := &watchtest.Channel{}
		failed := false
		r := watch.Start(cc, watch.Config{
			Scheme: "test", Subject: "search", Pace: time.Second,
			Ask: func(ctx context.Context, mail *watch.Mail) error {
				if failed {
					<-ctx.Done()
				}
				failed = true
				mail.Tell(func() watch.Answer { return list("a:1") })
				return errors.New("lost")
			},
		})
		t.Cleanup(r.Close)
		synctest.Wait()
		cc.Want(t, "a:1")
	})
}
