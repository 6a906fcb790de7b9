package origin

import (
	"context"
	"fmt"
	"log/slog"

	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"

	"github.com/freshet-io/freshet/cachepolicy/wire"
)

// SetETag says by what the reply is known again: an entity tag as RFC 9110
// section 8.8.3 writes it, quotes included, `"v1"` or `W/"v1"`, of visible ASCII
// without quotes and at most 1024 bytes. Two replies to one request that have
// the same tag must be worth the same to the caller. The last call counts, of
// NotModified's too, and takes the place of an automatic tag ([WithAutomaticETags]).
//
// A caller that names the tag in if-none-match has the reply already: it is sent
// an empty message of the reply's type and cache-not-modified: 1, in place of
// what the handler returned. To save the handler's work as well, see
// [NotModified]. Tags are compared weakly, `W/"v1"` being as good as `"v1"`, and
// "*" names every tag (section 13.1.2). An error is sent as it is, without a
// tag.
//
// The error says that the tag is malformed, that the method is a stream or not
// without side effects, or that ctx belongs to no call or to one that has ended.
// Handlers may call it from several goroutines.
func SetETag(ctx context.Context, etag string) error {
	if !wire.ValidETag(etag) {
		return fmt.Errorf("origin: SetETag: an entity tag must be like \"v1\" or W/\"v1\", in its quotes, of visible ASCII and at most %d bytes, got %.80q", wire.MaxETagBytes, etag)
	}
	return within(ctx, func(c *call) error {
		if !c.method.validated {
			return fmt.Errorf("origin: SetETag: %s has no entity tags: its replies are streamed, or it is not without side effects", c.method.name)
		}
		c.etag, c.notModified = etag, false
		return nil
	})
}

// NotModified sets the reply's entity tag as [SetETag] does, and reports whether
// the caller has that reply already. The handler is then done: it returns an
// empty reply, which is sent with cache-not-modified: 1, and the caller's copy
// stays as good as a new one.
//
//	if origin.NotModified(ctx, etag) {
//		return &shoppb.Product{}, nil
//	}
//
// It reports false where the reply must be sent whole: nobody asked, or for
// another tag; the tag is malformed (logged once a method); ctx belongs to no
// call, or to one of a stream or of a method that is not without side effects;
// the reply's type has required fields, so that no message of it is empty; or
// [SetVersion] has said less than [MinVersion] asks.
//
// What the handler would have said further of the reply, by [SetCacheControl]
// or [SetVersion], it says before, or else the rule's lifetime is sent. The
// groups are those of the caller's copy: none are sent, since those that the
// work would have found are not known.
func NotModified(ctx context.Context, etag string) bool {
	has := false
	_ = within(ctx, func(c *call) error {
		switch {
		case !c.method.validated:
		case !wire.ValidETag(etag):
			c.complain("NotModified was given what is no entity tag", slog.Int("bytes", len(etag)))
		default:
			has = c.method.emptyReply && !c.lags(ctx) && isAskedFor(ctx, etag)
			c.etag, c.notModified = etag, has
		}
		return nil
	})
	return has
}

// isAskedFor reports whether the call is conditional on the caller's not having
// the reply of an entity tag.
func isAskedFor(ctx context.Context, etag string) bool {
	return wire.MatchesETag(metadata.ValueFromIncomingContext(ctx, wire.KeyIfNoneMatch), etag)
}

// validate returns the reply's entity tag, "" for none, and the message to be
// sent in its place if the caller has it already, nil if not. It is asked of
// replies with status OK only: "A server MUST ignore all received preconditions
// if its response to the same request without those conditions [...] would have
// been a status code other than a 2xx" (RFC 9110 section 13.2.1). A reply that
// lags is sent whole: the caller is not to go on with what it has.
func (c *call) validate(ctx context.Context, reply any, lags, noStore bool) (etag string, empty any) {
	etag = c.etag
	if etag == "" && !noStore && c.origin.hasher != nil && c.method.rule != nil && c.method.validated {
		etag = c.origin.hasher.etag(reply)
	}
	switch {
	case etag == "":
		return "", nil
	case !c.notModified && (lags || !isAskedFor(ctx, etag)):
		return etag, nil
	}
	return etag, emptied(reply)
}

// emptied returns an empty message of the reply's type; nil if there is no such
// thing on the wire, for a type with required fields.
func emptied(reply any) any {
	m, ok := reply.(proto.Message)
	if !ok {
		return nil
	}
	r := m.ProtoReflect()
	if r.Descriptor().RequiredNumbers().Len() > 0 {
		return nil
	}
	return r.Type().New().Interface()
}
