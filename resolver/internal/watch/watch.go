// Package watch is what the resolvers that ask a name service over HTTP have in
// common: when to ask, what to believe of an answer, and what to tell the
// channel and the log.
//
//	return watch.Start(cc, watch.Config{
//		Scheme: "consul", Subject: "search",
//		Pace: time.Second, Burst: 4, Hold: time.Minute,
//		Ask: func(ctx context.Context, mail *watch.Mail) error {
//			…
//			mail.Tell(func() watch.Answer { return answer(entries) })
//			return nil
//		},
//	}), nil
//
// # Asking
//
// Ask is called again and again, each time for one conversation: a blocking
// query, or a watch until it ends. When it returns nil the next call begins at
// once, as long as there is one every Pace in the long run and Burst at a time.
// After an error the wait doubles from 1 s to 30 s, of which the second half is
// drawn at random so that clients that lost a server together do not come back
// together. A conversation of 30 s or more ends the doubling, and so does one
// without an error. A server's Retry-After, of which at most 5 min are heeded, lengthens
// the wait to that and up to a quarter more.
//
// # Telling
//
// Answers are sorted, addresses that occur twice count for the first endpoint
// that has them, and what equals the last list is not published. Changes within
// Settle are one. An answer without endpoints is believed after it has stood for
// Hold; before there is a list it fails calls with its reason. An error changes
// nothing once there is a list. A list that the policy refuses is offered again
// after 1 s, 2 s, 4 s and so on up to 2 min.
//
// # Goroutines
//
// Each resolver has two: one asks, and is blocked in reading most of the time;
// one tells, and owns the timers. Close cancels the context of Ask and waits for
// both, so that Ask must return when its context is done.
package watch

import (
	"context"
	"sync"
	"time"

	"google.golang.org/grpc/resolver"
)

// Config says what to ask, and how. All fields but Burst, Settle, Hold and End
// are required.
type Config struct {
	// Scheme begins every error and names the log's component.
	Scheme string
	// Subject is what is resolved, for errors and the log.
	Subject string
	// Ask holds one conversation with the name service. It tells what it
	// hears to the mail, and returns when the conversation is over.
	Ask func(ctx context.Context, mail *Mail) error
	// End is called when Ask has returned for the last time.
	End func()
	// Pace is the mean time between two beginnings of Ask, at the least. Burst
	// is how many may begin at a time, at least 1.
	Pace  time.Duration
	Burst int
	// Settle is how long changes are gathered. The first answer is not delayed.
	Settle time.Duration
	// Hold is how long an empty answer must stand to be believed. Zero
	// believes at once.
	Hold time.Duration
}

// Start returns a resolver that is at work until it is closed.
func Start(cc resolver.ClientConn, c Config) resolver.Resolver {
	ctx, stop := context.WithCancel(context.Background())
	w := &watcher{config: c, mail: newMail(), stop: stop}
	t := newTeller(cc, c)
	w.working.Go(func() { w.ask(ctx) })
	w.working.Go(func() { t.run(ctx, w.mail) })
	return w
}

type watcher struct {
	config  Config
	mail    *Mail
	stop    context.CancelFunc
	working sync.WaitGroup
}

// ResolveNow does nothing: a change is told when it happens, and a failing name
// service is asked on its own schedule. A hint that cut the wait short would let
// failing servers turn all their clients on the name service.
func (*watcher) ResolveNow(resolver.ResolveNowOptions) {}

// Close ends what is under way and waits for it, so that nothing is published to
// a channel that has closed its resolver.
func (w *watcher) Close() {
	w.stop()
	w.working.Wait()
}

func (w *watcher) ask(ctx context.Context) {
	if w.config.End != nil {
		defer w.config.End()
	}
	limit := bucket{pace: w.config.Pace, burst: max(w.config.Burst, 1)}
	failures := 0
	for ctx.Err() == nil {
		sleep(ctx, limit.take(time.Now()))
		began := time.Now()
		err := w.config.Ask(ctx, w.mail)
		if ctx.Err() != nil {
			return
		}
		if err == nil {
			failures = 0
			w.mail.Alive()
			continue
		}
		if time.Since(began) >= maxBackoff {
			failures = 0
		}
		failures++
		w.mail.fail(err, failures)
		sleep(ctx, max(backoff(failures), retryAfter(err)))
	}
}

func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
