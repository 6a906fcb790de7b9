// Package kubernetes resolves a target to the pods of a Service, and follows
// them: kubernetes:///search.shop:grpc. It reads EndpointSlices
// (discovery.k8s.io/v1) over plain HTTP, and needs no Kubernetes library. It is
// for clients that run in the cluster, and for others that may ask its API
// server.
//
//	import _ "github.com/freshet-io/freshet/resolver/kubernetes"
//
//	conn, err := grpc.NewClient("kubernetes:///search.shop:grpc",
//		append(balancer.DialOptions(balancer.Config{}),
//			grpc.WithTransportCredentials(credentials.NewTLS(nil)))...,
//	)
//
// The import registers the scheme. Without it gRPC takes the whole target for a
// DNS name. [NewBuilder] with grpc.WithResolvers does without the registration,
// and takes options for clients outside of a cluster.
//
// A Service's cluster IP balances connections, of which gRPC has one. A headless
// Service in DNS gives the pods, but is asked again only when a connection
// fails, so that new pods get no calls. This resolver is told of each change
// within about a tenth of a second.
//
// # Targets
//
//	kubernetes:///service.namespace:port
//	kubernetes:///service:port                       in the namespace of the client's pod
//	kubernetes:///service.namespace.svc.cluster.local:port
//	kubernetes://namespace/service:port
//
// The port is a name, that of one of the Service's ports, or a number, that of a
// port of the pods: the number of the Service's own port stands in no
// EndpointSlice, and is refused with the ports that do. Without a port the
// Service must have only one. Only TCP ports count, whatever their appProtocol.
//
// The options are authority (what TLS verifies and calls carry as :authority,
// service.namespace.svc if it is not given), hold, terminating and zone, below.
// Everything else is refused, every fault in one sentence, as UNAVAILABLE to the
// first call; [Parse] says it beforehand.
//
// # Rights
//
// The pod's service account must be allowed to read slices in the namespace of
// the Service:
//
//	kind: Role
//	apiVersion: rbac.authorization.k8s.io/v1
//	metadata: {name: endpointslices, namespace: shop}
//	rules:
//	- apiGroups: [discovery.k8s.io]
//	  resources: [endpointslices]
//	  verbs: [get, list, watch]
//
// The address of the API server is that in the environment, the authority and
// the token are those of the service account. Both files are read anew, the
// token after a minute and when it is refused, the authority for each watch.
//
// # Which endpoints
//
// All slices of the Service together: a Service has one for about 100 pods and
// address family. A pod with an IPv4 and an IPv6 address is one endpoint with
// two addresses (gRFC A61), IPv4 first. A pod in two slices, as it is for a
// moment while it moves between them, is one too.
//
//   - A pod that is ready is an endpoint. A condition that is not set reads as
//     ready, as the API has it.
//   - A pod that is terminating and still serving is one only while no other is
//     ready, as with kube-proxy: it is marked as draining
//     ([github.com/freshet-io/freshet/resolver/endpoint.Info]). To leave it out
//     is safe under every policy, since gRPC lets calls in flight end on a
//     connection whose endpoint has gone. terminating=mark lists it always: for
//     a policy that reads the mark, as freshet does, and keeps the connection
//     for what else it carries. The default is terminating=spare.
//   - Others are none.
//
// Each endpoint has the zone of its pod. Hints for zones (topology-aware
// routing, trafficDistribution) restrict the clients of a zone to some of the
// endpoints, which takes from a balancer what it needs when those are hot or
// broken. They are not heeded, unless zone=name tells the client's zone: then
// endpoints hinted for other zones have priority 1, and are used as far as those
// of priority 0 fail. As with kube-proxy that is so only if every endpoint has a
// hint and one is for this zone.
//
// # When nothing is ready
//
// It may be true (a Deployment scaled to zero), or a slip (a label mistyped, a
// readiness probe that asks a dependency which fails for all pods at once). The
// last list is kept for as long as hold says, 1m unless it is given, and
// believed to be gone after that; calls then fail with what was found. hold=0s
// believes at once. What a wrong guess costs is small one way, dialling pods that
// are gone, and an outage the other.
//
// # When it fails
//
// An API server that does not answer, answers nonsense or refuses changes
// nothing: the last good list stays for as long as that lasts. Before there is a
// list, calls fail with the reason, UNAVAILABLE, or wait for one if they are
// wait-for-ready. Requests are repeated after 1 s, 2 s and so on up to 30 s, of
// which half is random, or later if the server says so. The log (grpclog, ERROR)
// tells a failure once it is the third in a row, and its end. A connection that
// breaks and is made again is no news.
//
// What is wrong in one slice or endpoint leaves that one out, and is logged.
//
// # Following
//
// Slices are listed in pages of 100 and then watched from the list's version.
// After a watch has ended, which it does every 5 to 10 min, or broken, the next
// begins where it was; bookmarks keep that place recent. Where the server has
// forgotten it (410 Gone) the slices are listed again, and what was known stays
// until the list is whole. A watch on which nothing has come for 150 s is given
// up; bookmarks come about every minute. At most 64 MiB for a page, 16 MiB for
// an event, 2000 slices.
//
// # Guarantees
//
// Lists are sorted, have no address twice, and are published only when they
// differ from the last; changes within 100 ms are one. A list that the policy
// refuses is offered again after 1 s, 2 s and so on up to 2 min. Two goroutines
// per channel and one connection to the API server, all of which Close ends, in
// the midst of a watch too. (A channel that has gone idle, after 30 min without
// calls unless told otherwise, closes its resolver.) ResolveNow does nothing.
// All functions may be called concurrently.
package kubernetes
