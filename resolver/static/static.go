// Package static resolves a target that lists its endpoints:
// static:///host:port,host:port. It is for fleets that are known when the
// client starts, and for tests, where a name service would be a detour.
//
//	import _ "github.com/freshet-io/freshet/resolver/static"
//
//	conn, err := grpc.NewClient(
//		"static:///10.0.0.1:50051,10.0.0.2:50051?authority=search.example",
//		append(balancer.DialOptions(balancer.Config{}),
//			grpc.WithTransportCredentials(credentials.NewTLS(nil)))...,
//	)
//
// The import registers the scheme. Without it gRPC takes the whole target for a
// DNS name. [NewBuilder] with grpc.WithResolvers does without the registration.
//
// # Targets
//
// An address is host:port; an IPv6 address stands in brackets. A host name is
// handed to the dialer as it is written, and looked up at each connection, but
// all its addresses remain one endpoint: where the addresses behind a name are
// the endpoints, use gRPC's dns scheme. Addresses that occur twice count once,
// also in two spellings of an IP address, and the list is sorted, so that two
// orders of one fleet are the same state to a balancer; a cache goes by the
// target as written. (A policy that takes the first address, such as pick_first,
// thus takes the first in the alphabet, not the first as written.)
// Percent-encoding is decoded (RFC 3986, section 2.1).
// "static:host:port,…", without slashes, is the same target.
//
// The only option is authority. Everything else is refused, every fault in one
// sentence: an empty list, an address without a port, an unknown option, a
// value where RFC 3986 has the authority ("static://a:1" for "static:///a:1").
// gRPC builds resolvers lazily, so that a bad target is answered by the first
// call, as UNAVAILABLE with that sentence; [Parse] says it beforehand. What
// net/url cannot parse at all never gets here: gRPC takes it for a DNS name.
//
// # Who the servers are
//
// Every server is verified and addressed as what the target calls it: TLS
// checks the certificate of a.example:443 against a.example, and its calls
// carry :authority a.example:443, as they would on a channel of its own. The
// list may be trusted with that because the program wrote it. Where all
// servers share one name, as replicas at IP addresses mostly do, the option
// authority names it for all. grpc.WithAuthority, and a server name in the
// transport credentials, override both.
//
// The channel has one authority too, of which per-call credentials and other
// resolvers make use: the option's, or the first address as written. Behind an
// HTTP proxy gRPC forgets names of single addresses, and every server is
// verified against the channel's.
//
// # Guarantees
//
// A target resolves once, within Build: there is no goroutine, and asking again
// changes nothing. Each address is one endpoint in resolver.State.Endpoints;
// State.Addresses holds the same list for policies that read only that. All
// functions may be called concurrently.
package static

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/freshet-io/freshet/resolver/internal/target"
)

// Scheme is the scheme of the targets that this package resolves.
const Scheme = "static"

// Target is what a static target says.
type Target struct {
	// Addresses are the endpoints: host:port, sorted, each once. There is at
	// least one.
	Addresses []string
	// Authority is the authority of the channel: that of the option, or the
	// first address as written. Shared says that it came from the option, and
	// is every server's name.
	Authority string
	Shared    bool
}

// Parse returns what a target says, or one error with all its faults: the one
// that calls on a channel with that target would get. It resolves no name and
// dials nothing.
func Parse(s string) (Target, error) {
	u, err := url.Parse(s)
	if err != nil {
		return Target{}, fmt.Errorf("static: target: %w", err)
	}
	return parse(*u)
}

func parse(u url.URL) (Target, error) {
	var faults target.Faults
	subject := "static: target " + target.Quote(u.String())
	read := target.Read(u, Scheme, &faults)
	t := Target{Authority: read.Authority, Shared: read.Authority != ""}
	if read.Path == "" {
		faults.Addf("the list is empty, want %s:///host:port,host:port", Scheme)
		return Target{}, faults.Err(subject)
	}
	for i, s := range strings.Split(read.Path, ",") {
		address, err := target.Address(s)
		if err != nil {
			faults.Addf("address %d, %s: %w", i+1, target.Quote(s), err)
			continue
		}
		if t.Authority == "" {
			t.Authority = target.AuthorityOf(address)
		}
		t.Addresses = append(t.Addresses, address)
	}
	if err := faults.Err(subject); err != nil {
		return Target{}, err
	}
	slices.Sort(t.Addresses)
	t.Addresses = slices.Compact(t.Addresses)
	return t, nil
}
