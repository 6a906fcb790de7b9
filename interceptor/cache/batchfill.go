package cache

import (
	"context"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"github.com/freshet-io/freshet/cachepolicy"
)

// fillItems stores the items of a batch's reply, each as the reply of a call for it
// alone. A reply that is more than its items is not stored: it is for its call alone.
func (c *call) fillItems(fl *flight, o *origin) fillResult {
	res := &fl.result
	if fl.alone {
		return filled
	}
	if res.detail != "" && !res.admitted && res.detail != cachepolicy.ErrGroups.Error() {
		c.forgetItems(o.req)
		return filled
	}
	parts, err := c.split(o.req, res.reply)
	if err != nil {
		res.admitted, res.detail = false, detailNotABatch
		c.cache.loners.add(c.key, c.cache.now())
		c.forgetItems(o.req)
		return filled
	}
	stored, detail := len(parts) > 0, ""
	for i := range parts {
		why, lagging := c.fillItem(fl, o, i, parts[i])
		if lagging {
			res.lagging, res.detail = true, detailLagging
			return fillLagging
		}
		if why != "" {
			stored, detail = false, why
		}
	}
	res.stored, res.detail = stored, detail
	return filled
}

// split takes a reply apart.
func (c *call) split(req, reply proto.Message) ([]proto.Message, error) {
	ids, err := c.rule.Batch.IDs(req)
	if err != nil {
		return nil, err
	}
	return c.rule.Batch.Split(reply, ids)
}

// fillItem stores the part of a reply that is one id's. It says why it does not.
func (c *call) fillItem(fl *flight, o *origin, at int, part proto.Message) (detail string, lagging bool) {
	req, err := c.rule.Batch.Only(o.req, at)
	if err != nil {
		return err.Error(), false
	}
	key, err := c.keyOf(req)
	if err != nil {
		return err.Error(), false
	}
	of := &fl.result
	one := &flight{key: key, since: fl.since, begun: fl.begun, maxRecv: fl.maxRecv}
	res := &one.result
	res.header, res.trailer, res.endpoint = of.header, of.trailer, of.endpoint
	admission, err := c.rule.Admit(cachepolicy.Reply{Request: req, Message: part, Header: res.header, Trailer: res.trailer})
	if err != nil {
		c.cache.forget(key)
		return err.Error(), false
	}
	admission.ETag = "" // it is the whole reply's
	if admission.NoCache {
		c.cache.forget(key)
		return cachepolicy.ErrNoCache.Error(), false
	}
	if c.rule.Batch.Empty(part) {
		// There is no such item: under a rule for errors that is one.
		if !c.rule.NegativeCodes.Has(uint32(codes.NotFound)) {
			c.cache.forget(key)
			return "", false
		}
		admission.Lifetime = min(admission.Lifetime, c.rule.NegativeMaxAge)
		admission.StaleIfError, admission.StaleWhileRevalidate, admission.MustRevalidate = 0, 0, true
	}
	c.accept(one, &admission)
	if c.behind(one, o) {
		return detailLagging, true
	}
	if res.body, err = encoded(part); err != nil {
		return detailNotEncodable, false
	}
	if detail := c.unstorable(one); detail != "" {
		c.cache.forget(key)
		return detail, false
	}
	if c.newerStored(one) || c.cache.flight.isSuperseded(fl) {
		return detailSuperseded, false
	}
	c.keep(one, o, one.entry())
	return res.detail, false
}

// newerStored reports whether what is stored under the item's key was asked for later, or is of a later
// version: batches overlap, and end in any order.
func (c *call) newerStored(one *flight) bool {
	e := c.cache.lookup(context.Background(), one.key, c.target, new(entry))
	return c.olderThan(e, one) || e != nil && !e.policy.Invalidated && e.policy.Requested > one.begun
}

// forgetItems deletes what is stored of the items that a request asks for: their most recent
// reply is not to be kept.
func (c *call) forgetItems(req proto.Message) {
	ids, err := c.rule.Batch.IDs(req)
	if err != nil {
		return
	}
	for i := range ids {
		if one, err := c.rule.Batch.Only(req, i); err == nil {
			if key, err := c.keyOf(one); err == nil {
				c.cache.forget(key)
			}
		}
	}
}
