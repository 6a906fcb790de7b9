package origin

import (
	"context"
	"log/slog"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/freshet-io/freshet/cachepolicy/wire"
)

// ending is what is to be said with the end of a call.
type ending struct {
	header, trailer metadata.MD // nil, and never nil
	empty           any         // what is sent in place of the reply; nil: the reply is
}

// end ends the call and returns what is to be said with it.
func (c *call) end(ctx context.Context, reply any, err error) ending {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended = true
	e := ending{trailer: metadata.MD{}}
	set := func(key, value string) {
		if value != "" {
			e.trailer.Set(key, value)
		}
	}
	code, lags := status.Code(err), c.lags(ctx)
	var groups field
	if code == codes.OK && !c.notModified {
		groups = c.replyGroups(reply)
		set(wire.KeyCacheGroups, groups.text())
	}
	terms, said := c.terms(code, groups.err, lags)
	if said {
		set(wire.KeyCacheControl, c.said.text(terms))
	}
	if code == codes.OK {
		var etag string
		if etag, e.empty = c.validate(ctx, reply, lags, terms.NoStore); etag != "" {
			e.header = metadata.Pairs(wire.KeyETag, etag)
		}
		if e.empty != nil || c.notModified {
			e.header.Set(wire.KeyNotModified, "1")
		}
	}
	if c.version > 0 {
		set(wire.KeyCacheVersion, wire.FormatVersion(c.version))
	}
	if !c.method.safe {
		set(wire.KeyCacheGroupInvalidation, c.invalidation(reply, code))
	}
	return e
}

// terms returns what is said of the reply's reuse; false: nothing. A reply whose
// groups cannot be told would not be invalidated with them, and is not to be
// stored; nor is one that lags behind what its caller has heard of, for it is
// known not to be true.
func (c *call) terms(code codes.Code, groups error, lags bool) (terms wire.Response, said bool) {
	switch {
	case c.said != nil:
		terms = c.said.heeded
	case code == codes.OK:
		terms = c.method.terms
	case lags:
	default:
		return wire.Response{}, false
	}
	if groups != nil {
		c.complain("a reply is not reused: its groups cannot be told", slog.Any("error", groups))
	}
	if groups != nil || lags {
		return wire.Response{NoStore: true}, true
	}
	if c.owed.terms.Private && !terms.Private {
		c.complain("replies are marked private: they are built from such as are private, by cache-control or by their rule's scope")
	}
	terms = wire.MergeResponse(terms, c.owed.terms)
	c.shorten(&terms)
	return terms, true
}

// shorten bounds what is said by what is left of the lifetimes of the replies
// that this one was built from.
func (c *call) shorten(terms *wire.Response) {
	if c.owed.expires.IsZero() {
		return
	}
	left := max(0, time.Until(c.owed.expires))
	own, known := terms.MaxAge.Get()
	if !known && c.method.rule != nil {
		own, known = c.method.rule.DefaultMaxAge, true
	}
	if !known || left < own || left < time.Second {
		terms.MaxAge = wire.SecondsOf(left)
	}
	if shared, ok := terms.SMaxAge.Get(); ok && left < shared {
		terms.SMaxAge = wire.SecondsOf(left)
	}
}
