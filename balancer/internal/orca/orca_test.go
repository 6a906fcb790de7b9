package orca_test

import (
	"fmt"
	"math"
	"testing"

	orcapb "github.com/cncf/xds/go/xds/data/orca/v3"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"github.com/freshet-io/freshet/balancer/internal/orca"
)

func TestDecode(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for _, tt := range []struct {
		name string
		in   any
		want orca.Load
		ok   bool
	}{
		{"nothing", nil, orca.Load{}, false},
		{"something else", 0.5, orca.Load{}, false},
		{"no message", (*orcapb.OrcaLoadReport)(nil), orca.Load{}, false},
		{"empty", &orcapb.OrcaLoadReport{}, orca.Load{}, false},
		{"cpu", &orcapb.OrcaLoadReport{CpuUtilization: 0.5, RpsFractional: 100, Eps: 1}, orca.Load{Utilization: 0.5, QPS: 100, EPS: 1}, true},
		{
			"application before cpu", &orcapb.OrcaLoadReport{CpuUtilization: 0.5, ApplicationUtilization: 0.25, RpsFractional: 100},
			orca.Load{Utilization: 0.25, QPS: 100},
			true,
		},
		{"over the soft limit", &orcapb.OrcaLoadReport{ApplicationUtilization: 1.5, RpsFractional: 1}, orca.Load{Utilization: 1.5, QPS: 1}, true},
		{"without qps", &orcapb.OrcaLoadReport{CpuUtilization: 0.5}, orca.Load{Utilization: 0.5}, true},
		{"the deprecated rps is not read", &orcapb.OrcaLoadReport{CpuUtilization: 0.5, Rps: 7}, orca.Load{Utilization: 0.5}, true}, //nolint:staticcheck // deprecated, and sent by some
		{"named metrics are not read", &orcapb.OrcaLoadReport{NamedMetrics: map[string]float64{"cpu": 0.5}}, orca.Load{}, false},
		{"only memory", &orcapb.OrcaLoadReport{MemUtilization: 0.5, RpsFractional: 1}, orca.Load{}, false},
		{"at the limits", &orcapb.OrcaLoadReport{CpuUtilization: 1000, RpsFractional: 1e9, Eps: 1e9}, orca.Load{Utilization: 1000, QPS: 1e9, EPS: 1e9}, true},
		{"utilization over the limit", &orcapb.OrcaLoadReport{CpuUtilization: 1000.1}, orca.Load{}, false},
		{"qps over the limit", &orcapb.OrcaLoadReport{CpuUtilization: 1, RpsFractional: 1.1e9}, orca.Load{}, false},
		{"negative cpu", &orcapb.OrcaLoadReport{CpuUtilization: -0.5, ApplicationUtilization: 1}, orca.Load{}, false},
		{"negative application", &orcapb.OrcaLoadReport{CpuUtilization: 0.5, ApplicationUtilization: -1}, orca.Load{}, false},
		{"negative qps", &orcapb.OrcaLoadReport{CpuUtilization: 0.5, RpsFractional: -1}, orca.Load{}, false},
		{"negative eps", &orcapb.OrcaLoadReport{CpuUtilization: 0.5, Eps: -1}, orca.Load{}, false},
		{"utilization is no number", &orcapb.OrcaLoadReport{CpuUtilization: nan}, orca.Load{}, false},
		{"qps is no number", &orcapb.OrcaLoadReport{CpuUtilization: 1, RpsFractional: nan}, orca.Load{}, false},
		{"eps is no number", &orcapb.OrcaLoadReport{CpuUtilization: 1, Eps: nan}, orca.Load{}, false},
		{"infinite", &orcapb.OrcaLoadReport{ApplicationUtilization: inf}, orca.Load{}, false},
		{"next to nothing", &orcapb.OrcaLoadReport{CpuUtilization: 5e-324, RpsFractional: 1}, orca.Load{}, false},
		{"next to no qps", &orcapb.OrcaLoadReport{CpuUtilization: 1, RpsFractional: 5e-324}, orca.Load{Utilization: 1}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got, ok := orca.Decode(tt.in); got != tt.want || ok != tt.ok {
				t.Errorf("Decode(%v) = %+v, %v; want %+v, %v", tt.in, got, ok, tt.want, tt.ok)
			}
		})
	}
}

