package cachepolicy_test

import (
	"errors"
	"fmt"
	"time"

	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/freshet-io/freshet/cachepolicy"
	testv1 "github.com/freshet-io/freshet/proto/freshet/test/v1"
)

func ExampleFromRegistry() {
	set, err := cachepolicy.FromRegistry(protoregistry.GlobalFiles)
	if err != nil {
		fmt.Println(err)
		return
	}
	policy := set.Lookup("/freshet.test.v1.Shop/GetProduct")
	fmt.Println("fresh for", policy.Cache.MaxAge, "and", policy.Cache.StaleIfError, "more when the origin fails")

	groups, err := policy.Cache.Groups.FromRequest(&testv1.GetProductRequest{Id: "7"})
	fmt.Println("in the groups", groups, err)
	// Output:
	// fresh for 1m0s and 10m0s more when the origin fails
	// in the groups [product:7] <nil>
}

func ExampleParse() {
	set, err := cachepolicy.Parse("policy.yaml", []byte(`
methods:
  - method: /freshet.test.v1.Shop/Peek
    policy:
      cache: {max_age: 5s, scope: PUBLIC, groups: ["product:{id}"]}
`))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(set.Methods(), set.Lookup("/freshet.test.v1.Shop/Peek").Cache.MaxAge)
	// Output: [/freshet.test.v1.Shop/Peek] 5s
}

// Every fault is named at once, with its line.
func ExampleParse_faults() {
	_, err := cachepolicy.Parse("policy.yaml", []byte(`
methods:
  - method: /freshet.test.v1.Shop/Peek
    policy:
      cache: {stale_if_error: 5s, groups: ["product:{product}"]}
  - method: /freshet.test.v1.Shop/Touch
    policy:
      cache: {max_age: 5s}
`))
	fmt.Println(err)

	var first *cachepolicy.RuleError
	fmt.Println(errors.As(err, &first), first.Field)
	// Output:
	// cachepolicy: policy.yaml:5: /freshet.test.v1.Shop/Peek: cache.max_age: missing: every rule bounds the age of what it reuses
	// cachepolicy: policy.yaml:5: /freshet.test.v1.Shop/Peek: cache.groups[0]: template "product:{product}": field path "product": freshet.test.v1.PeekRequest has no field "product"
	// cachepolicy: policy.yaml:8: /freshet.test.v1.Shop/Touch: cache: only a method without side effects can be cached: set idempotency_level = NO_SIDE_EFFECTS, or assume_safe in a policy file
	// true cache.max_age
}

func ExampleMerge() {
	annotations, err := cachepolicy.FromRegistry(protoregistry.GlobalFiles)
	if err != nil {
		fmt.Println(err)
		return
	}
	file, err := cachepolicy.Parse("policy.yaml", []byte(`
methods:
  - method: /freshet.test.v1.Shop/GetProduct # an empty policy: not cached
`))
	if err != nil {
		fmt.Println(err)
		return
	}
	set := cachepolicy.Merge(annotations, file)
	fmt.Println(set.Lookup("/freshet.test.v1.Shop/GetProduct").Cache == nil, set.Lookup("/freshet.test.v1.Shop/GetBasket").Cache == nil)
	// Output: true false
}

func ExampleRule_Key() {
	set, err := cachepolicy.FromRegistry(protoregistry.GlobalFiles)
	if err != nil {
		fmt.Println(err)
		return
	}
	rule := set.Lookup("/freshet.test.v1.Shop/ListProducts").Cache // leaves request_id out, and varies by accept-language
	key := func(word, requestID, language string) [32]byte {
		k, err := rule.Key(cachepolicy.KeyInput{
			Target: "dns:///shop", Method: "/freshet.test.v1.Shop/ListProducts",
			Metadata: func(key string) []string { return map[string][]string{"accept-language": {language}}[key] },
			Request:  &testv1.ListProductsRequest{Word: word, RequestId: requestID},
		})
		if err != nil {
			fmt.Println(err)
		}
		return k
	}
	fmt.Println("another request_id:", key("tea", "1", "en") == key("tea", "2", "en"))
	fmt.Println("another word:", key("tea", "1", "en") == key("pot", "1", "en"))
	fmt.Println("another language:", key("tea", "1", "en") == key("tea", "1", "fr"))
	// Output:
	// another request_id: true
	// another word: false
	// another language: false
}

func ExampleRule_Admit() {
	rule := &cachepolicy.Rule{MaxAge: time.Minute, DefaultMaxAge: time.Minute, StaleIfError: time.Hour}
	for _, directives := range []string{"", "max-age=10, stale-if-error=5", "max-age=86400", "no-store"} {
		admission, err := rule.Admit(cachepolicy.Reply{Header: map[string][]string{"cache-control": {directives}}})
		if err != nil {
			fmt.Printf("%q: %v\n", directives, err)
			continue
		}
		fmt.Printf("%q: %v, then %v if the origin fails\n", directives, admission.Lifetime, admission.StaleIfError)
	}
	// Output:
	// "": 1m0s, then 1h0m0s if the origin fails
	// "max-age=10, stale-if-error=5": 10s, then 5s if the origin fails
	// "max-age=86400": 1m0s, then 1h0m0s if the origin fails
	// "no-store": no-store
}

func ExampleDecide() {
	rule := &cachepolicy.Rule{MaxAge: time.Minute, StaleIfError: time.Hour}
	entry := &cachepolicy.Entry{Requested: 0, Terms: cachepolicy.Terms{Lifetime: 10 * time.Second, StaleIfError: 30 * time.Second}}
	names := map[cachepolicy.Verdict]string{cachepolicy.Miss: "miss", cachepolicy.Hit: "hit", cachepolicy.Stale: "stale", cachepolicy.Validate: "validate", cachepolicy.Error: "error"}

	for _, age := range []time.Duration{9 * time.Second, 11 * time.Second, 41 * time.Second} {
		before := cachepolicy.Decide(entry, rule, cachepolicy.NoWish, age, cachepolicy.OriginUntried)
		after := cachepolicy.Decide(entry, rule, cachepolicy.NoWish, age, cachepolicy.OriginFailed)
		fmt.Printf("at %v: %s, and when the origin has failed: %s\n", age, names[before.Verdict], names[after.Verdict])
	}
	// Output:
	// at 9s: hit, and when the origin has failed: hit
	// at 11s: validate, and when the origin has failed: stale
	// at 41s: validate, and when the origin has failed: error
}
