package cache

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/freshet-io/freshet/interceptor/store"
)

const (
	// storeTimeout is how long a store that is not the cache's own has for one
	// operation. A caller's deadline gives it a tenth of what is left, if that
	// is less: a store that hangs costs a miss and not the call.
	storeTimeout = 250 * time.Millisecond
	// storeWait is how long those who wait for a reply wait for its being
	// stored, too.
	storeWait = 5 * time.Millisecond
)

// lookup reads what is stored under key into e, and returns it, nil for nothing. A store that
// fails, panics, hangs or lies costs a miss.
func (c *Cache) lookup(ctx context.Context, key store.Key, t *target, e *entry) *entry {
	value, ok, err := c.get(ctx, key)
	if err != nil {
		if ctx.Err() == nil { // else it is the caller who has given up
			c.storeFailed("get", err)
		}
		return nil
	}
	if !ok {
		return nil
	}
	if err := e.parse(key, value); err != nil {
		c.storeFailed("get", err)
		c.forget(key)
		return nil
	}
	if len(e.etag) > 0 {
		c.renewals.apply(key, e)
	}
	e.judge(c, t)
	return e
}

// judge notes what invalidations have made of the entry.
func (e *entry) judge(c *Cache, t *target) {
	if c.weak.lookupEpoch {
		return
	}
	state := c.state(t, e.epoch, e.groups)
	e.policy.Invalidated, e.policy.Soft = state == invalid, state == soft
}

func (c *Cache) get(ctx context.Context, key store.Key) (value []byte, ok bool, err error) {
	defer caught(&err)
	if c.ownsStore {
		return c.store.Get(ctx, key)
	}
	limit := storeTimeout
	if deadline, ok := ctx.Deadline(); ok {
		limit = min(limit, time.Until(deadline)/10)
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return c.store.Get(ctx, key)
}

// touch tells the store that its value was used without a Get.
func (c *Cache) touch(key store.Key) {
	if c.toucher == nil {
		return
	}
	var err error // of a panic, which costs nobody the reply
	defer caught(&err)
	c.toucher.Touch(key)
}

// put stores a value, unless late says afterwards that it was too late. It
// returns after storeWait, although the store may not have answered.
func (c *Cache) put(key store.Key, value []byte, ttl time.Duration, fl *flight) (stored bool, detail string) {
	late := func() bool { return c.flight.isSuperseded(fl) }
	if c.ownsStore {
		return c.set(context.Background(), key, value, ttl, late)
	}
	type answer struct {
		stored bool
		detail string
	}
	answered := make(chan answer, 1)
	c.flight.storing(fl, true)
	go func() { // ends with the store's answer, which is due within storeTimeout
		ctx, cancel := context.WithTimeout(context.Background(), storeTimeout)
		defer cancel()
		defer c.flight.storing(fl, false)
		stored, detail := c.set(ctx, key, value, ttl, late)
		answered <- answer{stored, detail}
	}()
	wait := time.NewTimer(storeWait)
	defer wait.Stop()
	select {
	case a := <-answered:
		return a.stored, a.detail
	case <-wait.C:
		return false, "store slow"
	}
}

func (c *Cache) set(ctx context.Context, key store.Key, value []byte, ttl time.Duration, late func() bool) (stored bool, detail string) {
	// Before, lest the old reply is used while the store takes its time; and
	// after, lest it has been read meanwhile.
	c.decoded.Remove(&key)
	err := func() (err error) {
		defer caught(&err)
		return c.store.Set(ctx, key, value, ttl)
	}()
	c.decoded.Remove(&key)
	switch {
	case err == nil && late():
		// A later flight has begun meanwhile, and may have stored before this.
		c.forget(key)
		return false, detailSuperseded
	case err == nil:
		c.count.stores.Add(1)
		return true, ""
	case errors.Is(err, store.ErrTooLarge):
		return false, detailTooLarge
	default:
		c.storeFailed("set", err)
		return false, "store error"
	}
}

// forget deletes what is stored under key. It returns after storeWait, although
// the store may not have answered.
func (c *Cache) forget(key store.Key) {
	c.decoded.Remove(&key)
	if c.ownsStore {
		c.remove(context.Background(), key)
		return
	}
	done := make(chan struct{})
	go func() { // ends with the store's answer, which is due within storeTimeout
		defer close(done)
		ctx, cancel := context.WithTimeout(context.Background(), storeTimeout)
		defer cancel()
		c.remove(ctx, key)
	}()
	wait := time.NewTimer(storeWait)
	defer wait.Stop()
	select {
	case <-done:
	case <-wait.C:
	}
}

func (c *Cache) remove(ctx context.Context, key store.Key) {
	err := func() (err error) {
		defer caught(&err)
		return c.store.Delete(ctx, key)
	}()
	c.decoded.Remove(&key)
	if err != nil {
		c.storeFailed("delete", err)
	}
}

// caught turns a panic into an error.
func caught(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("panic: %v", p)
	}
}

func (c *Cache) storeFailed(op string, err error) {
	if c.count.storeErrors.Add(1) == 1 {
		c.logger.Warn("freshet cache: the store failed; calls go on without it, and later failures are only counted", slog.String("op", op), slog.Any("error", err))
	}
}
