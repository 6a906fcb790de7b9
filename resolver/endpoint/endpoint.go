// Package endpoint says about one endpoint what a resolver knows and a balancer
// wants to know: where it is, in which failover tier it stands, and whether it
// is about to leave.
//
//	e := resolver.Endpoint{Addresses: []resolver.Address{{Addr: "10.0.0.1:50051"}}}
//	e = endpoint.Set(e, endpoint.Info{Zone: "eu-1a", Priority: 1})
//	e = weight.Set(e, weight.EndpointInfo{Weight: 300}) // gRPC's own
//
//	if info := endpoint.Get(e); !info.Draining && info.Zone == own {
//		…
//	}
//
// What is said travels in resolver.Endpoint.Attributes, under a key of this
// package, so that it passes through any resolver or balancer in between and
// means nothing to one that does not know it. A weight has a place in gRPC:
// google.golang.org/grpc/experimental/balancer/weight.
//
// Behind an HTTP proxy gRPC makes its endpoints anew and forgets their attributes,
// weights included; grpc.WithNoProxy or a grpc.WithContextDialer keeps them.
//
// # Guarantees
//
// Attributes are immutable: every function that sets something returns a copy
// of the endpoint and leaves the one it was given as it was. Values are
// comparable, so that two states are equal exactly if they say the same, and an
// endpoint of which nothing is said has no attribute at all. (Once something is
// said it can be changed but not taken away, since gRPC's attributes have no
// deletion: a second [Set] with the zero Info leaves an attribute that says
// nothing, which gRPC holds to be different from no attribute. Resolvers build
// their endpoints anew, so that this does not concern them.)
//
// All functions may be called concurrently.
package endpoint

import "google.golang.org/grpc/resolver"

// Info is what a resolver may know of an endpoint. The zero value is that of
// an endpoint of which nothing is known.
type Info struct {
	// Zone is the name of the place whose loss the endpoint shares and within
	// which traffic is cheap, such as "eu-central-1a". It is compared byte by
	// byte with the client's own. The default "" is an unknown zone.
	Zone string
	// Priority is the failover tier, as in xDS: 0, the default, is used first,
	// and a higher one only as far as those before it cannot take the traffic.
	// A negative one counts as 0.
	Priority int
	// Draining says that the endpoint still answers and is about to leave, as
	// a Kubernetes endpoint that is serving and terminating: it gets no new
	// calls while another can take them. The default is false.
	Draining bool
}

// key is the key of the one attribute; its value is an Info.
type key struct{}

// Get returns what is known of e, and the zero Info when nothing was set.
func Get(e resolver.Endpoint) Info {
	info, _ := e.Attributes.Value(key{}).(Info)
	return info
}

// Set returns a copy of e of which info is known, and nothing else of what this
// package holds.
func Set(e resolver.Endpoint, info Info) resolver.Endpoint {
	info.Priority = max(info.Priority, 0)
	if Get(e) != info {
		e.Attributes = e.Attributes.WithValue(key{}, info)
	}
	return e
}

// Zone returns the zone of e, "" when it is unknown. See [Info].
func Zone(e resolver.Endpoint) string { return Get(e).Zone }

// SetZone returns a copy of e in the given zone.
func SetZone(e resolver.Endpoint, zone string) resolver.Endpoint {
	info := Get(e)
	info.Zone = zone
	return Set(e, info)
}

// Priority returns the failover tier of e, 0 when it was not set. See [Info].
func Priority(e resolver.Endpoint) int { return Get(e).Priority }

// SetPriority returns a copy of e in the given failover tier; a negative one
// counts as 0.
func SetPriority(e resolver.Endpoint, priority int) resolver.Endpoint {
	info := Get(e)
	info.Priority = priority
	return Set(e, info)
}

// Draining reports whether e is about to leave. See [Info].
func Draining(e resolver.Endpoint) bool { return Get(e).Draining }

// SetDraining returns a copy of e that is about to leave, or is not.
func SetDraining(e resolver.Endpoint, draining bool) resolver.Endpoint {
	info := Get(e)
	info.Draining = draining
	return Set(e, info)
}
