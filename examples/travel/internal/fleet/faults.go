package fleet

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"
)

// Slowness is how much longer a slow replica takes for every call.
const Slowness = 150 * time.Millisecond

// action is what a fault does to a replica.
type action int

const (
	slows action = iota
	recovers
	kills
	restarts
)

// Fault is one thing that happens to replica Replica of every service.
type Fault struct {
	At      time.Duration
	Replica int
	action  action
}

// turns is how many replicas are slow, one after another, and killed the one
// that dies while others are slow.
const (
	turns  = 3
	killed = 3
)

// Faults returns what goes wrong in a run of a length. Replicas 0, 1 and 2 are
// slow, each for a third of it, so that one always is; replica 3 is killed after
// a quarter and is back after a half.
func Faults(length time.Duration) []Fault {
	list := make([]Fault, 0, 2*turns+2)
	for i := range turns {
		begin, end := length*time.Duration(i)/turns, length*time.Duration(i+1)/turns
		list = append(list, Fault{begin, i, slows}, Fault{end, i, recovers})
	}
	list = append(list, Fault{length / 4, killed, kills}, Fault{length / 2, killed, restarts})
	slices.SortStableFunc(list, func(a, b Fault) int { return cmp.Compare(a.At, b.At) })
	return list
}

// Play makes the faults happen, each at start plus its offset, and returns after
// the last or when ctx ends.
func (f *Fleet) Play(ctx context.Context, start time.Time, faults []Fault) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for _, fault := range faults {
		timer.Reset(time.Until(start.Add(fault.At)))
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		}
		if err := f.do(ctx, fault); err != nil {
			return fmt.Errorf("fleet: replica %d at %v: %w", fault.Replica, fault.At, err)
		}
	}
	return nil
}

func (f *Fleet) do(ctx context.Context, fault Fault) error {
	switch fault.action {
	case slows:
		f.Slow(fault.Replica, Slowness)
	case recovers:
		f.Slow(fault.Replica, 0)
	case kills:
		return f.Kill(fault.Replica)
	case restarts:
		return f.Restart(ctx, fault.Replica)
	}
	return nil
}
