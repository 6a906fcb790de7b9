package cache

import (
	"sync/atomic"
	"time"
)

// overloadFor is for how long a target counts as overloaded after the last sign of it.
const overloadFor = time.Second

// load knows whether a target has more to do than it can: its servers say so by
// RESOURCE_EXHAUSTED, or the policy freshet by finding too few endpoints well, or all overloaded
// (callstate.State.Strained). One hot server among others is none of the cache's business.
type load struct{ until atomic.Int64 } // since the cache's base

func (l *load) overloaded(now time.Duration) bool { return int64(now) < l.until.Load() }

func (l *load) sign(now time.Duration) { l.until.Store(int64(now + overloadFor)) }
