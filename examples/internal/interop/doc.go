// Package interop holds no code but a test: gRPC's own interop client cases, run
// through a channel with freshet's cache, balancer and resolver in place.
package interop
