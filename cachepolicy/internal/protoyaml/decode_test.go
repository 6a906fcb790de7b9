package protoyaml_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/freshet-io/freshet/cachepolicy/internal/protoyaml"
	freshetv1 "github.com/freshet-io/freshet/proto/freshet/v1"
)

func TestDecode(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"nothing", "", ""},
		{"space and comments", "\n# nothing\n\n", ""},
		{"null document", "--- ~\n", ""},
		{"empty mapping", "{}", ""},
		{"byte order mark", "\ufeffa_bool: true", "a_bool: true"},
		{"JSON null", "null", ""},
		{"proto names and JSON names", "a_bool: true\nanInt32: -5", "a_bool: true an_int32: -5"},
		{"null is unset", "a_bool: null\nall: ~\nalls:\na_duration: null\na_color: null", ""},
		{"presence", "maybe: 0", "maybe: 0"},
		{"bool spellings of YAML 1.2", "a_bool: True", "a_bool: true"},
		{"numbers as text", `{"an_int32": "5", "a_uint64": "18446744073709551615", "a_float": "0.5"}`, "an_int32: 5 a_uint64: 18446744073709551615 a_float: 0.5"},
		{"whole numbers with an exponent", "numbers: [1.0, 1e3, 1.5e1, 100e-2, -0, 0e99999999999]", "numbers: [1, 1000, 15, 1, 0, 0]"},
		{
			"ends of ranges", "an_int32: -2147483648\na_sint64: -9223372036854775808\na_uint32: 4294967295\na_fixed64: 18446744073709551615",
			"an_int32: -2147483648 a_sint64: -9223372036854775808 a_uint32: 4294967295 a_fixed64: 18446744073709551615",
		},
		{"not finite", `{"a_float": "Infinity", "a_double": "-Infinity"}`, "a_float: inf a_double: -inf"},
		{"text", "a_string: yes", `a_string: "yes"`},
		{"quoted text", `a_string: "1"`, `a_string: "1"`},
		{"block text", "a_string: |\n  a\n  b\n", `a_string: "a\nb\n"`},
		{"JSON escapes", `{"a_string": "\ud83d\ude00\/\u00e9\t"}`, `a_string: "😀/é\t"`},
		{"JSON with tabs and colons apart", "{\n\t\"a_string\"\n\t:\t\"a, b: ]}\\\"\"\n}", `a_string: "a, b: ]}\""`},
		{"long JSON name", `{"all": {}, "a_string": "` + strings.Repeat("x", 2000) + `"}`, `all: {} a_string: "` + strings.Repeat("x", 2000) + `"`},
		{"enum", "a_color: RED\ncolors: [DARK_RED, 1, -7]", "a_color: RED colors: [DARK_RED, RED, DARK_RED]"},
		{"flow and block", "all: {all: {a_bool: true}}\nalls:\n- a_string: x\n- {}\n", `all { all { a_bool: true } } alls { a_string: "x" } alls {}`},
		{"empty list", "alls: []", ""},
		{"one of", "left: x\nright: ~", `left: "x"`},
		{"duration", "a_duration: 1.5s", "a_duration { seconds: 1 nanos: 500000000 }"},
		{"negative duration", "a_duration: -1.5s", "a_duration { seconds: -1 nanos: -500000000 }"},
		{"longest duration", "a_duration: 315576000000s", "a_duration { seconds: 315576000000 }"},
		{"Go's durations", "durations: [5m, 250ms, 1h30m, 0]", ""},
		{"duration as fields", "a_duration: {seconds: 60}", "a_duration { seconds: 60 }"},
		{"duration of nothing", "a_duration: {}", "a_duration {}"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := newAll()
			_, faults := protoyaml.Decode([]byte(tt.text), m)
			if tt.name == "Go's durations" {
				tt.want = "durations { seconds: 300 } durations { nanos: 250000000 } durations { seconds: 5400 } durations {}"
				if len(faults) != 1 || faults[0].Path != "durations[3]" {
					t.Errorf("faults %v, want one for durations[3], which has no unit", faults)
				}
			} else if len(faults) > 0 {
				t.Fatalf("faults %v, want none", faults)
			}
			if diff := cmp.Diff(wantAll(t, tt.want), m, protocmp.Transform()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestDecodeResets(t *testing.T) {
	m := &freshetv1.PolicyFile{AllowUnknownMethods: true}
	if _, faults := protoyaml.Decode(nil, m); len(faults) > 0 || m.GetAllowUnknownMethods() {
		t.Errorf("Decode of nothing leaves %v, %v, want an empty message", m, faults)
	}
}

const policies = `# policies of the shop
methods:
- method: /shop.v1.Shop/GetProduct
  policy:
    cache:
      maxAge: 60s
      stale_if_error: 10m
      scope: PUBLIC
      groups:
      - "product:{id}"
      - list
- method: /shop.v1.Shop/UpdateProduct
  policy: {invalidates: {groups: ["product:{product.id}"]}}
`

func TestPositions(t *testing.T) {
	yaml, faults := protoyaml.Decode([]byte(policies), &freshetv1.PolicyFile{})
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	want := protoyaml.Positions{
		"":                                        {2, 1},
		"methods":                                 {2, 1},
		"methods[0]":                              {3, 3},
		"methods[0].method":                       {3, 3},
		"methods[0].policy":                       {4, 3},
		"methods[0].policy.cache":                 {5, 5},
		"methods[0].policy.cache.max_age":         {6, 7},
		"methods[0].policy.cache.stale_if_error":  {7, 7},
		"methods[0].policy.cache.scope":           {8, 7},
		"methods[0].policy.cache.groups":          {9, 7},
		"methods[0].policy.cache.groups[0]":       {10, 9},
		"methods[0].policy.cache.groups[1]":       {11, 9},
		"methods[1]":                              {12, 3},
		"methods[1].method":                       {12, 3},
		"methods[1].policy":                       {13, 3},
		"methods[1].policy.invalidates":           {13, 12},
		"methods[1].policy.invalidates.groups":    {13, 26},
		"methods[1].policy.invalidates.groups[0]": {13, 35},
	}
	if diff := cmp.Diff(want, yaml); diff != "" {
		t.Errorf("YAML (-want +got):\n%s", diff)
	}
	json, faults := protoyaml.Decode([]byte("{\"allowUnknownMethods\": true,\n  \"methods\" : [{ \"policy\":{}},\n\t{\"método\": 1}]}"), &freshetv1.PolicyFile{})
	want = protoyaml.Positions{
		"": {1, 1}, "allow_unknown_methods": {1, 2}, "methods": {2, 3}, "methods[0]": {2, 16}, "methods[0].policy": {2, 18}, "methods[1]": {3, 2},
	}
	if diff := cmp.Diff(want, json); diff != "" {
		t.Errorf("JSON (-want +got):\n%s", diff)
	}
	if len(faults) != 1 || faults[0].Error() != `3:3: methods[1]: unknown field "método" of Entry` {
		t.Errorf("JSON faults %v", faults)
	}
}

func TestDecodeSizeLimit(t *testing.T) {
	longest := strings.Repeat("#", protoyaml.MaxBytes)
	if _, faults := protoyaml.Decode([]byte(longest), newAll()); len(faults) > 0 {
		t.Errorf("%d bytes: %v", len(longest), faults)
	}
	_, faults := protoyaml.Decode([]byte(longest+"#"), newAll())
	if len(faults) != 1 || faults[0].Error() != "1:1: the text must be at most 1048576 bytes, got 1048577" {
		t.Errorf("one byte more: %v", faults)
	}
}

func TestDecodeDepthLimit(t *testing.T) {
	nest := func(open, end string, n int) []byte {
		return []byte(strings.Repeat(open, n) + "{}" + strings.Repeat(end, n))
	}
	for _, tt := range []struct{ name, open, end string }{
		{"YAML", "{all: ", "}"},
		{"JSON", `{"all": `, "}"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, faults := protoyaml.Decode(nest(tt.open, tt.end, protoyaml.MaxDepth), newAll()); len(faults) > 0 {
				t.Errorf("depth %d: %v", protoyaml.MaxDepth, faults)
			}
			for _, n := range []int{protoyaml.MaxDepth + 1, 5000, 20000} {
				_, faults := protoyaml.Decode(nest(tt.open, tt.end, n), newAll())
				if len(faults) != 1 {
					t.Errorf("depth %d: %d faults, want 1", n, len(faults))
				}
			}
		})
	}
}
