// Package freshetv1 is the generated Go of policy.proto: the annotation by which
// a service declares how its replies may be reused, and the policy file that
// says the same of services whose proto nobody may edit.
//
//	rpc GetProduct(GetProductRequest) returns (Product) {
//	  option idempotency_level = NO_SIDE_EFFECTS;
//	  option (freshet.v1.policy).cache = {
//	    max_age: {seconds: 60}  scope: PUBLIC  groups: "product:{id}"
//	  };
//	}
//
// Every field is documented in policy.proto, and with its type here. Programs
// seldom use this package: package cachepolicy reads the annotations of all
// linked-in services and compiles them, and refuses those that are impossible.
// Terms are those of RFC 9111 and RFC 9875.
package freshetv1
