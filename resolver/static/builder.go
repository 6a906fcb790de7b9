package static

import (
	"google.golang.org/grpc/resolver"

	"github.com/freshet-io/freshet/resolver/internal/target"
)

func init() {
	resolver.Register(builder{})
}

// NewBuilder returns the builder that importing this package registers, for
// grpc.WithResolvers. It also implements [resolver.AuthorityOverrider].
func NewBuilder() resolver.Builder { return builder{} }

type builder struct{}

func (builder) Scheme() string { return Scheme }

// Build publishes the target's list before it returns. What UpdateState answers
// is of no use here: "If a resolver is certain that reresolving will not change
// the result […] returned errors can be ignored" ([resolver.ClientConn]).
func (b builder) Build(rt resolver.Target, cc resolver.ClientConn, opts resolver.BuildOptions) (resolver.Resolver, error) {
	t, err := parse(rt.URL)
	if err != nil {
		return nil, err
	}
	// A channel whose authority is not the one of this target was given it by
	// a dial option or by its credentials. Names of single addresses would
	// override that of the credentials.
	ownNames := !t.Shared && opts.Authority == t.Authority
	_ = cc.UpdateState(state(t, ownNames))
	return fixed{}, nil
}

// OverrideAuthority returns the authority option, or the first address as
// written. For a target that Build refuses it is "localhost", of which no call
// makes use.
func (builder) OverrideAuthority(rt resolver.Target) string {
	t, err := parse(rt.URL)
	if err != nil {
		return "localhost"
	}
	return t.Authority
}

func state(t Target, ownNames bool) resolver.State {
	s := resolver.State{
		Addresses: make([]resolver.Address, len(t.Addresses)),
		Endpoints: make([]resolver.Endpoint, len(t.Addresses)),
	}
	for i, a := range t.Addresses {
		address := resolver.Address{Addr: a}
		if ownNames {
			address.ServerName = target.AuthorityOf(a)
		}
		s.Addresses[i] = address
		s.Endpoints[i] = resolver.Endpoint{Addresses: []resolver.Address{address}}
	}
	return s
}

// fixed is the resolver of a list that does not change.
type fixed struct{}

func (fixed) ResolveNow(resolver.ResolveNowOptions) {}

func (fixed) Close() {}
