package cache

import (
	"bytes"
	"fmt"
	"hash/maphash"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/freshet-io/freshet/cachepolicy"
	"github.com/freshet-io/freshet/interceptor/cache/internal/decoded"
)

const (
	// decodedShare is the part of the cache's bytes that decoded replies may take, of a
	// cache of at least leastDecoded: a smaller one had no room for any.
	decodedShare = 8
	leastDecoded = 8 << 20
)

// budget is how a cache's bytes are divided.
type budget struct{ store, decoded, renewals int64 }

// divide leaves the store what the others do not take; a small cache is all store.
func divide(maxBytes int64) budget {
	b := budget{renewals: maxBytes / renewalShare}
	if maxBytes >= leastDecoded {
		b.decoded = maxBytes / decodedShare
	}
	b.store = max(maxBytes-b.renewals-b.decoded, minMaxBytes)
	return b
}

// resident is what is known of a decoded reply.
type resident struct {
	entry entry // without its bytes
	sum   uint64
}

// fromMemory answers the call with a decoded reply, if there is a fresh one. It is asked only what a
// hit needs: whatever else is to be done needs the bytes.
func (c *call) fromMemory() (answered bool, err error) {
	if c.named {
		return false, nil // the caller's codec is to make its message
	}
	r := c.cache.decoded.Get(&c.key)
	if r == nil || !r.Original.Fits(c.reply) {
		return false, nil
	}
	c.room = r.Meta.entry
	c.found, c.resident = &c.room, r
	c.found.judge(c.cache, c.target)
	if c.decideAt(c.started, cachepolicy.OriginUntried); c.decision.Verdict == cachepolicy.Hit {
		refresh := c.decision.Refresh
		if answered, err = c.serve(); answered {
			c.cache.count.decoded.Add(1)
			c.cache.touch(c.key)
			if refresh {
				c.found = c.cache.lookup(c.ctx, c.key, c.target, &c.room)
				c.refresh()
			}
			return true, err
		}
	}
	c.found, c.resident, c.decision = nil, nil, cachepolicy.Decision{}
	return false, nil
}

// copyOut fills the caller's reply from a decoded one.
func (c *call) copyOut(r *decoded.Record[resident]) {
	if !c.rule.SharedReply || !r.Original.Shareable() {
		r.Original.CopyTo(c.reply)
		return
	}
	if c.cache.mutationCheck && c.cache.sum(r.Original.Message()) != r.Meta.sum {
		panic(fmt.Sprintf("freshet cache: a caller of %s has changed what lies within a reply, which under shared_reply is everybody's", c.method.name))
	}
	r.Original.ShareWith(c.reply)
}

// offer offers the reply that was just decoded from the store.
func (c *call) offer(ticket decoded.Ticket) {
	e := c.found
	c.cache.decoded.Offer(ticket, &c.key, c.reply, func() (resident, int64) {
		r := resident{entry: *e}
		// What the entry refers to is the store's value, most of which is the reply's bytes.
		r.entry.body = nil
		r.entry.endpoint, r.entry.etag, r.entry.md = bytes.Clone(e.endpoint), bytes.Clone(e.etag), bytes.Clone(e.md)
		r.entry.groups = slices.Clone(e.groups)
		if c.cache.mutationCheck && c.rule.SharedReply {
			r.sum = c.cache.sum(c.reply)
		}
		return r, int64(len(e.endpoint) + len(e.etag) + len(e.md) + 16*len(e.groups) + residentBytes)
	})
}

// residentBytes is about what a resident takes itself.
const residentBytes = 400

// sum is a hash over all of a message.
func (c *Cache) sum(m proto.Message) uint64 {
	b, err := proto.MarshalOptions{Deterministic: true, AllowPartial: true}.Marshal(m)
	if err != nil {
		return 0
	}
	return maphash.Bytes(c.seed, b)
}
