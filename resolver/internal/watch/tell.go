package watch

import (
	"context"
	"time"

	"google.golang.org/grpc/resolver"
)

// teller decides when what arrived is told. Only its goroutine uses it.
type teller struct {
	settle    time.Duration
	publisher publisher
	complaint complaint

	pending func() Answer // an answer that waits for others, or nil
	due     time.Time     // when it is published
}

func newTeller(cc resolver.ClientConn, c Config) *teller {
	l := newLog(c.Scheme, c.Subject)
	return &teller{
		settle:    c.Settle,
		publisher: publisher{log: l, cc: cc, hold: c.Hold},
		complaint: complaint{log: l},
	}
}

func (t *teller) run(ctx context.Context, mail *Mail) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		case <-mail.arrived:
		}
		next := t.read(mail.take(), time.Now())
		timer.Stop()
		if !next.IsZero() {
			timer.Reset(time.Until(next))
		}
	}
}

// read takes in what has arrived, and does what is due. It returns when the next
// thing is, or the zero time. An error in the same letter came after the answer.
func (t *teller) read(l letter, now time.Time) time.Time {
	if l.build != nil {
		if t.pending == nil {
			t.due = now.Add(t.settle)
			if !t.publisher.started {
				t.due = now
			}
		}
		t.pending = l.build
	}
	next := t.act(now)
	switch {
	case l.err != nil:
		t.complaint.begin(l.err, l.failed, &t.publisher)
	case l.alive:
		t.complaint.end()
	}
	return next
}

// act does what is due, and returns when the next thing is, or the zero time.
func (t *teller) act(now time.Time) time.Time {
	if t.pending != nil && !now.Before(t.due) {
		t.publisher.take(t.pending(), now)
		t.pending = nil
	}
	t.publisher.act(now)
	next := earlier(t.publisher.believeAt, t.publisher.retryAt)
	if t.pending != nil {
		next = earlier(next, t.due)
	}
	return next
}

// earlier returns the earlier of two times, of which the zero time is none.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
