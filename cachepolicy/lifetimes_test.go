package cachepolicy_test

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/freshet-io/freshet/cachepolicy"
	"github.com/freshet-io/freshet/cachepolicy/wire"
	freshetv1 "github.com/freshet-io/freshet/proto/freshet/v1"
)

// compiled returns the rule of a safe method of odd.v1.Odd with these fields.
func compiled(t *testing.T, fields string) *cachepolicy.Rule {
	t.Helper()
	set, err := cachepolicy.FromRegistry(odd(t, rpc{name: "M", level: safe, policy: "cache { max_age { seconds: 60 } " + fields + " }"}))
	if err != nil {
		t.Fatal(err)
	}
	return set.Lookup("/odd.v1.Odd/M").Cache
}

// TestEveryFieldCounts goes by the schema, so that a field that is added there is
// either compiled or noticed here.
func TestEveryFieldCounts(t *testing.T) {
	values := map[protoreflect.Name]string{
		"vary": `"a"`, "key_exclude": `"v_string"`, "groups": `"g"`, "strip": `"a"`, "negative_codes": `"OUT_OF_RANGE"`,
		"scope": "PUBLIC", "prefer": "LATENCY", "batch": `{ ids: "l_string" items: "inners" item_id: "name" }`,
	}
	needs := map[protoreflect.Name]string{
		"negative_codes": "negative_max_age { seconds: 1 }", "soft_timeout": "stale_if_error { seconds: 1 }",
	}
	elsewhere := map[protoreflect.Name]bool{
		"max_age":     true, // is in every rule
		"assume_safe": true, // makes the policy safe, in policy files
		"batch":       true, // has tests of its own
	}
	fields := (&freshetv1.CacheRule{}).ProtoReflect().Descriptor().Fields()
	for i := range fields.Len() {
		fd := fields.Get(i)
		if elsewhere[fd.Name()] {
			continue
		}
		value, ok := values[fd.Name()]
		switch {
		case ok:
		case fd.Message() != nil:
			value = "{ seconds: 1 }"
		case fd.Kind() == protoreflect.FloatKind:
			value = "0.5"
		case fd.Kind() == protoreflect.BoolKind:
			value = "true"
		default:
			value = "1"
		}
		t.Run(string(fd.Name()), func(t *testing.T) {
			need := needs[fd.Name()]
			without, with := compiled(t, need), compiled(t, fmt.Sprintf("%s %s: %s", need, fd.Name(), value))
			if reflect.DeepEqual(without, with) {
				t.Errorf("%s: %s changes nothing", fd.Name(), value)
			}
		})
	}
}

func TestPrefer(t *testing.T) {
	const minute = time.Minute
	none := wire.Optional[time.Duration]{}
	for _, tt := range []struct {
		fields          string
		swr, sie, eager float64 // the durations in minutes
		unsynced        wire.Optional[time.Duration]
	}{
		{"", 0, 0, 0, none},
		{"prefer: LATENCY", 1, 10, 0.8, none},
		{"prefer: LATENCY eager_refresh: 0", 1, 10, 0, none},
		{"prefer: LATENCY eager_refresh: 0.25 stale_while_revalidate {} stale_if_error { seconds: 120 }", 0, 2, 0.25, none},
		{"prefer: FRESHNESS", 0, 1, 0, none},
		{"prefer: FRESHNESS stale_if_error {}", 0, 0, 0, none},
		{"prefer: CONSISTENCY", 0, 0, 0, wire.Some(time.Duration(0))},
		{"prefer: CONSISTENCY unsynced_max_age { seconds: 60 }", 0, 0, 0, wire.Some(minute)},
	} {
		t.Run(tt.fields, func(t *testing.T) {
			r := compiled(t, tt.fields)
			got := []any{r.StaleWhileRevalidate.Minutes(), r.StaleIfError.Minutes(), r.EagerRefresh, r.UnsyncedMaxAge == tt.unsynced}
			near := float64(float32(tt.eager)) // the schema's float
			if tt.eager == 0.8 {
				near = 0.8 // the preset's
			}
			diff(t, "stale_while_revalidate, stale_if_error, eager_refresh, unsynced_max_age", got, []any{tt.swr, tt.sie, near, true})
		})
	}
}

func TestLifetimeRefusals(t *testing.T) {
	for _, tt := range []struct{ fields, want string }{
		{"prefer: 9", "cache.prefer: want LATENCY, FRESHNESS or CONSISTENCY, got 9"},
		{"unsynced_max_age { seconds: 61 }", "cache.unsynced_max_age: must be at most max_age (1m0s), got 1m1s"},
		{"stale_while_revalidate { seconds: -1 }", "cache.stale_while_revalidate: must be between 0s and 2147483648s, got -1s 0ns"},
		{"soft_timeout { seconds: 1 }", "cache.soft_timeout: needs stale_if_error, which grants the reply that is served then, got 1s without it"},
		{"eager_refresh: 1", "cache.eager_refresh: must be at least 0 and less than 1, got 1"},
		{"eager_refresh: -0.5", "cache.eager_refresh: must be at least 0 and less than 1, got -0.5"},
		{"eager_refresh: nan", "cache.eager_refresh: must be at least 0 and less than 1, got NaN"},
		{"jitter: 1.5", "cache.jitter: must be at least 0 and less than 1, got 1.5"},
		{"negative_max_age { seconds: 61 }", "cache.negative_max_age: must be at most max_age (1m0s), got 1m1s"},
		{`negative_codes: "NOT_FOUND"`, "cache.negative_codes: needs negative_max_age, the lifetime of a cached error"},
		{`negative_max_age { seconds: 1 } negative_codes: "UNAVAILABLE"`, `cache.negative_codes[0]: want INVALID_ARGUMENT, NOT_FOUND, ALREADY_EXISTS, FAILED_PRECONDITION, OUT_OF_RANGE or UNIMPLEMENTED, got "UNAVAILABLE": other errors pass, or are the caller's own`},
		{`negative_max_age { seconds: 1 } negative_codes: ["NOT_FOUND", "NOT_FOUND"]`, `cache.negative_codes[1]: "NOT_FOUND" stands here twice`},
		{`negative_max_age { seconds: 1 } groups: "{response.v_string}"`, "cache.negative_max_age: needs a group that the request alone names: an error would be in none of the rule's groups, and no invalidation would reach it"},
	} {
		t.Run(tt.fields, func(t *testing.T) {
			_, err := cachepolicy.FromRegistry(odd(t, rpc{name: "M", level: safe, policy: "cache { max_age { seconds: 60 } " + tt.fields + " }"}))
			diff(t, "faults", texts(t, err), []string{"odd.proto: /odd.v1.Odd/M: " + tt.want})
		})
	}
}

// TestShorten: a lifetime is only ever shortened, by at most the rule's fraction.
func TestShorten(t *testing.T) {
	r := compiled(t, "jitter: 0.25")
	for _, tt := range []struct {
		u    float64
		want time.Duration
	}{{0, 100 * time.Second}, {0.5, 87500 * time.Millisecond}, {1, 75 * time.Second}} {
		if got := r.Shorten(100*time.Second, tt.u); got != tt.want {
			t.Errorf("Shorten(100s, %v) = %v, want %v", tt.u, got, tt.want)
		}
	}
	if got := compiled(t, "").Shorten(time.Minute, 0.9); got != time.Minute {
		t.Errorf("without jitter: got %v, want 1m0s", got)
	}
}
