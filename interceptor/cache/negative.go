package cache

import (
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/freshet-io/freshet/cachepolicy"
)

// fillError decides what becomes of an error: it is kept if the rule says so, and
// if it says for good that there is no such reply, what is stored goes.
func (c *call) fillError(fl *flight, o *origin) {
	res := &fl.result
	c.cache.flight.settle(fl)
	code := status.Code(res.err)
	if !res.served() {
		return // made on this side, it says nothing of the origin's data
	}
	admission, err := c.rule.AdmitError(uint32(code), cachepolicy.Reply{Request: o.req, Header: res.header, Trailer: res.trailer})
	if err != nil {
		if !fl.alone && c.outdates(code) {
			c.drop(fl, o)
		}
		return
	}
	if res.body, err = encoded(status.Convert(res.err).Proto()); err != nil {
		return
	}
	res.negative = true
	c.accept(fl, &admission)
	if res.detail = c.unstorable(fl); res.detail != "" {
		c.drop(fl, o)
		return
	}
	c.keep(fl, o, fl.entry())
}

// outdates reports whether an error tells that the stored reply is not the most
// recent answer any more. Under PUBLIC what the origin thinks of one caller's
// identity says nothing of the reply.
func (c *call) outdates(code codes.Code) bool {
	switch code {
	case codes.Unauthenticated, codes.PermissionDenied:
		return c.rule.Scope != cachepolicy.Public
	}
	return cachepolicy.DefiniteFailure(uint32(code))
}

// served reports whether a server has made this result: then there is metadata of
// its.
func (r *flightResult) served() bool { return len(r.header)+len(r.trailer) > 0 }

// storedError is the error that an entry holds.
func (e *entry) storedError() (error, bool) {
	var s spb.Status
	if proto.Unmarshal(e.body, &s) != nil || s.GetCode() == 0 {
		return nil, false
	}
	return status.FromProto(&s).Err(), true
}
