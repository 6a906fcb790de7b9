package cache

import (
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"github.com/freshet-io/freshet/cachepolicy"
	"github.com/freshet-io/freshet/interceptor/store"
)

// items are what a call of a batch method asks for: each id once, in the order of the
// request. Each is looked up, judged and stored as a call for it alone would be.
type items struct {
	call *call  // as the caller made it
	all  []item // one for each id, in the order asked, repetitions included
	once []*item
	// answered: the call was answered stale while its subset was waited for.
	answered bool
}

// item is one id of a batch.
type item struct {
	at       int // in the request
	key      store.Key
	found    *entry
	decision cachepolicy.Decision
	part     proto.Message // the reply for this id alone
	same     *item         // that came first, of a repeated id
}

// batch answers a call of a batch method. Only what is missing is asked for, in one
// call; the reply has the items in the order asked, an id that is asked for twice
// twice. It reports false when the call has to be made as it is, because its reply
// turns out to be more than its items.
func (c *call) batch() (answered bool, err error) {
	it, err := c.takeApart()
	if err != nil || it == nil {
		return false, nil
	}
	it.lookUp()
	missing := it.missing()
	if len(missing) == 0 {
		if answered, err = it.serve(nil); answered {
			it.refresh()
			return true, err
		}
		missing = it.missing() // what did not decode
	}
	if c.wish.OnlyIfCached {
		return true, c.fail(onlyIfCachedMiss(c.method.name))
	}
	if answered, err = it.whileFailing(missing); answered {
		return true, err
	}
	return it.fetch(missing)
}

// takeApart returns the items of a call, nil for one without ids.
func (c *call) takeApart() (*items, error) {
	ids, err := c.rule.Batch.IDs(c.req)
	if err != nil || len(ids) == 0 {
		return nil, err
	}
	c.held = true
	it := &items{call: c, all: make([]item, len(ids))}
	first := make(map[string]*item, len(ids))
	for i, id := range ids {
		one := &it.all[i]
		one.at = i
		if one.same = first[id]; one.same != nil {
			continue
		}
		first[id] = one
		alone, err := c.rule.Batch.Only(c.req, i)
		if err != nil {
			return nil, err
		}
		if one.key, err = c.keyOf(alone); err != nil {
			return nil, err
		}
		it.once = append(it.once, one)
	}
	return it, nil
}

func (it *items) lookUp() {
	c := it.call
	o := c.outlook()
	for _, one := range it.once {
		one.found = c.cache.lookup(c.ctx, one.key, c.target, new(entry))
		one.decide(c, o)
	}
}

func (one *item) decide(c *call, o cachepolicy.Origin) {
	var e *cachepolicy.Entry
	if one.found != nil {
		e = &one.found.policy
	}
	one.decision = cachepolicy.Decide(e, c.rule, c.wish, c.cache.now(), o)
}

func (one *item) usable() bool {
	return one.decision.Verdict == cachepolicy.Hit || one.decision.Verdict == cachepolicy.Stale
}

func (it *items) missing() []*item {
	var out []*item
	for _, one := range it.once {
		if !one.usable() {
			out = append(out, one)
		}
	}
	return out
}

// subset is a call of its own for some of the items, whose reply and metadata are the
// batch's to put together.
func (it *items) subset(of []*item) (*call, error) {
	at := make([]int, len(of))
	for i, one := range of {
		at[i] = one.at
	}
	req, err := it.call.rule.Batch.Only(it.call.req, at...)
	if err != nil {
		return nil, err
	}
	sub := *it.call
	sub.req, sub.reply = req, it.call.reply.ProtoReflect().New().Interface()
	sub.items, sub.found, sub.outcome, sub.reports = it, nil, Outcome{}, nil
	sub.opts = it.call.flightOptions()
	sub.key, err = sub.keyOf(req)
	return &sub, err
}

// whileFailing answers the call at once where the target is known to be failing and every
// missing item may be served stale for that.
func (it *items) whileFailing(missing []*item) (answered bool, err error) {
	c := it.call
	if c.rule.StaleIfError == 0 {
		return false, nil
	}
	sub, err := it.subset(missing)
	if err != nil {
		return false, nil
	}
	if failing, _ := c.cache.backoff.failing(sub.key, c.target, c.cache.now()); !failing && !c.target.pulse.failing() {
		return false, nil
	}
	if answered, err = it.serveStale(codes.OK); answered {
		sub.refresh()
	}
	return answered, err
}

// serveStale answers with what was found, if all that is missing may be used now that the
// origin has failed with a code.
func (it *items) serveStale(code codes.Code) (answered bool, err error) {
	c := it.call
	for _, one := range it.once {
		if one.found != nil {
			one.found.judge(c.cache, c.target)
		}
		before := one.decision
		if one.decide(c, cachepolicy.OriginUntried); !one.usable() {
			one.decide(c, cachepolicy.OriginFailed)
		}
		if !one.usable() {
			one.decision = before
			return false, nil
		}
	}
	c.originCode = code
	it.answered, err = it.serve(nil)
	return it.answered, err
}

// refresh fetches those items anew in the background that are due.
func (it *items) refresh() {
	var due []*item
	for _, one := range it.once {
		if one.decision.Refresh {
			due = append(due, one)
		}
	}
	if len(due) == 0 {
		return
	}
	if sub, err := it.subset(due); err == nil {
		sub.refresh()
	}
}
