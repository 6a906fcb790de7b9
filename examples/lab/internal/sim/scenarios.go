package sim

import (
	"fmt"
	"time"
)

// Scenarios returns all, in the order in which tables show them.
func Scenarios() []Scenario {
	all := []Scenario{
		quick(standard("100x100, 75 %", 100, 100, 0.75)),
		quick(standard("100x100, 90 %", 100, 100, 0.90)),
		standard("100x100, 95 %", 100, 100, 0.95),
		standard("100x10, 75 %", 100, 10, 0.75),
		standard("100x10, 90 %", 100, 10, 0.90),
		standard("100x1000, 75 %", 100, 1000, 0.75),
		standard("100x1000, 90 %", 100, 1000, 0.90),
		quick(standard("16x20, 75 %", 16, 20, 0.75)),
		standard("16x20, 90 %", 16, 20, 0.90),
	}
	for _, servers := range []int{4, 16, 100} {
		all = append(all, with(standard(fmt.Sprintf("%dx1, 75 %%", servers), servers, 1, 0.75), func(s *Scenario) {
			// So that there are enough calls where there are few servers.
			s.Window *= time.Duration(max(1, 32/servers))
		}))
	}
	for _, s := range []struct {
		name             string
		servers, clients int
		load             float64
	}{
		{"equal servers, 16x20, 20 %", 16, 20, 0.2},
		{"equal servers, 16x20, 50 %", 16, 20, 0.5},
		{"equal servers, 16x1, 30 %", 16, 1, 0.3},
		{"equal servers, 100x100, 30 %", 100, 100, 0.3},
		{"equal servers, 100x100, 75 %", 100, 100, 0.75},
	} {
		all = append(all, with(standard(s.name, s.servers, s.clients, s.load), func(s *Scenario) {
			s.Slower, s.Antagonists = 1, 0
		}))
	}
	main := standard("", 100, 100, 0.75)
	return append(append(all,
		with(main, func(s *Scenario) { s.Name, s.Slower = "half 4 x slower, 75 %", 4 }),
		with(main, func(s *Scenario) { s.Name, s.Sigma = "sigma 1.5, 75 %", 1.5 }),
		with(main, func(s *Scenario) {
			s.Name, s.Mean = "mean 2 ms, 75 %", 2*time.Millisecond
			s.Window = 10 * time.Second // of ten times as many calls
		}),
		with(main, func(s *Scenario) { s.Name, s.Sharing = "shared cores, 75 %", true }),
		with(main, func(s *Scenario) { s.Name, s.Sharing, s.Load = "shared cores, 90 %", true, 0.9 }),
	), troubles()...)
}

// troubles are scenarios in which something happens to servers.
func troubles() []Scenario {
	// Watched, from a second after it begins, is one of the fast servers without antagonist.
	const watched = 42
	trouble := func(name string, c Change) Scenario {
		return with(quick(standard(name, 100, 100, 0.75)), func(s *Scenario) {
			c.At, c.Server = s.Warmup-time.Second, watched
			s.Watch, s.Changes = watched, []Change{c}
			s.Window = 10 * time.Second
		})
	}
	return []Scenario{
		trouble("one of 100 lies", Change{Kind: Lie, By: 1000}),
		trouble("one of 100 fails in 0.1 ms", Change{Kind: Fail, Took: 100 * time.Microsecond}),
		trouble("one of 100 fails slowly", Change{Kind: Fail}),
		restart("rolling restart, GOAWAY", Leave),
		restart("rolling restart, kill", Kill),
		with(restart("rolling restart, kill, no retry", Kill), func(s *Scenario) { s.Retries = 0 }),
		arrival(),
	}
}

// restart restarts ten of 20 servers, one every 3 s. Each is away for 2 s. By GOAWAY it says before
// for 1 s that it drains.
func restart(name string, how Kind) Scenario {
	s := standard(name, 20, 20, 0.5)
	s.Retries = 1
	for k := range 10 {
		at := s.Warmup + time.Duration(3*k)*time.Second
		if how == Leave {
			s.Changes = append(s.Changes, Change{At: at, Server: 2 * k, Kind: Drain})
			at += time.Second
		}
		s.Changes = append(s.Changes,
			Change{At: at, Server: 2 * k, Kind: how},
			Change{At: at + 2*time.Second, Server: 2 * k, Kind: Return})
	}
	return s
}

// arrival has ten servers that nobody knows join 90.
func arrival() Scenario {
	s := standard("ten servers join 90", 100, 100, 0.6)
	for k := range 10 {
		s.Changes = append(s.Changes, Change{Server: 10*k + 5, Kind: Leave})
	}
	for k := range 10 {
		s.Changes = append(s.Changes, Change{At: s.Warmup, Server: 10*k + 5, Kind: Arrive})
	}
	s.Watch = 15
	return s
}

// quick puts a scenario into the short run.
func quick(s Scenario) Scenario {
	s.Quick = true
	return s
}

func with(s Scenario, change func(*Scenario)) Scenario {
	change(&s)
	return s
}
