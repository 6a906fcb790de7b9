package bigcachestore

import (
	"errors"
	"fmt"
	"math"
)

const (
	// defaultMaxBytes is the budget of a store that is given none.
	defaultMaxBytes = 64 << 20

	// leastMaxBytes is what the smallest useful shape costs: BigCache measures
	// the queues of a cache in whole MiB.
	leastMaxBytes = 1 << 20

	// mostMaxBytes keeps the sizes that BigCache computes in ints from
	// overflowing, which on 32-bit machines they would first.
	mostMaxBytes = min(1<<40, math.MaxInt/2)
)

// Option sets something of a [Store] in [New]. Of two that set the same thing
// the last one wins.
type Option interface{ apply(*config) }

type config struct {
	maxBytes int64
}

func (c config) validate() error {
	if c.maxBytes < leastMaxBytes || c.maxBytes > mostMaxBytes {
		return fmt.Errorf("bigcachestore: maxBytes must be between %d and %d, got %d",
			int64(leastMaxBytes), int64(mostMaxBytes), c.maxBytes)
	}
	return nil
}

type optionFunc func(*config)

func (f optionFunc) apply(c *config) { f(c) }

// WithMaxBytes sets the memory that the store may hold, in bytes, everything
// counted: queues, index, buffers and padding. The store takes a fifth of it at
// once and the rest as values come; see the package comment for how it is laid
// out and [Store.MaxValueBytes] for the largest value that fits. From 16 MiB on
// about three quarters of it or more are queue; below, the steps that BigCache
// allows are coarser, and it may be as little as half.
//
// The default is 64 MiB. The limits are 1 MiB and 1 TiB (1 GiB where an int has
// 32 bits).
func WithMaxBytes(n int64) Option {
	return optionFunc(func(c *config) { c.maxBytes = n })
}

func configure(opts []Option) (config, error) {
	c := config{maxBytes: defaultMaxBytes}
	var faults []error
	for i, o := range opts {
		if o == nil {
			faults = append(faults, fmt.Errorf("bigcachestore: option %d must not be nil", i))
			continue
		}
		o.apply(&c)
	}
	return c, errors.Join(append(faults, c.validate())...)
}
