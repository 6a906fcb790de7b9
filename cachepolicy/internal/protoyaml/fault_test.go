package protoyaml_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/freshet-io/freshet/cachepolicy/internal/protoyaml"
)

func TestFaults(t *testing.T) {
	const wantDuration = `want a duration such as "60s", "1.5s", "250ms" or "5m", got `
	for _, tt := range []struct {
		name, text string
		want       []string
	}{
		{"unknown field", "a_bol: true", []string{`1:1: unknown field "a_bol" of All, did you mean "a_bool"?`}},
		{"unknown field of another spelling", "all: {ABool: true}", []string{`1:7: all: unknown field "ABool" of All, did you mean "a_bool"?`}},
		{"unknown field like no other", "zzzzzz: true", []string{`1:1: unknown field "zzzzzz" of All`}},
		{"unknown and empty", `"": 1`, []string{`1:1: unknown field "" of All`}},
		{"long unknown field", strings.Repeat("x", 100) + ": 1", []string{`1:1: unknown field "` + strings.Repeat("x", 60) + `…" of All`}},
		{"extension", `"[a.b]": 1`, []string{`1:1: unknown field "[a.b]" of All`}},
		{"field set twice", "a_bool: true\na_bool: true", []string{"2:1: a_bool: set twice, first on line 1"}},
		{"field set under both names", `{"a_bool": null, "aBool": true}`, []string{"1:18: a_bool: set twice, first on line 1"}},
		{"one of", "left: a\nright: b", []string{"2:8: right: left is set already: of side only one field can be"}},
		{"name is no text", "? [a]\n: 1", []string{"1:3: a field name must be plain text, got a list"}},
		{"list at the top", "[1]", []string{"1:1: want the fields of All as a mapping, got a list"}},
		{"text at the top", "hello", []string{`1:1: want the fields of All as a mapping, got the text "hello"`}},
		{"text for a message", "all: x", []string{`1:6: all: want the fields of All as a mapping, got the text "x"`}},
		{"scalar for a list", "numbers: 1", []string{`1:10: numbers: want a list, got the number 1: write it as [ … ] or as lines that begin with "- "`}},
		{"mapping for a list", "alls: {}", []string{`1:7: alls: want a list, got a mapping: write it as [ … ] or as lines that begin with "- "`}},
		{"null in a list", "numbers: [1, null, x]", []string{
			"1:14: numbers[1]: an element of a list cannot be null",
			`1:20: numbers[2]: want a whole number from -2147483648 to 2147483647 in decimal, got the text "x"`,
		}},
		{"number for text", "a_string: 1.50", []string{"1:11: a_string: want text, got the number 1.50: put it in quotes"}},
		{"bool for text", "a_string: true", []string{"1:11: a_string: want text, got true: put it in quotes"}},
		{"date for text", "a_string: 2026-01-01", []string{"1:11: a_string: want text, got the timestamp 2026-01-01: put it in quotes"}},
		{"list for text", "a_string: [a]", []string{"1:11: a_string: want text, got a list"}},
		{"yes for a bool", "a_bool: yes", []string{`1:9: a_bool: want true or false, got the text "yes"`}},
		{"number for a bool", "a_bool: 1", []string{"1:9: a_bool: want true or false, got the number 1"}},
		{"quoted bool", `a_bool: "true"`, []string{`1:9: a_bool: want true or false, got the text "true"`}},
		{"too large", "a_uint32: 4294967296", []string{"1:11: a_uint32: want a whole number from 0 to 4294967295 in decimal, got the number 4294967296"}},
		{"negative", "a_uint64: -1", []string{"1:11: a_uint64: want a whole number from 0 to 18446744073709551615 in decimal, got the number -1"}},
		{"fraction", "an_int32: 1.5", []string{"1:11: an_int32: want a whole number from -2147483648 to 2147483647 in decimal, got the number 1.5"}},
		{"huge exponent", "an_int32: 1e999999999", []string{"1:11: an_int32: want a whole number from -2147483648 to 2147483647 in decimal, got the text \"1e999999999\""}},
		{"huger exponent", "an_int32: 1e99999999999999999999", []string{`1:11: an_int32: want a whole number from -2147483648 to 2147483647 in decimal, got the text "1e99999999999999999999"`}},
		{"octal", "an_int32: 017", []string{"1:11: an_int32: want a whole number from -2147483648 to 2147483647 in decimal, got the number 017"}},
		{"hexadecimal", "a_float: 0x1F", []string{"1:10: a_float: want a number, got the number 0x1F"}},
		{"float out of range", "a_float: 1e39", []string{"1:10: a_float: want a number of 32 bits, got the number 1e39"}},
		{"double out of range", "a_double: 1e309", []string{"1:11: a_double: want a number of 64 bits, got the text \"1e309\""}},
		{"YAML's infinity", "a_double: .inf", []string{"1:11: a_double: want a number, got the number .inf"}},
		{"unknown enum name", "a_color: RAD", []string{`1:10: a_color: want one of NONE, RED, DARK_RED, got the text "RAD", did you mean "RED"?`}},
		{"unknown enum number", "a_color: 7", []string{"1:10: a_color: want one of NONE, RED, DARK_RED, got the number 7"}},
		{"mapping for an enum", "a_color: {}", []string{"1:10: a_color: want one of NONE, RED, DARK_RED, got a mapping"}},
		{"duration without a unit", "a_duration: 60", []string{"1:13: a_duration: " + wantDuration + "the number 60: write the unit"}},
		{"quoted duration without a unit", `a_duration: "60"`, []string{"1:13: a_duration: " + wantDuration + `the text "60"`}},
		{"no duration", "a_duration: soon", []string{"1:13: a_duration: " + wantDuration + `the text "soon"`}},
		{"bool for a duration", "a_duration: true", []string{"1:13: a_duration: " + wantDuration + "true"}},
		{"list for a duration", "a_duration: [1s]", []string{"1:13: a_duration: " + wantDuration + "a list"}},
		{"duration too long", "a_duration: 315576000001s", []string{"1:13: a_duration: " + wantDuration + `the text "315576000001s"`}},
		{"duration of two signs", "a_duration: {seconds: 1, nanos: -1}", []string{
			"1:13: a_duration: want at most 315576000000 seconds either way, and less than 10^9 nanos of the same sign, got 1 and -1",
		}},
		{"duration of other fields", "a_duration: {minutes: 1}", []string{`1:14: a_duration: unknown field "minutes" of Duration`}},
		{"bytes", "some_bytes: aGk=", []string{"1:13: some_bytes: bytes are not supported"}},
		{"map", "a_map: {a: b}", []string{"1:8: a_map: maps are not supported"}},
		{"Any", "an_any: {}", []string{"1:9: an_any: the type google.protobuf.Any is not supported"}},
		{"Timestamp", "a_time: x", []string{"1:9: a_time: the type google.protobuf.Timestamp is not supported"}},
		{"Struct", "a_struct: {}", []string{"1:11: a_struct: the type google.protobuf.Struct is not supported"}},
		{"wrapper", "wrapped: 1", []string{"1:10: wrapped: the type google.protobuf.Int32Value is not supported"}},
		{"anchor and alias", "left: &l x\na_string: *l", []string{
			`1:7: anchor "l": anchors are not supported`, `2:11: alias "l": aliases are not supported, write the value out`,
		}},
		{"alias for each type", "x: &l x\nall: *l\nalls: *l\na_bool: *l\na_duration: *l\n*l : 1", []string{
			`1:1: unknown field "x" of All`, `1:4: anchor "l": anchors are not supported`,
			`2:6: alias "l": aliases are not supported, write the value out`, `3:7: alias "l": aliases are not supported, write the value out`,
			`4:9: alias "l": aliases are not supported, write the value out`, `5:13: alias "l": aliases are not supported, write the value out`,
			`6:1: alias "l": aliases are not supported, write the value out`,
		}},
		{"merge key", "all:\n  <<: {a_bool: true}", []string{"2:3: merge key: merging is not supported, write the fields out"}},
		{"tag", "a_string: !!str 1", []string{`1:11: tag "!!str": tags are not supported`}},
		{"own tag", "a_string: !env HOME", []string{`1:11: tag "!env": tags are not supported`, "1:11: a_string: want text, got the !env HOME: put it in quotes"}},
		{"two documents", "a_bool: true\n---\na_bool: false", []string{"2:1: want one document, found a second"}},
		{"syntax", "a_bool: true\nall: {", []string{"2:1: syntax: did not find expected node content"}},
		{"syntax of a second document", "a_bool: true\n---\n{", []string{"3:1: syntax: did not find expected node content"}},
		{"tab", "all:\n\ta_bool: true", []string{"2:1: syntax: found character that cannot start any token"}},
		{"not UTF-8", "a_bool: true\nleft: \xff", []string{"2:7: not UTF-8: byte 0xff"}},
		{"NUL", "a_bool:\x00", []string{"1:8: control character U+0000"}},
		{"alias of nothing", "zzzzzz: 1\nall: *x\n", []string{"1:1: syntax: unknown anchor 'x' referenced"}},
		{"all at once, in the order of the text", "zzzzzz: 1\na_string: &x 5\nall: {b: 1, a_bool: no}\n", []string{
			`1:1: unknown field "zzzzzz" of All`, `2:11: anchor "x": anchors are not supported`, "2:11: a_string: want text, got the number 5: put it in quotes",
			`3:7: all: unknown field "b" of All`, `3:21: all.a_bool: want true or false, got the text "no"`,
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, faults := protoyaml.Decode([]byte(tt.text), newAll())
			got := make([]string, len(faults))
			for i, f := range faults {
				got[i] = f.Error()
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("faults of %.60q (-want +got):\n%s", tt.text, diff)
			}
		})
	}
}
