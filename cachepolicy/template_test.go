package cachepolicy_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/freshet-io/freshet/cachepolicy"
	testv1 "github.com/freshet-io/freshet/proto/freshet/test/v1"
)

// compileGroups compiles templates as those of a rule of odd.v1.Odd/Read.
func compileGroups(t testing.TB, reg *protoregistry.Files, templates ...string) (*cachepolicy.Groups, error) {
	t.Helper()
	set, err := cachepolicy.ParseFor(reg, "g.json", groupsFile(t, templates...))
	if err != nil {
		return nil, err
	}
	return set.Lookup("/odd.v1.Odd/Read").Cache.Groups, nil
}

func groupsFile(t testing.TB, templates ...string) []byte {
	t.Helper()
	file, err := json.Marshal(map[string]any{"methods": []any{map[string]any{
		"method": "/odd.v1.Odd/Read",
		"policy": map[string]any{"cache": map[string]any{"maxAge": "1s", "assumeSafe": true, "groups": templates}},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func mustGroups(t testing.TB, reg *protoregistry.Files, templates ...string) *cachepolicy.Groups {
	t.Helper()
	g, err := compileGroups(t, reg, templates...)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// scalarTexts are values of every kind and how a group has them.
var scalarTexts = []struct{ kind, value, want string }{
	{"double", "1.5", "1.5"},
	{"double", "-0.1", "-0.1"},
	{"double", "1e21", "1000000000000000000000"},
	{"double", "1e-7", "0.0000001"},
	{"double", "100", "100"},
	{"double", "inf", "+Inf"},
	{"double", "nan", "NaN"},
	{"float", "0.1", "0.1"},
	{"float", "16777216", "16777216"},
	{"int64", "-9223372036854775808", "-9223372036854775808"},
	{"uint64", "18446744073709551615", "18446744073709551615"},
	{"int32", "-1", "-1"},
	{"fixed64", "18446744073709551615", "18446744073709551615"},
	{"fixed32", "4294967295", "4294967295"},
	{"bool", "true", "true"},
	{"string", `"a b"`, "a b"},
	{"string", `"{\"\u00e4}"`, `{"ä}`},
	{"bytes", `"\377\376\375"`, "__79"},
	{"bytes", `"\000"`, "AA"},
	{"uint32", "4294967295", "4294967295"},
	{"sfixed32", "-2147483648", "-2147483648"},
	{"sfixed64", "-1", "-1"},
	{"sint32", "2147483647", "2147483647"},
	{"sint64", "-2", "-2"},
	{"enum", "RED", "RED"},
	{"enum", "7", "7"},
}

// zeroTexts are how a group has a zero that is there: an element of a list, or
// an optional field.
var zeroTexts = map[string]string{
	"double": "0", "float": "0", "int64": "0", "uint64": "0", "int32": "0", "fixed64": "0", "fixed32": "0", "bool": "false", "string": "",
	"bytes": "", "uint32": "0", "sfixed32": "0", "sfixed64": "0", "sint32": "0", "sint64": "0", "enum": "COLOR_UNSPECIFIED",
}

func TestTemplateOfEveryKind(t *testing.T) {
	reg := oddMethods(t)
	for _, tt := range scalarTexts {
		m := oddMessage(t, reg, fmt.Sprintf("v_%[1]s: %[2]s o_%[1]s: %[2]s l_%[1]s: [%[2]s]", tt.kind, tt.value))
		got, err := mustGroups(t, reg, "v:{v_"+tt.kind+"}", "o:{o_"+tt.kind+"}", "l:{l_"+tt.kind+"}").Expand(m, nil)
		if err != nil {
			t.Fatal(err)
		}
		diff(t, tt.kind+" "+tt.value, got, []string{"v:" + tt.want, "o:" + tt.want, "l:" + tt.want})
	}
	for _, kind := range scalars {
		zero := zeroTexts[kind]
		literal := zero
		if kind == "string" || kind == "bytes" {
			literal = `""`
		}
		g := mustGroups(t, reg, "v:{v_"+kind+"}", "o:{o_"+kind+"}", "l:{l_"+kind+"}")
		got, err := g.Expand(oddMessage(t, reg, fmt.Sprintf("v_%[1]s: %[2]s o_%[1]s: %[2]s l_%[1]s: [%[2]s]", kind, literal)), nil)
		if err != nil {
			t.Fatal(err)
		}
		diff(t, kind+" of zero", got, []string{"v:", "o:" + zero, "l:" + zero})
		if got, err = g.Expand(oddMessage(t, reg, ""), nil); err != nil {
			t.Fatal(err)
		}
		diff(t, kind+" unset", got, []string{"v:", "o:"})
	}
}

func TestTemplateExpansion(t *testing.T) {
	reg := oddMethods(t)
	for _, tt := range []struct {
		name      string
		templates []string
		req, resp string
		want      []string
	}{
		{"no template", nil, "", "", nil},
		{"text", []string{"a", "ä\n", " "}, "", "", []string{"a", "ä\n", " "}},
		{"braces", []string{"{{", "}}", "{{}}", "{{{{", "a{{b}}c", "{{{v_string}}}", "{{v_string}}"}, `v_string: "x"`, "", []string{"{", "}", "{}", "{{", "a{b}c", "{x}", "{v_string}"}},
		{"text and fields", []string{"{v_string}", "a:{v_string}:b:{v_int32}:c", "{v_string}{v_int32}"}, `v_string: "x" v_int32: 3`, "", []string{"x", "a:x:b:3:c", "x3"}},
		{"values are not templates", []string{"{v_string}"}, `v_string: "{v_int32}}}"`, "", []string{"{v_int32}}}"}},
		{"unset messages", []string{"a:{inner.name}", "b:{inner.inner.inner.name}", "c:{inner.words}", "d:{inners.name}"}, "", "", []string{"a:", "b:"}},
		{"within messages", []string{"{inner.inner.name}"}, `inner { inner { name: "deep" } }`, "", []string{"deep"}},
		{"a oneof", []string{"{either}:{or}"}, `or: 0`, "", []string{":0"}},
		{"a list", []string{"{l_int32}"}, `l_int32: [3, 1, 2]`, "", []string{"3", "1", "2"}},
		{"a list of messages", []string{"{inners.name}"}, `inners { name: "a" } inners {} inners { name: "b" }`, "", []string{"a", "", "b"}},
		{"lists within lists", []string{"{inners.inners.words}"}, `inners { inners { words: ["a", "b"] } inners {} } inners {} inners { inners { words: "c" } }`, "", []string{"a", "b", "c"}},
		{"a list through a message", []string{"{inner.inners.inner.name}"}, `inner { inners { inner { name: "x" } } inners {} }`, "", []string{"x", ""}},
		{"combinations", []string{"{l_int32}-{l_bool}-{v_string}"}, `l_int32: [1, 2] l_bool: [false, true] v_string: "s"`, "", []string{"1-false-s", "1-true-s", "2-false-s", "2-true-s"}},
		{"combinations with an empty list", []string{"{l_int32}-{l_bool}", "{l_bool}-{l_int32}"}, `l_int32: [1, 2]`, "", []string{}},
		{"each once", []string{"{l_int32}", "1", "{v_int32}", "{l_int32}{l_string}"}, `l_int32: [1, 2, 1, 12] v_int32: 2 l_string: ["", "2"]`, "", []string{"1", "2", "12", "22", "122"}},
		{"request and reply", []string{"{v_string}/{response.v_string}", "{response.inner.name}", "{response.l_int32}"}, `v_string: "q"`, `v_string: "r" inner { name: "n" } l_int32: [1, 2]`, []string{"q/r", "n", "1", "2"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := mustGroups(t, reg, tt.templates...).Expand(oddMessage(t, reg, tt.req), oddMessage(t, reg, tt.resp))
			if err != nil {
				t.Fatal(err)
			}
			diff(t, "groups", got, tt.want)
		})
	}
}

func TestGroupsFromRequest(t *testing.T) {
	reg := oddMethods(t)
	g := mustGroups(t, reg, "all", "q:{v_int32}", "r:{response.v_int32}", "{v_int32}/{response.v_int32}")
	req := oddMessage(t, reg, "v_int32: 1")
	got, err := g.FromRequest(req)
	diff(t, "from the request", got, []string{"all", "q:1"})
	if err != nil || !g.NeedsResponse() {
		t.Errorf("got %v, and needs the reply %v; want no error, and true", err, g.NeedsResponse())
	}
	if got, err := g.Expand(req, nil); err == nil || got != nil {
		t.Errorf("without the reply: got %q and %v, want an error", got, err)
	}
	if got, err := mustGroups(t, reg, "all", "q:{v_int32}").Expand(nil, req); err == nil || got != nil {
		t.Errorf("without the request: got %q and %v, want an error", got, err)
	}
	if got, err := mustGroups(t, reg, "all").Expand(nil, nil); err != nil || !slices.Equal(got, []string{"all"}) {
		t.Errorf("text alone: got %q and %v, want [all]", got, err)
	}
	if mustGroups(t, reg, "all").NeedsResponse() {
		t.Error("text alone needs the reply")
	}
	var none *cachepolicy.Groups
	if got, err := none.Expand(req, req); got != nil || err != nil || none.NeedsResponse() {
		t.Errorf("nil Groups: got %q and %v, want nothing", got, err)
	}
}

// TestResponseIsTheReply: also where the request has a field of that name.
func TestResponseIsTheReply(t *testing.T) {
	reg := oddMethods(t)
	if _, err := compileGroups(t, reg, "{response.name}"); err == nil {
		t.Error("{response.name}: got no error, want one that the reply has no such field")
	}
	if _, err := compileGroups(t, reg, "{response.response.name}"); err != nil {
		t.Errorf("{response.response.name}: %v", err)
	}
}

// TestGroupsOfOtherMessages: the message of another registry is taken as what it
// is, and another message is refused.
func TestGroupsOfOtherMessages(t *testing.T) {
	const file = `
methods:
- {method: /freshet.test.v1.Shop/UpdateProduct, policy: {invalidates: {groups: ["{product.id}:{product.kind}:{product.parts.parts.count}"]}}}`
	other := copyOfTestSchema(t)
	const text = `product { id: "1" kind: KIND_TOY parts { parts { count: 1 } parts { count: 2 } } }`
	want := []string{"1:KIND_TOY:1", "1:KIND_TOY:2"}
	foreign := message(t, other, "freshet.test.v1.UpdateProductRequest", text)
	own := &testv1.UpdateProductRequest{Product: &testv1.Product{Id: "1", Kind: testv1.Kind_KIND_TOY, Parts: []*testv1.Product_Part{{Parts: []*testv1.Product_Part{{Count: 1}, {Count: 2}}}}}}
	for name, reg := range map[string]*protoregistry.Files{"linked in": protoregistry.GlobalFiles, "a copy": other} {
		g := mustParse(t, reg, file).Lookup(testv1.Shop_UpdateProduct_FullMethodName).Invalidates
		for _, m := range []proto.Message{foreign, own} {
			got, err := g.Expand(m, nil)
			if err != nil {
				t.Fatalf("compiled against %s: %v", name, err)
			}
			diff(t, "groups, compiled against "+name, got, want)
		}
		for _, m := range []proto.Message{&testv1.GetProductRequest{}, &testv1.CreateProductResponse{Product: own.Product}, message(t, other, "freshet.test.v1.Product", `id: "1"`)} {
			if got, err := g.Expand(m, nil); err == nil || got != nil || errors.Is(err, cachepolicy.ErrGroupLimit) {
				t.Errorf("a %s: got %q and %v, want an error that it is not the request", m.ProtoReflect().Descriptor().FullName(), got, err)
			}
		}
	}
}

func TestGroupLimits(t *testing.T) {
	reg := oddMethods(t)
	numbers := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "l_int32: %d l_int64: %d ", i, i)
		}
		return b.String()
	}
	for _, tt := range []struct {
		name      string
		templates []string
		req       string
		want      int // -1: ErrGroupLimit
	}{
		{"128 of one list", []string{"{l_int32}"}, numbers(128), 128},
		{"129 of one list", []string{"{l_int32}"}, numbers(129), -1},
		{"129 of two templates", []string{"a:{l_int32}", "b"}, numbers(128), -1},
		{"128 of two templates, one of them twice", []string{"{l_int32}", "5"}, numbers(128), 128},
		{"a long list of one value", []string{"{l_bool}"}, strings.Repeat("l_bool: true ", 10_000), 1},
		{"121 combinations", []string{"{l_int32}/{l_int64}"}, numbers(11), 121},
		{"144 combinations", []string{"{l_int32}/{l_int64}"}, numbers(12), -1},
		{"very many combinations", []string{"{l_int32}{l_int64}{l_int32}{l_int64}{l_int32}{l_int64}"}, numbers(20_000), -1},
		{"very many combinations with nothing", []string{"{l_int32}{l_int64}{l_int32}{l_int64}{l_string}"}, numbers(20_000), 0},
		{"very many combinations of one text", []string{strings.Repeat("{l_string}", 25)}, strings.Repeat(`l_string: "" `, 100), 1},
		{"very many combinations of few texts", []string{strings.Repeat("{l_string}", 40)}, `l_string: "" l_string: "x" l_string: "xx"`, -1},
		{"256 bytes", []string{"ab{v_string}"}, fmt.Sprintf("v_string: %q", strings.Repeat("x", 254)), 1},
		{"257 bytes", []string{"ab{v_string}"}, fmt.Sprintf("v_string: %q", strings.Repeat("x", 255)), -1},
		{"256 bytes of 128 characters", []string{"{v_string}"}, fmt.Sprintf("v_string: %q", strings.Repeat("ä", 128)), 1},
		{"258 bytes of 129 characters", []string{"{v_string}"}, fmt.Sprintf("v_string: %q", strings.Repeat("ä", 129)), -1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := mustGroups(t, reg, tt.templates...).Expand(oddMessage(t, reg, tt.req), nil)
			switch {
			case tt.want < 0 && (!errors.Is(err, cachepolicy.ErrGroupLimit) || got != nil):
				t.Errorf("got %d groups and %v, want none and ErrGroupLimit", len(got), err)
			case tt.want >= 0 && (err != nil || len(got) != tt.want):
				t.Errorf("got %d groups and %v, want %d", len(got), err, tt.want)
			}
		})
	}
	if _, err := compileGroups(t, reg, strings.Repeat("x", 256)); err != nil {
		t.Errorf("a text of 256 bytes: %v", err)
	}
}

// TestExcludedIsOfTheRequest: a reply's field is in a group although the
// request's field of that name is not in the key.
func TestExcludedIsOfTheRequest(t *testing.T) {
	mustParse(t, oddMethods(t), `
methods:
- method: /odd.v1.Odd/Get
  policy:
    cache:
      max_age: 1s
      key_exclude: [v_string, inner, inners.words, notes]
      groups: ["{response.v_string}", "{response.inner.name}", "{inners.name}", "{v_int32}"]
`)
}

// FuzzTemplate compiles and expands any template: within the limits, each group
// once, and no panic.
func FuzzTemplate(f *testing.F) {
	for _, seed := range []string{
		"", "a", "{", "}", "{{", "}}", "{}", "{v_int32}", "{{{v_int32}}}", "{l_string}-{l_int32}", "{inners.inners.words}", "{response.inner.name}", "{response.}",
		"{notes}", "{notes.key}", "{inner}", "{v_string.x}", "{v_int32", "a}b", "{ v_int32 }", "{v_int32.}", "{.}", "{a{b}", "\x00", strings.Repeat("{l_int32}", 20),
		strings.Repeat("x", 300),
	} {
		f.Add(seed)
	}
	reg := oddMethods(f)
	messages := []proto.Message{
		oddMessage(f, reg, ""),
		oddMessage(f, reg, `v_string: "s" v_int32: 3 inner { name: "n" inner { words: ["p", "q"] } } inners { words: ["a", "b"] inners { words: "c" name: "d" } } inners {} l_string: ["", "x", "x"] l_int32: [1, 2, 3] notes { key: "k" value: "v" }`),
	}
	f.Fuzz(func(t *testing.T, text string) {
		g, err := compileGroups(t, reg, text)
		if err != nil {
			for _, r := range refusals(t, err) {
				if r.Field != "cache.groups[0]" && r.Field != "" || r.Reason == "" {
					t.Errorf("got %+v, want a reason why cache.groups[0] is refused", r)
				}
			}
			return
		}
		for _, req := range messages {
			for _, resp := range messages {
				checkGroups(t, g, req, resp)
			}
		}
		if got, _ := g.Expand(messages[1], messages[1]); !strings.ContainsAny(text, "{}") && utf8.ValidString(text) && !slices.Equal(got, []string{text}) {
			t.Errorf("got %q, want the text itself", got)
		}
	})
}

func checkGroups(t *testing.T, g *cachepolicy.Groups, req, resp proto.Message) {
	t.Helper()
	all, err := g.Expand(req, resp)
	if err != nil && !errors.Is(err, cachepolicy.ErrGroupLimit) {
		t.Errorf("Expand: %v", err)
	}
	if len(all) > 128 {
		t.Errorf("got %d groups, want at most 128", len(all))
	}
	for i, group := range all {
		if len(group) > 256 || slices.Contains(all[:i], group) {
			t.Errorf("group %q is too long, or there twice", group)
		}
	}
	some, err := g.FromRequest(req)
	if !g.NeedsResponse() && err == nil && !slices.Equal(all, some) {
		t.Errorf("from the request alone: got %q, want %q", some, all)
	}
}
