package kubernetes

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/freshet-io/freshet/resolver/internal/watch"
)

const (
	// A watch ends after 5 to 10 min, by the server's doing, or a little later
	// by ours. Drawn at random, so that the watches of one API server, which
	// all began when it did, end apart.
	minWatch   = 5 * time.Minute
	maxWatch   = 10 * time.Minute
	watchGrace = 30 * time.Second

	// Bookmarks come about every minute, though nobody promises that. To begin
	// again after a silence costs one request.
	maxSilence = 150 * time.Second

	// A watch that ends sooner, with no event, was not served: what answers so
	// would be asked again every second for good.
	minSaid = time.Second

	maxEvent = 16 << 20 // bytes; etcd holds objects of 1.5 MiB, as protobuf

	// After so many watches in a row that failed and said nothing, the version
	// is doubted: that of a cluster restored from a backup is ahead of it.
	maxBroken = 3
)

var (
	errOverdue = errors.New("the watch has not ended in its time")
	errAtOnce  = errors.New("watching EndpointSlices: the watch ended at once, with no event")
)

// ask lists if it must, and watches until the watch ends.
func (f *follower) ask(ctx context.Context, mail *watch.Mail) error {
	if err := f.access.renew(); err != nil {
		return err
	}
	listed := f.version == ""
	if listed {
		if err := f.list(ctx); err != nil {
			return err
		}
		f.tell(mail)
	}
	err := f.watch(ctx, mail)
	if isGone(err) {
		// "clients must handle the case by recognizing the status code 410
		// Gone, clearing their local cache, performing a new get or list
		// operation, and starting the watch from the resourceVersion that was
		// returned" (Kubernetes API concepts). What was told stays until then.
		f.version = ""
		if !listed {
			return nil
		}
	}
	if f.broken++; err == nil {
		f.broken = 0
	}
	if f.broken >= maxBroken {
		f.version, f.broken = "", 0
	}
	return err
}

// tell hands over the slices as they are now.
func (f *follower) tell(mail *watch.Mail) {
	now, t := maps.Clone(f.slices), f.target
	mail.Tell(func() watch.Answer { return merge(t, now) })
}

// watch follows changes since f.version, and returns nil when the server ends
// the watch in its time.
func (f *follower) watch(ctx context.Context, mail *watch.Mail) error {
	length := watch.Between(minWatch, maxWatch).Truncate(time.Second)
	ctx, cancel := context.WithTimeoutCause(ctx, length+watchGrace, errOverdue)
	defer cancel()
	ctx, alarm := watch.NewAlarm(ctx, maxSilence)
	defer alarm.Stop()
	resp, err := f.access.requests.Get(ctx, f.path(url.Values{
		"watch":               {"true"},
		"resourceVersion":     {f.version},
		"allowWatchBookmarks": {"true"},
		"timeoutSeconds":      {strconv.Itoa(int(length / time.Second))},
	}))
	if err != nil {
		return fmt.Errorf("watching EndpointSlices: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	mail.Alive()
	stream := watch.NewStream(ctx, alarm.Watch(resp.Body), maxEvent)
	began := time.Now()
	for heard := false; ; heard = true {
		var e event
		err := stream.Next(&e)
		if errors.Is(err, io.EOF) {
			if !heard && time.Since(began) < minSaid {
				return errAtOnce
			}
			return nil
		}
		if err == nil {
			err = f.apply(&e, mail)
		} else if errors.Is(err, watch.ErrMalformed) {
			f.version = "" // the same would come again
		}
		if err != nil {
			return fmt.Errorf("watching EndpointSlices: %w", err)
		}
	}
}

// apply takes over what an event says. Types that are not known say nothing.
func (f *follower) apply(e *event, mail *watch.Mail) error {
	if e.Object == nil {
		f.version = ""
		return fmt.Errorf("event %q has no object", e.Type)
	}
	s := e.Object.slice
	switch e.Type {
	case "ERROR":
		seconds := min(max(e.Object.Details.RetryAfterSeconds, 0), 1<<16)
		return &watch.StatusError{Code: e.Object.Code, Reason: e.Object.Message, RetryAfter: time.Duration(seconds) * time.Second}
	case "ADDED", "MODIFIED", "DELETED", "BOOKMARK":
	default:
		return nil
	}
	named := s.Metadata.Name != "" || e.Type == "BOOKMARK"
	if s.Metadata.ResourceVersion == "" || !named {
		f.version = ""
		return fmt.Errorf("event %s has no name or no resourceVersion", e.Type)
	}
	f.version, f.broken = s.Metadata.ResourceVersion, 0
	switch e.Type {
	case "BOOKMARK":
		mail.Alive()
		return nil
	case "DELETED":
		delete(f.slices, s.Metadata.Name)
	default:
		f.slices[s.Metadata.Name] = &s
		if len(f.slices) > maxSlices {
			f.version = ""
			return fmt.Errorf("must be at most %d, got more", maxSlices)
		}
	}
	f.tell(mail)
	return nil
}

func isGone(err error) bool {
	s, ok := errors.AsType[*watch.StatusError](err)
	return ok && s.Code == http.StatusGone
}
