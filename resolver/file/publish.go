package file

import (
	"fmt"
	"slices"
	"time"

	"google.golang.org/grpc/experimental/balancer/weight"
	"google.golang.org/grpc/grpclog"
	"google.golang.org/grpc/resolver"

	"github.com/freshet-io/freshet/resolver/endpoint"
	"github.com/freshet-io/freshet/resolver/internal/target"
)

const (
	firstRetry = time.Second
	maxRetry   = 2 * time.Minute
)

var logger = grpclog.Component("freshet/file")

// publisher hands the channel what the file says, and keeps the last good list
// while it says nothing good. Only the watcher's goroutine uses it.
type publisher struct {
	path  string
	cc    resolver.ClientConn
	list  []entry // the last good list, nil before the first
	fault string  // what is wrong with the file now, as it was told, or ""

	refusals int       // how often in a row the policy has refused list
	retryAt  time.Time // when it is offered again, if refusals > 0
}

// take is told of every reading that counts.
func (p *publisher) take(r reading) {
	list, err := parseList(r.data)
	if r.err != nil {
		err = r.err
	}
	if err != nil {
		p.takeFault(fmt.Errorf("file: %s: %w", target.Quote(p.path), err))
		return
	}
	if p.fault != "" {
		p.fault = ""
		logger.Errorf("file: %s: is good again: %d endpoints", target.Quote(p.path), len(list))
	}
	if slices.EqualFunc(list, p.list, entry.equal) {
		return
	}
	p.list, p.refusals = list, 0
	p.offer()
}

func (p *publisher) takeFault(err error) {
	if err.Error() == p.fault {
		return
	}
	p.fault = err.Error()
	if p.list != nil {
		logger.Errorf("%v; keeping the last good list of %d endpoints", err, len(p.list))
		return
	}
	logger.Errorf("%v; there is no list yet, calls fail", err)
	p.cc.ReportError(err)
}

func (p *publisher) offer() {
	err := p.cc.UpdateState(state(p.list))
	if err == nil {
		p.refusals = 0
		return
	}
	p.refusals++
	wait := retryDelay(p.refusals)
	p.retryAt = time.Now().Add(wait)
	logger.Warningf("file: %s: the balancer refused the list of %d endpoints: %v; offering it again in %v",
		target.Quote(p.path), len(p.list), err, wait)
}

// offerAgain offers a refused list again when that is due. It returns the time
// until it is, or 0 when nothing is refused.
func (p *publisher) offerAgain() time.Duration {
	if p.refusals > 0 && !time.Now().Before(p.retryAt) {
		p.offer()
	}
	if p.refusals == 0 {
		return 0
	}
	return max(time.Until(p.retryAt), time.Nanosecond)
}

// retryDelay doubles from 1 s to 2 min.
func retryDelay(refusals int) time.Duration {
	d := firstRetry
	for range refusals - 1 {
		if d *= 2; d >= maxRetry {
			return maxRetry
		}
	}
	return d
}

func state(list []entry) resolver.State {
	s := resolver.State{Endpoints: make([]resolver.Endpoint, len(list))}
	for i, entry := range list {
		var e resolver.Endpoint
		for _, a := range entry.addresses {
			e.Addresses = append(e.Addresses, resolver.Address{Addr: a})
		}
		e = endpoint.Set(e, entry.info)
		if entry.weight > 0 {
			e = weight.Set(e, weight.EndpointInfo{Weight: entry.weight})
		}
		s.Endpoints[i] = e
		s.Addresses = append(s.Addresses, e.Addresses...)
	}
	return s
}
