// Package file resolves a target to the endpoints that a file lists, and
// follows the file: file:///etc/search/backends.yaml. It is for fleets that a
// deployment tool, a ConfigMap or a person writes down.
//
//	import _ "github.com/freshet-io/freshet/resolver/file"
//
//	conn, err := grpc.NewClient(
//		"file:///etc/search/backends.yaml?interval=2s&authority=search.example",
//		append(balancer.DialOptions(balancer.Config{}),
//			grpc.WithTransportCredentials(credentials.NewTLS(nil)))...,
//	)
//
// The import registers the scheme. Without it gRPC takes the whole target for a
// DNS name. [NewBuilder] with grpc.WithResolvers does without the registration.
//
// # The file
//
// YAML, or JSON, which is read as YAML:
//
//	endpoints:
//	  - addresses: ["10.0.0.1:50051", "[2001:db8::1]:50051"]  # one server, two addresses
//	  - addresses: ["10.0.0.2:50051"]
//	    zone: eu-1a   # optional, as the two below
//	    priority: 1
//	    weight: 300
//
// An endpoint is one server and the addresses at which it can be reached, the
// preferred first (gRFC A61). Their order is kept; that of the endpoints is
// not, they are sorted. An address is host:port, an IPv6 address in brackets
// and therefore in quotes; a host name is looked up by the dialer at each
// connection.
//
// What else is known of an endpoint reaches policies that heed it: its zone, up
// to 128 bytes, and its failover tier, priority, from 0, the default, which is
// used first, to 127 (see package endpoint); and its weight, from 1 to 100,000,
// in gRPC's endpoint attribute. An endpoint without a weight has none, and it is
// for the policy what that means.
//
// At most 1 MiB, 10,000 endpoints and 16 addresses in each. Anything else is a
// fault, and a file with a fault is refused whole: an unknown or repeated
// field, a value of another type, an address that is malformed, empty or listed
// twice, an alias, a second document. All faults are told at once, each with
// line, field and reason.
//
// An empty list is a fault as well. It would fail every call, and it is what a
// tool writes that has lost its own source; a client that knows yesterday's
// servers is better off. To take traffic off one server, take it off the list,
// or let it drain; to stop a client altogether, close its channel.
//
// # Following it
//
// The resolver reads the file every interval (an option: 1s, between 10ms and
// 24h) and compares all its bytes. Reading costs microseconds where the file is
// cached, and sees what notifications miss or tell late: a rename over the
// file, a symbolic link that is turned (a ConfigMap turns the link ..data above
// it), a file system on another machine. ResolveNow asks for an early read,
// which comes within 50 ms; hints in between are one.
//
// Write a new file beside the old one and rename it over: then every read sees
// one list or the other. A file that is written in place can be read half
// written, and half a list may be a list. Against that, a change counts only
// when two reads 50 ms apart (an interval apart, if that is shorter) agree. This
// makes an accident unlikely, it does not exclude it; and the first read, at
// the start, is not delayed.
//
// # When it fails
//
// A file that is missing, empty, unreadable or refused changes nothing: the
// last good list stays. Why is logged once for each distinct fault, with what is
// kept, and the end of a fault is logged too, both by grpclog at the level
// ERROR: the only one it prints unless told otherwise, and a fault whose end
// stayed unseen would be believed to last. Before there is a good list, calls
// are failed with the fault, UNAVAILABLE, or wait for a list if they are
// wait-for-ready. (A channel that has gone idle, after 30 min without calls
// unless told otherwise, closes its resolver, and the list goes with it.)
//
// A list that is the same as before is not published again. Where the policy
// refuses one, it is offered again after 1 s, 2 s, 4 s and so on up to 2 min, or
// when it changes.
//
// # Who the servers are
//
// TLS verifies every server against the channel's authority, and calls carry it
// as :authority: the option authority, or "localhost". The file does not name
// it, since whoever may write the list should not thereby decide whom the
// client trusts. grpc.WithAuthority, and a server name in the transport
// credentials, override the option.
//
// # Guarantees
//
// One goroutine per channel, which Close ends and waits for (and, with it, for
// a read in progress). Each endpoint is in resolver.State.Endpoints;
// State.Addresses holds all addresses in the same order for policies that read
// only that. All functions may be called concurrently.
package file
