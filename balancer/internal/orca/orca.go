// Package orca reads the load reports of servers that know ORCA (gRFC A51) and
// nothing of freshet, and turns them into numbers that a picker can compare.
//
//	if load, ok := orca.Decode(info.ServerLoad); ok { // of balancer.DoneInfo
//		cost := load.Cost() // of one request, to weigh against that of other servers
//	}
//
// # What is read
//
// As in gRFC A58: application_utilization if it is set, or else cpu_utilization;
// rps_fractional; eps. Named metrics and the utilization of single resources are
// left out: what they mean is known only to whoever runs the server.
//
// # How a utilization becomes a cost
//
// A utilization alone says how busy a server is, not what one more request would
// add: of two servers at 50 % the one that serves twice as many requests takes
// half as long for each. A58 therefore weighs a server by
//
//	weight = qps / (utilization + eps/qps x penalty)
//
// Its inverse, [Load.Cost], is the share of the server that one request per
// second takes. It stands where a service time would stand, up to a factor that
// is the same for all servers which define utilization alike: with the fleet's
// mean cost as the unit, cost x (calls in flight + 1) ranks servers as an
// expected time does. It is fit to compare the servers of one fleet, and nothing
// else. Where few requests are served it says little, since what the machine
// does besides is divided among them; a picker should bound how much better than
// the mean it believes a server to be.
//
// # What is not believed
//
// A report with a number that is not finite, negative, or over [MaxUtilization] or
// [MaxRate] is dropped as a whole, as one without any utilization is. Dropping is
// all that happens: no call fails because of a report.
package orca

import (
	orcapb "github.com/cncf/xds/go/xds/data/orca/v3"
)

const (
	// MaxUtilization is the largest utilization that is believed. ORCA lets that of
	// the CPU and of the application exceed 1, the soft limit.
	MaxUtilization = 1000
	// MaxRate is the largest number of requests or of errors per second that is
	// believed.
	MaxRate = 1e9
)

// errorPenalty is the utilization that a server is charged for failing each of
// its requests: A58's default of error_utilization_penalty.
const errorPenalty = 1

// Load is what a server says of itself.
type Load struct {
	// Utilization is the load in units of what the server can take, over 0 and at
	// most MaxUtilization.
	Utilization float64
	// QPS is requests served per second; 0 means that it is not known.
	QPS float64
	// EPS is errors per second.
	EPS float64
}

// Decode reads a report as gRPC hands it to a picker: an OrcaLoadReport, by
// reference, in an interface. It reports false if there is none, if
// it holds no utilization, or if it is not believed. It does not allocate.
func Decode(v any) (Load, bool) {
	r, ok := v.(*orcapb.OrcaLoadReport)
	if !ok || r == nil {
		return Load{}, false
	}
	app, cpu, qps, eps := r.GetApplicationUtilization(), r.GetCpuUtilization(), r.GetRpsFractional(), r.GetEps()
	if !within(app, MaxUtilization) || !within(cpu, MaxUtilization) || !within(qps, MaxRate) || !within(eps, MaxRate) {
		return Load{}, false
	}
	l := Load{Utilization: app, QPS: qps, EPS: eps}
	if app == 0 {
		l.Utilization = cpu
	}
	// Below the smallest normal number there is no load but only trouble for
	// whoever divides by it.
	if l.Utilization < smallest {
		return Load{}, false
	}
	if l.QPS < smallest {
		l.QPS = 0
	}
	return l, true
}

// smallest is the least utilization and rate that is not taken for 0: with it
// and the limits above a cost is finite and positive.
const smallest = 1e-9

// within is false for NaN, too.
func within(x, limit float64) bool { return x >= 0 && x <= limit }

// Cost is the share of the server that one request per second takes, errors
// included, in seconds; 0 means that it is not known, because QPS is not. More
// errors than requests count as all requests failing.
func (l Load) Cost() float64 {
	if l.QPS == 0 {
		return 0
	}
	return (l.Utilization + errorPenalty*min(l.EPS/l.QPS, 1)) / l.QPS
}