func TestCost(t *testing.T) {
	for _, tt := range []struct {
		name string
		load orca.Load
		want float64
	}{
		{"half busy at 100/s", orca.Load{Utilization: 0.5, QPS: 100}, 0.005},
		{"twice as many make it half", orca.Load{Utilization: 0.5, QPS: 200}, 0.0025},
		{"one in ten fails", orca.Load{Utilization: 0.5, QPS: 100, EPS: 10}, 0.006},
		{"more errors than requests", orca.Load{Utilization: 0.5, QPS: 100, EPS: 1000}, 0.015},
		{"qps unknown", orca.Load{Utilization: 0.5, EPS: 1}, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.load.Cost(); math.Abs(got-tt.want) > 1e-12 {
				t.Errorf("Cost of %+v = %v, want %v", tt.load, got, tt.want)
			}
		})
	}
}

// The cost orders servers as the weights of A58 do, the other way round.
func TestCostIsInverseWeight(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		load := func(name string) orca.Load {
			return orca.Load{
				Utilization: rapid.Float64Range(0.01, 2).Draw(t, name+" utilization"),
				QPS:         rapid.Float64Range(1, 1e5).Draw(t, name+" qps"),
			}
		}
		a, b := load("a"), load("b")
		if weightA, weightB := a.QPS/a.Utilization, b.QPS/b.Utilization; weightA > weightB*(1+1e-9) && a.Cost() >= b.Cost() {
			t.Fatalf("%+v has weight %v and cost %v, %+v has %v and %v", a, weightA, a.Cost(), b, weightB, b.Cost())
		}
	})
}

func TestDecodeDoesNotAllocate(t *testing.T) {
	var in any = &orcapb.OrcaLoadReport{CpuUtilization: 0.5, RpsFractional: 100}
	if got := testing.AllocsPerRun(100, func() { _, _ = orca.Decode(in) }); got != 0 {
		t.Errorf("Decode makes %v allocations, want 0", got)
	}
}

func FuzzDecode(f *testing.F) {
	for _, seed := range []*orcapb.OrcaLoadReport{
		{},
		{CpuUtilization: 0.5, RpsFractional: 100, Eps: 1},
		{ApplicationUtilization: math.NaN()},
		{CpuUtilization: -1},
		{CpuUtilization: 5e-324, RpsFractional: 5e-324},
		{ApplicationUtilization: 1000, RpsFractional: 1e9, Eps: 1e9},
		{CpuUtilization: 1, NamedMetrics: map[string]float64{"x": 1}},
	} {
		b, err := proto.Marshal(seed)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		in := new(orcapb.OrcaLoadReport)
		if proto.Unmarshal(b, in) != nil {
			return
		}
		l, ok := orca.Decode(in)
		if !ok {
			if l != (orca.Load{}) {
				t.Fatalf("Decode(%v) refuses and returns %+v", in, l)
			}
			return
		}
		cost := l.Cost()
		if !(l.Utilization > 0 && l.Utilization <= orca.MaxUtilization && l.QPS >= 0 && l.QPS <= orca.MaxRate && l.EPS >= 0 && l.EPS <= orca.MaxRate) {
			t.Fatalf("Decode(%v) = %+v, over the limits", in, l)
		}
		if math.IsNaN(cost) || math.IsInf(cost, 0) || cost < 0 || (cost == 0) != (l.QPS == 0) {
			t.Fatalf("Decode(%v) = %+v, which costs %v", in, l, cost)
		}
	})
}

func ExampleDecode() {
	var serverLoad any = &orcapb.OrcaLoadReport{CpuUtilization: 0.5, RpsFractional: 100}
	load, ok := orca.Decode(serverLoad)
	fmt.Println(ok, load.Utilization, load.QPS, load.Cost())
	// Output: true 0.5 100 0.005
}
