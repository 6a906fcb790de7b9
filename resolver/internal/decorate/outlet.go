package decorate

import (
	"google.golang.org/grpc/resolver"

	"github.com/freshet-io/freshet/resolver/internal/list"
)

// Outlet hands states on to a channel, none twice. It is used by one goroutine
// at a time.
type Outlet struct {
	cc   resolver.ClientConn
	last *resolver.State // what the channel has and accepted, nil if it has to be told
}

// NewOutlet returns an outlet to cc.
func NewOutlet(cc resolver.ClientConn) *Outlet { return &Outlet{cc: cc} }

// Publish hands on s, which is in normal form, and returns what the channel says
// of it. A state that the channel has accepted already is not handed on again,
// unless an error was reported meanwhile; one that it refused is.
func (o *Outlet) Publish(s resolver.State) error {
	if o.last != nil && list.Same(*o.last, s) {
		return nil
	}
	err := o.cc.UpdateState(s)
	o.last = &s
	if err != nil {
		o.last = nil
	}
	return err
}

// Fail reports an error to the channel.
func (o *Outlet) Fail(err error) {
	o.last = nil
	o.cc.ReportError(err)
}
