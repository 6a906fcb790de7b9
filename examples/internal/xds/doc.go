// Package xds shows that the policy freshet works where an xDS control plane
// chooses it: as a custom policy in a cluster's load_balancing_policy (gRFC A52),
// with its configuration as the Struct in a TypedStruct.
//
//	load_balancing_policy:
//	  policies:
//	  - typed_extension_config:
//	      name: freshet
//	      typed_config:
//	        "@type": type.googleapis.com/xds.type.v3.TypedStruct
//	        type_url: type.googleapis.com/freshet
//	        value: { poolSize: 8 }
//
// gRPC takes what follows the last slash of type_url for the policy's name, and
// skips policies that are not registered. All there is, is the test: a control
// plane in the process, real servers, and a channel with an xds target.
package xds
