package cache

import (
	"strconv"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/protobuf/proto"

	"github.com/freshet-io/freshet/cachepolicy"
	"github.com/freshet-io/freshet/cachepolicy/wire"
)

// asked is what the call for the missing items has brought.
type asked struct {
	call            *call
	header, trailer metadata.MD
	peer            peer.Peer
}

// fetch asks for what is missing and answers the call. It reports false when what came is
// more than its items.
func (it *items) fetch(missing []*item) (answered bool, err error) {
	c := it.call
	sub, err := it.subset(missing)
	if err != nil {
		return false, nil
	}
	a := &asked{call: sub}
	sub.opts = append(sub.opts, grpc.Header(&a.header), grpc.Trailer(&a.trailer), grpc.Peer(&a.peer))
	err = sub.fetch()
	if it.answered {
		return true, err
	}
	if err != nil {
		c.outcome = sub.outcome
		c.handBack(a.header, a.trailer, a.origin(), err)
		return true, err
	}
	parts, err := c.split(sub.req, sub.reply)
	switch {
	case err != nil && len(missing) == len(it.all):
		// It is what the caller asked for, word for word.
		move(c.reply, sub.reply)
		c.outcome = sub.outcome
		c.handBack(a.header, a.trailer, a.origin(), nil)
		return true, nil
	case err != nil:
		return false, nil
	}
	for i, one := range missing {
		one.part = parts[i]
	}
	return it.serve(a)
}

// origin is the peer that has answered, nil for none.
func (a *asked) origin() *peer.Peer {
	if a.peer.Addr == nil {
		return nil
	}
	return &a.peer
}

// serve puts the reply together from what was found and what was asked for. It reports false
// when something stored does not decode; the decision about that is then to miss.
func (it *items) serve(a *asked) (answered bool, err error) {
	c := it.call
	size := 0
	for _, one := range it.once {
		if one.part != nil {
			size += proto.Size(one.part)
			continue
		}
		size += len(one.found.body)
		one.part = c.reply.ProtoReflect().New().Interface()
		if err := c.wire.decode(c.codec, one.found.body, one.part); err != nil {
			c.cache.storeFailed("get", err)
			c.cache.forget(one.key)
			one.part, one.found, one.decision = nil, nil, cachepolicy.Decision{}
			return false, nil
		}
	}
	if err := c.tooLarge(size); err != nil {
		return true, c.fail(err)
	}
	proto.Reset(c.reply)
	for i := range it.all {
		part := it.all[i].part
		if first := it.all[i].same; first != nil {
			part = proto.Clone(first.part)
		}
		if err := c.rule.Batch.Join(c.reply, part); err != nil {
			return false, nil
		}
	}
	header, trailer, err := it.metadata(a)
	if err != nil {
		return false, nil
	}
	it.report(a)
	peer := cachePeer
	if a != nil {
		peer = a.origin()
	}
	c.handBack(c.withStatus(header, it.status(a)), trailer, peer, nil)
	return true, nil
}

// report fills in the outcome: of what was asked for if anything was, else of the oldest
// item.
func (it *items) report(a *asked) {
	c := it.call
	if a != nil {
		c.outcome = a.call.outcome
		return
	}
	c.outcome.Result, c.outcome.Stored = Hit, true
	for i, one := range it.once {
		if one.decision.Verdict == cachepolicy.Stale {
			c.outcome.Result = Stale
		}
		c.outcome.Age = max(c.outcome.Age, one.decision.Age)
		if l := one.found.policy.Terms.Lifetime; i == 0 || l < c.outcome.Lifetime {
			c.outcome.Lifetime = l
		}
		c.outcome.Endpoint = string(one.found.endpoint)
	}
}

// status is the cache-status of the whole, whose time to live is the shortest of any
// item.
func (it *items) status(a *asked) wire.Status {
	st := wire.Status{Hit: true}
	if a != nil {
		if s, ok := wire.ParseStatus([]string{a.call.outcome.CacheStatus}); ok {
			st = s
		}
	}
	for _, one := range it.once {
		if one.found == nil || !one.usable() {
			continue
		}
		it.call.found, it.call.decision = one.found, one.decision
		own := it.call.storedStatus()
		if ttl, ok := st.TTL.Get(); !ok || one.decision.TTL < ttl {
			st.TTL = own.TTL
		}
		if a == nil && own.Detail != "" {
			st.Hit, st.Fwd, st.FwdStatus, st.Detail = own.Hit, own.Fwd, own.FwdStatus, own.Detail
		}
	}
	it.call.found, it.call.decision = nil, cachepolicy.Decision{}
	return st
}

// metadata joins what the items and the origin say: of the directives the more restrictive, of
// ages the greatest, all groups; of the rest what was said last. Only a call that asks for metadata
// pays for it.
func (it *items) metadata(a *asked) (header, trailer metadata.MD, err error) {
	if !it.call.wantsMetadata() {
		return nil, nil, nil
	}
	header, trailer = metadata.MD{}, metadata.MD{}
	j := joined{header: header, trailer: trailer}
	for _, one := range it.once {
		if one.found == nil || !one.usable() {
			continue
		}
		h, t, err := one.found.metadata()
		if err != nil {
			return nil, nil, err
		}
		h.Set(wire.KeyAge, strconv.FormatInt(wholeSeconds(one.decision.Age), 10))
		j.add(h, t)
	}
	if a != nil {
		a.header.Delete(wire.KeyCacheStatus)
		j.add(a.header, a.trailer)
	}
	j.finish()
	return header, trailer, nil
}
