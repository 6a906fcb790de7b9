// Package cachepolicy holds the rules of response caching as pure functions: what a method's
// replies may be reused for, what identifies a request, what groups a reply
// belongs to, and the one decision whether stored data may be used now. It does
// no I/O, starts no goroutine, reads no clock, and knows nothing of gRPC.
//
//	set, err := cachepolicy.FromRegistry(protoregistry.GlobalFiles) // annotations
//	file, err := cachepolicy.Parse("policy.yaml", data)             // for protos nobody may edit
//	set = cachepolicy.Merge(set, file)                              // the file wins
//	policy := set.Lookup("/shop.v1.Catalog/GetProduct")
//	key, err := policy.Cache.Key(cachepolicy.KeyInput{ … })
//	admission, err := policy.Cache.Admit(cachepolicy.Reply{ … })
//	d := cachepolicy.Decide(&entry, policy.Cache, cachepolicy.NoWish, now, cachepolicy.OriginUntried)
//
// # Declaring
//
// A method says in its proto how its replies may be reused:
//
//	rpc GetProduct(GetProductRequest) returns (Product) {
//	  option idempotency_level = NO_SIDE_EFFECTS;
//	  option (freshet.v1.policy).cache = {
//	    max_age: {seconds: 60}  scope: PUBLIC  groups: "product:{id}"
//	  };
//	}
//	rpc UpdateProduct(UpdateProductRequest) returns (Product) {
//	  option (freshet.v1.policy).invalidates = { groups: "product:{product.id}" };
//	}
//
// or a policy file says it for a service whose proto nobody may edit:
//
//	methods:
//	  - method: /shop.v1.Catalog/GetProduct
//	    policy:
//	      cache: {max_age: 60s, scope: PUBLIC, groups: ["product:{id}"], assume_safe: true}
//
// Both are compiled once, and what cannot be honoured is refused then: an
// unknown field path, a streaming method, a method with side effects, a window
// without a bound. Each [RuleError] names file, method, field and reason, and
// all are reported at once. Fields that this version of the schema does not know are refused
// too: a rule is a promise.
//
// # Deciding
//
// [Decide] is the only place that allows reuse:
//
//	fresh = age < min(lifetime the reply was stored under, max_age)
//	stale = age < that lifetime + the window that applies:
//	        stale_while_revalidate, while a new one is fetched in the background
//	        stale_if_error, when the origin has failed or does not answer in time
//	        stale_if_overloaded, while the origin has more to do than it can
//	     or age <= that lifetime + the call's max-stale, and age < max_age
//
// The lifetime is what the server said by cache-control, as far as max_age
// allows, or default_max_age if it said nothing ([Rule.Admit]). There is no
// heuristic freshness. A server may shorten a window, or close all of them by must-revalidate; it grants
// none. So nothing is ever reused that is older than max_age plus the longest window of its rule.
//
// While no invalidation log is being heard, unsynced_max_age takes the place of max_age. An error
// is kept under negative_max_age, without windows ([Rule.AdmitError]). After a soft invalidation a reply is stale,
// and its windows count from the start of its fetch.
//
// The field prefer is a preset of these: LATENCY sets stale_while_revalidate to max_age, stale_if_error to
// ten times that and eager_refresh to 0.8; FRESHNESS sets stale_if_error to max_age; CONSISTENCY
// sets unsynced_max_age to 0. Fields that a rule sets itself win.
//
// # Groups
//
// A group (RFC 9875; elsewhere a tag or surrogate key) names what a reply shows,
// so that a write can say what it made untrue. Templates take fields of the
// request, and with a leading "response." of the reply: a number is decimal, a
// bool true or false, an enum its value's name, bytes unpadded base64url, an
// unset field empty. A field without presence is unset when it is zero, as
// protobuf has it; an element of a list, and a field that is declared optional,
// is not, so a read by {id} and a write by {response.ids} do not meet at zero.
//
// Through a list there is one group for each element, through an empty one none,
// and through several one for each combination. A reply is in at most 128 groups
// of 256 bytes; over that it is not kept.
//
// A field that is left out of the key cannot be in a template: one entry would
// answer for several groups.
//
// Everything here is safe for concurrent use.
package cachepolicy
