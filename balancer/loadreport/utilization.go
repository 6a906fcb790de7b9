package loadreport

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"unicode/utf8"

	"github.com/freshet-io/freshet/balancer/internal/orca"
)

const (
	// maxTiers bounds the tiers besides cpu, mem and app. A tier is for ever.
	maxTiers = 32
	// maxTierName is in bytes.
	maxTierName = 64
)

// SetUtilization sets how much of a tier's capacity is in use, where 1 is all of
// it. It stands until it is set again: a tier is never forgotten, so set it to 0
// when it is no longer known. It shows in reports out of band and, 10 ms later at
// most, in ORCA's trailers. The policy freshet does not choose by it: one busy server
// shows in its latency. While a tier is at 1 or more, the server's reports say that it is
// overloaded, and where all servers say so there is nothing to choose: then calls
// are marked so ([callstate.State.Strained]), and a cache may avoid their work.
//
// The tier "cpu" is ORCA's cpu_utilization and "app" its
// application_utilization, which stock policies prefer; both may exceed 1, and
// count up to 1000. The tier "mem" is mem_utilization. Any
// other name is a resource of the application, as "db_read", "db_write",
// "egress" or "dependency", and becomes an entry of ORCA's utilization map. As
// ORCA has these and "mem" within [0, 1], more is written as 1.
//
// A value that is negative, infinite or no number is ignored: the tier keeps its former
// value. So is a tier whose name is empty, longer than 64 bytes or not UTF-8,
// and a tier that would be the 33rd besides those three. Each of
// these is logged once for a Reporter. It is cheap, and takes a lock only for a new tier; of
// concurrent calls for one tier either may be the one that stands, and those for
// different tiers do not touch each other.
func (r *Reporter) SetUtilization(tier string, value float64) {
	refusal, err := r.utilizations.set(tier, value)
	if err == nil {
		return
	}
	r.refused[refusal].Do(func() {
		r.logger.LogAttrs(context.Background(), slog.LevelWarn,
			"freshet loadreport: a utilization is ignored, and others of its kind will be", slog.Any("error", err))
	})
}

// refusal is a reason for which a utilization is ignored.
type refusal int

const (
	badValue refusal = iota
	badName
	tooMany
	refusals
)

// gauge is a utilization. The zero value is 0, which ORCA takes for unset in cpu, mem and app.
type gauge struct{ bits atomic.Uint64 }

func (g *gauge) set(v float64) { g.bits.Store(math.Float64bits(v)) }
func (g *gauge) get() float64  { return math.Float64frombits(g.bits.Load()) }

type tier struct {
	name string
	gauge
}

// utilizations are the gauges of all tiers. The zero value is ready.
type utilizations struct {
	cpu, mem, app gauge

	adding sync.Mutex
	tiers  atomic.Pointer[[]*tier] // replaced when one is added; never written
}

func (u *utilizations) set(name string, v float64) (refusal, error) {
	if !(v >= 0) || math.IsInf(v, 0) {
		return badValue, fmt.Errorf("loadreport: utilization of %q must be a finite number of at least 0, got %v", name, v)
	}
	switch name {
	case "cpu":
		u.cpu.set(min(v, orca.MaxUtilization))
		return 0, nil
	case "app":
		u.app.set(min(v, orca.MaxUtilization))
		return 0, nil
	case "mem":
		u.mem.set(min(v, 1))
		return 0, nil
	}
	t := u.find(name)
	if t == nil {
		var refusal refusal
		var err error
		if t, refusal, err = u.add(name); err != nil {
			return refusal, err
		}
	}
	t.set(min(v, 1))
	return 0, nil
}

func (u *utilizations) all() []*tier {
	if p := u.tiers.Load(); p != nil {
		return *p
	}
	return nil
}

// overloaded reports whether all of some tier is in use.
func (u *utilizations) overloaded() bool {
	if u.cpu.get() >= 1 || u.mem.get() >= 1 || u.app.get() >= 1 {
		return true
	}
	for _, t := range u.all() {
		if t.get() >= 1 {
			return true
		}
	}
	return false
}

func (u *utilizations) find(name string) *tier {
	for _, t := range u.all() {
		if t.name == name {
			return t
		}
	}
	return nil
}

func (u *utilizations) add(name string) (*tier, refusal, error) {
	if name == "" || len(name) > maxTierName || !utf8.ValidString(name) {
		return nil, badName, fmt.Errorf("loadreport: tier must be UTF-8 of 1 to %d bytes, got %q", maxTierName, name)
	}
	u.adding.Lock()
	defer u.adding.Unlock()
	if t := u.find(name); t != nil {
		return t, 0, nil
	}
	old := u.all()
	if len(old) >= maxTiers {
		return nil, tooMany, fmt.Errorf("loadreport: tiers must be at most %d, got %q besides", maxTiers, name)
	}
	t := &tier{name: name}
	tiers := slices.Concat(old, []*tier{t})
	u.tiers.Store(&tiers)
	return t, 0, nil
}
