package dns

import (
	"fmt"

	"google.golang.org/grpc/grpclog"
	"google.golang.org/grpc/resolver"

	"github.com/freshet-io/freshet/resolver/internal/decorate"
	"github.com/freshet-io/freshet/resolver/internal/fault"
	"github.com/freshet-io/freshet/resolver/internal/list"
	"github.com/freshet-io/freshet/resolver/internal/target"
)

var logger = grpclog.Component("freshet/dns")

// publisher hands the channel what lookups come to, and keeps the last good list
// while they come to nothing. Only the poller's goroutine uses it.
type publisher struct {
	target Target
	cc     resolver.ClientConn
	outlet *decorate.Outlet
	state  *resolver.State // the last good list, nil before the first
	news   fault.News
}

// take is told of every lookup, and reports whether all is well: otherwise the
// next one shall come soon.
func (p *publisher) take(a answer) bool {
	err := a.err
	if len(a.servers) == 0 && err == nil && !p.target.DropEmpty {
		err = fmt.Errorf("%s: no addresses", p.target.Host)
	}
	if len(a.servers) > 0 || err == nil {
		s := list.With(resolver.State{}, endpoints(a.servers))
		p.state = &s
	}
	p.log(err)
	if p.state == nil {
		p.cc.ReportError(fmt.Errorf("dns: %w", err))
		return false
	}
	refused := p.outlet.Publish(*p.state)
	if refused != nil {
		logger.Warningf("dns: %s: the balancer refused the list of %d endpoints: %v", target.Quote(p.target.Host), len(p.state.Endpoints), refused)
	}
	return err == nil && refused == nil
}

func (p *publisher) log(err error) {
	switch {
	case err == nil && p.news.End():
		logger.Errorf("dns: %s: is good again: %d endpoints", target.Quote(p.target.Host), len(p.state.Endpoints))
	case err == nil || !p.news.Tell(err.Error()):
	case p.state == nil:
		logger.Errorf("dns: %v; there is no list yet, calls fail", err)
	default:
		logger.Errorf("dns: %v; the list has %d endpoints", err, len(p.state.Endpoints))
	}
}
