package origin

import (
	"errors"

	"google.golang.org/protobuf/proto"

	"github.com/freshet-io/freshet/cachepolicy"
)

var (
	errNotProto = errors.New("origin: a message is not a protobuf message")
	// errLostReply says that a write may have made groups untrue that only the
	// reply that did not come could name.
	errLostReply = errors.New("origin: the reply that names groups is lost")
)

// naming names the groups of one call by its method's templates. It takes from
// the request what it needs when the request is there, since whoever has it next
// may change it.
type naming struct {
	templates *cachepolicy.Groups // nil: there are none
	streamed  bool                // the requests are: templates take no field of them

	seen    bool
	groups  []string // that the request alone names
	request proto.Message
	err     error
}

// see takes the request in.
func (n *naming) see(req any) {
	if n.templates == nil {
		return
	}
	n.seen = true
	m, ok := req.(proto.Message)
	if !ok {
		n.err = errNotProto
		return
	}
	if n.templates.NeedsResponse() {
		n.request = proto.Clone(m)
	}
	n.groups, n.err = n.templates.FromRequest(m)
}

// fromRequest returns the groups that the request alone names. Of a request that
// was never seen, these are those of templates without a field of it.
func (n *naming) fromRequest() ([]string, error) {
	if n.templates != nil && !n.seen {
		return n.templates.FromRequest(nil)
	}
	return n.groups, n.err
}

// all returns the groups that request and reply name.
func (n *naming) all(reply any) ([]string, error) {
	groups, err := n.fromRequest()
	if err != nil || !n.templates.NeedsResponse() {
		return groups, err
	}
	m, ok := reply.(proto.Message)
	if !ok {
		return nil, errNotProto
	}
	return n.templates.Expand(n.request, m)
}

// inDoubt returns the groups of a write that may have taken effect and whose
// reply is lost: those that the request names. The error is [errLostReply] where
// the reply would have named more. What no request has asked for has no effect.
func (n *naming) inDoubt() ([]string, error) {
	if !n.seen && !n.streamed {
		return nil, nil
	}
	groups, err := n.fromRequest()
	if err == nil && n.templates.NeedsResponse() {
		err = errLostReply
	}
	return groups, err
}
