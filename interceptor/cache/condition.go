package cache

import (
	"context"
	"strconv"
	"strings"
	"time"

	"google.golang.org/grpc/metadata"

	"github.com/freshet-io/freshet/cachepolicy/wire"
)

// validates reports whether the flight may be made on a condition: what is stored has a
// validator, and nothing has made it untrue. After an invalidation only a whole reply
// will do: a replica that has not heard of the write would find its old copy
// unchanged.
func (o *origin) validates() bool {
	e := o.stored
	return e != nil && len(e.etag) > 0 && !o.call.noStore && o.call.cache.state(o.call.target, e.epoch, e.groups) != invalid
}

// condition returns the context of one call to the origin: the flight's, with what
// this cache asks of the server and of caches on the way, in place of what the
// caller asked of this cache.
//
// only-if-cached and max-stale are for this cache alone: what it could not answer
// the next one is to answer as well as it can.
func (o *origin) condition(ctx context.Context, validating bool) context.Context {
	c := o.call
	directives := ""
	if !o.background {
		directives = c.forwarded()
	}
	said := len(metadata.ValueFromOutgoingContext(ctx, wire.KeyCacheControl))+len(metadata.ValueFromOutgoingContext(ctx, wire.KeyCacheMinVersion)) > 0
	minVersion := !o.background && c.wish.MinVersion > 0
	if !said && directives == "" && !validating && !minVersion {
		return ctx
	}
	md, _ := metadata.FromOutgoingContext(ctx) // a copy
	if md == nil {
		md = metadata.MD{}
	}
	delete(md, wire.KeyCacheControl)
	if directives != "" {
		md.Set(wire.KeyCacheControl, directives)
	}
	if validating {
		md.Set(wire.KeyIfNoneMatch, string(o.stored.etag))
	}
	delete(md, wire.KeyCacheMinVersion)
	if minVersion {
		md.Set(wire.KeyCacheMinVersion, wire.FormatVersion(c.wish.MinVersion))
	}
	return metadata.NewOutgoingContext(ctx, md)
}

// forwarded is what the call asks that caches nearer to the origin are to know, as a
// cache-control value.
func (c *call) forwarded() string {
	var d []string
	if c.wish.NoCache {
		d = append(d, "no-cache")
	}
	if c.noStore {
		d = append(d, "no-store")
	}
	if c.wish.MaxAge >= 0 { // rounded to what is stricter
		d = append(d, "max-age="+strconv.FormatInt(int64(c.wish.MaxAge/time.Second), 10))
	}
	if c.wish.MinFresh >= 0 {
		d = append(d, "min-fresh="+strconv.FormatInt(int64((c.wish.MinFresh+time.Second-1)/time.Second), 10))
	}
	return strings.Join(d, ", ")
}
