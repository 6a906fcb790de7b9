package consul

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"time"

	"github.com/freshet-io/freshet/resolver/internal/target"
	"github.com/freshet-io/freshet/resolver/internal/watch"
)

const (
	maxAnswer = 64 << 20 // bytes

	// Consul adds up to a 16th of the wait, so that queries that began together
	// do not end together, and the answer takes its time.
	waitShare = 16
	waitGrace = 10 * time.Second
)

// follower asks Consul for one service.
type follower struct {
	access *access
	target Target
	index  uint64 // of the last answer; 0 asks for an answer at once
}

func (f *follower) path() string {
	query := url.Values{"wait": {strconv.FormatInt(f.target.Wait.Milliseconds(), 10) + "ms"}}
	if f.index > 0 {
		query.Set("index", strconv.FormatUint(f.index, 10))
	}
	if f.target.Passing {
		query.Set("passing", "true")
	}
	for _, tag := range f.target.Tags {
		query.Add("tag", tag)
	}
	for name, value := range map[string]string{
		"dc": f.target.Datacenter, "near": f.target.Near, "ns": f.target.Namespace, "partition": f.target.Partition,
	} {
		if value != "" {
			query.Set(name, value)
		}
	}
	return f.access.base + "/v1/health/service/" + url.PathEscape(f.target.Service) + "?" + query.Encode()
}

// ask sends one query, which Consul answers when something changes or the wait
// is over.
func (f *follower) ask(ctx context.Context, mail *watch.Mail) error {
	entries, index, err := f.query(ctx)
	if err != nil {
		f.index = 0
		return fmt.Errorf("asking Consul: %w", err)
	}
	last := f.index
	f.index = index
	if index == 0 || index != last {
		mail.Tell(func() watch.Answer { return answer(f.target, entries) })
	}
	switch {
	case index == 0:
		// "It is always safe to use an index of 1 to wait for updates when the
		// data being requested doesn't exist yet" (Consul, blocking queries). An
		// agent that answers 0 to that does not block, and the pace must be
		// that of errors.
		f.index = 1
		if last > 0 {
			return errors.New("asking Consul: X-Consul-Index must be greater than 0 in the answer to a blocking query")
		}
	case index < last:
		// "Implementations must check to see if a returned index is lower than
		// the previous value, and if it is, should reset index to 0": after a
		// restored snapshot it would wait for a change that has long come.
		f.index = 0
	}
	return nil
}

func (f *follower) query(ctx context.Context) (entries []entry, index uint64, err error) {
	limit := f.target.Wait + f.target.Wait/waitShare + waitGrace
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("no answer within %v", limit))
	defer cancel()
	resp, err := f.access.requests.Get(ctx, f.path())
	if err != nil {
		return nil, 0, err
	}
	defer func() { _ = resp.Body.Close() }()
	if err := watch.Decode(resp.Body, maxAnswer, &entries); err != nil {
		if cause := context.Cause(ctx); cause != nil {
			return nil, 0, cause
		}
		return nil, 0, err
	}
	index, err = strconv.ParseUint(resp.Header.Get("X-Consul-Index"), 10, 64)
	if err != nil {
		return nil, 0, fmt.Errorf("X-Consul-Index must be a number, got %s: is this Consul?", target.Quote(resp.Header.Get("X-Consul-Index")))
	}
	return entries, index, nil
}
