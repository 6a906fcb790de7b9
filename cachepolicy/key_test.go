package cachepolicy_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/dynamicpb"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/wrapperspb"
	"pgregory.net/rapid"

	"github.com/freshet-io/freshet/cachepolicy"
	testv1 "github.com/freshet-io/freshet/proto/freshet/test/v1"
)

// keyRules are the rules that the tests of keys use, by what they add to the
// simplest.
func keyRules(t testing.TB) map[string]*cachepolicy.Rule {
	rules := map[string]*cachepolicy.Rule{}
	for name, more := range map[string]string{
		"public":    "scope: PUBLIC",
		"principal": "scope: PRINCIPAL",
		"vary":      "scope: PUBLIC, vary: [b, a-bin]",
		"name":      "scope: PUBLIC, key_exclude: [product.name]",
		"exclude":   "scope: PUBLIC, key_exclude: [product.name, product.parts.parts.name, product.notes, product.letter]",
	} {
		set := mustParse(t, protoregistry.GlobalFiles, `
methods:
- {method: /freshet.test.v1.Shop/UpdateProduct, policy: {cache: {max_age: 1m, assume_safe: true, `+more+`}}}`)
		rules[name] = set.Lookup(testv1.Shop_UpdateProduct_FullMethodName).Cache
	}
	return rules
}

// metadataOf makes a request's metadata of "key=value" pairs.
func metadataOf(pairs ...string) func(string) []string {
	md := map[string][]string{}
	for _, p := range pairs {
		k, v, _ := strings.Cut(p, "=")
		md[k] = append(md[k], v)
	}
	return func(key string) []string { return md[key] }
}

func mustKey(t testing.TB, r *cachepolicy.Rule, in cachepolicy.KeyInput) [32]byte {
	t.Helper()
	if in.Metadata == nil {
		in.Metadata = metadataOf()
	}
	key, err := r.Key(in)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestKeyOfAMapIsOne(t *testing.T) {
	r := keyRules(t)["public"]
	keys := map[[32]byte]bool{}
	for range 100 {
		req := &testv1.GetProductRequest{Id: "1", Hints: map[string]string{}}
		for _, i := range rand.Perm(50) {
			req.Hints[fmt.Sprint("hint", i)] = fmt.Sprint(i)
		}
		keys[mustKey(t, r, cachepolicy.KeyInput{Method: "/m", Request: req})] = true
	}
	if len(keys) != 1 {
		t.Errorf("got %d keys for 100 orders of one map, want 1", len(keys))
	}
}

// TestKeyTellsApart: under the rule, every change of the input makes another
// key.
func TestKeyTellsApart(t *testing.T) {
	rules := keyRules(t)
	req := &testv1.GetProductRequest{Id: "1"}
	unknown := proto.Clone(req).(*testv1.GetProductRequest)
	unknown.ProtoReflect().SetUnknown([]byte{0xf8, 0x01, 1})
	base := cachepolicy.KeyInput{Space: 1, Target: "t", Authority: "a", Method: "/m", Principal: "p", Metadata: metadataOf("b=1"), Request: req}
	with := func(change func(*cachepolicy.KeyInput)) cachepolicy.KeyInput {
		in := base
		change(&in)
		return in
	}
	varies := func(pairs ...string) cachepolicy.KeyInput {
		return with(func(in *cachepolicy.KeyInput) { in.Metadata = metadataOf(pairs...) })
	}
	asks := func(m proto.Message) cachepolicy.KeyInput {
		return with(func(in *cachepolicy.KeyInput) { in.Request = m })
	}
	for _, tt := range []struct {
		name, rule string
		in         cachepolicy.KeyInput
		same       bool
	}{
		{"nothing", "public", base, true},
		{"space", "public", with(func(in *cachepolicy.KeyInput) { in.Space = 2 }), false},
		{"space in its highest bits", "public", with(func(in *cachepolicy.KeyInput) { in.Space |= 1 << 63 }), false},
		{"target", "public", with(func(in *cachepolicy.KeyInput) { in.Target = "u" }), false},
		{"authority", "public", with(func(in *cachepolicy.KeyInput) { in.Authority = "" }), false},
		{"target and authority swapped", "public", with(func(in *cachepolicy.KeyInput) { in.Target, in.Authority = "a", "t" }), false},
		{"target and authority joined", "public", with(func(in *cachepolicy.KeyInput) { in.Target, in.Authority = "ta", "" }), false},
		{"method", "public", with(func(in *cachepolicy.KeyInput) { in.Method = "/n" }), false},
		{"principal under PUBLIC", "public", with(func(in *cachepolicy.KeyInput) { in.Principal = "q" }), true},
		{"principal", "principal", with(func(in *cachepolicy.KeyInput) { in.Principal = "q" }), false},
		{"the anonymous principal", "principal", with(func(in *cachepolicy.KeyInput) { in.Principal = "" }), false},
		{"a field", "public", asks(&testv1.GetProductRequest{Id: "2"}), false},
		{"unknown fields", "public", asks(unknown), false},
		{"presence of a default", "public", asks(&testv1.GetProductRequest{Id: "1", Revision: proto.Int32(0)}), false},
		{"an equal request", "public", asks(&testv1.GetProductRequest{Id: "1", Hints: map[string]string{}}), true},
		{"metadata that the rule does not name", "public", varies("b=2", "x-request-id=7"), true},
		{"metadata that the rule does not name, beside some that it does", "vary", varies("b=1", "x-request-id=7", "traceparent=0"), true},
		{"a value", "vary", varies("b=2"), false},
		{"a value's key", "vary", varies("a-bin=1"), false},
		{"no value", "vary", varies(), false},
		{"an empty value", "vary", varies("b="), false},
		{"one value more", "vary", varies("b=1", "b=1"), false},
		{"one empty value more", "vary", varies("b=1", "b="), false},
		{"bytes", "vary", varies("b=1", "a-bin=\x00\xff"), false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := rules[tt.rule]
			if got := mustKey(t, r, base) == mustKey(t, r, tt.in); got != tt.same {
				t.Errorf("same key: got %v, want %v", got, tt.same)
			}
		})
	}
}

func TestKeyOfValues(t *testing.T) {
	r := keyRules(t)["vary"]
	keys := map[[32]byte]string{}
	for _, pairs := range [][]string{
		{},
		{"b="},
		{"b=", "b="},
		{"b=a", "b=b"},
		{"b=b", "b=a"},
		{"b=ab"},
		{"b=a,b"},
		{"b=a, b"},
		{"b=a"},
		{"b=a", "a-bin=b"},
		{"a-bin=a", "b=b"},
		{"a-bin="},
		{"a-bin=", "b="},
		{"a-bin=\x01b"},
		{"a-bin=", "a-bin=b"},
		{"a-bin=ab", "b=ab"},
		{"a-bin=a", "a-bin=b", "b=ab"},
	} {
		key := mustKey(t, r, cachepolicy.KeyInput{Metadata: metadataOf(pairs...), Request: &testv1.TouchRequest{}})
		if other, ok := keys[key]; ok {
			t.Errorf("%q and %s have the same key", pairs, other)
		}
		keys[key] = fmt.Sprintf("%q", pairs)
	}
	absent := func(string) []string { return nil }
	none := func(string) []string { return []string{} }
	if mustKey(t, r, cachepolicy.KeyInput{Metadata: absent, Request: &testv1.TouchRequest{}}) != mustKey(t, r, cachepolicy.KeyInput{Metadata: none, Request: &testv1.TouchRequest{}}) {
		t.Error("no values and a nil list of values have two keys")
	}
}

func TestKeyExcludes(t *testing.T) {
	r := keyRules(t)["exclude"]
	part := func(name string, within ...*testv1.Product_Part) *testv1.Product_Part {
		return &testv1.Product_Part{Name: name, Parts: within}
	}
	product := func() *testv1.Product {
		return &testv1.Product{
			Id: "1", Name: "one", Notes: map[string]string{"en": "x"}, Size: &testv1.Product_Letter{Letter: "S"},
			Parts: []*testv1.Product_Part{part("a", part("aa"), part("ab")), part("b", part("ba"))},
		}
	}
	for _, tt := range []struct {
		name   string
		change func(*testv1.Product)
		same   bool
	}{
		{"an excluded field", func(p *testv1.Product) { p.Name = "two" }, true},
		{"an excluded field, absent", func(p *testv1.Product) { p.Name = "" }, true},
		{"an excluded map", func(p *testv1.Product) { p.Notes["fr"] = "y" }, true},
		{"an excluded choice of a oneof", func(p *testv1.Product) { p.Size = nil }, true},
		{"another choice of that oneof", func(p *testv1.Product) { p.Size = &testv1.Product_Millimetres{} }, false},
		{"a field within lists", func(p *testv1.Product) { p.Parts[0].Parts[1].Name, p.Parts[1].Parts[0].Name = "x", "" }, true},
		{"the number of elements within lists", func(p *testv1.Product) { p.Parts[1].Parts = append(p.Parts[1].Parts, part("bb")) }, false},
		{"a field beside it", func(p *testv1.Product) { p.Parts[0].Parts[1].Count = 1 }, false},
		{"a field of that name one list higher", func(p *testv1.Product) { p.Parts[0].Name = "x" }, false},
		{"a field of that name one list deeper", func(p *testv1.Product) { p.Parts[0].Parts[0].Parts = []*testv1.Product_Part{part("x")} }, false},
		{"an element that is nil", func(p *testv1.Product) { p.Parts[1].Parts[0] = nil }, true},
		{"another field", func(p *testv1.Product) { p.Id = "2" }, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			changed := product()
			tt.change(changed)
			req := &testv1.UpdateProductRequest{Product: changed}
			before := proto.Clone(req)
			a := mustKey(t, r, cachepolicy.KeyInput{Request: &testv1.UpdateProductRequest{Product: product()}})
			if got := a == mustKey(t, r, cachepolicy.KeyInput{Request: req}); got != tt.same {
				t.Errorf("same key: got %v, want %v", got, tt.same)
			}
			if !proto.Equal(req, before) {
				t.Error("Key changed the request")
			}
		})
	}
	if mustKey(t, r, cachepolicy.KeyInput{Request: &testv1.UpdateProductRequest{}}) != mustKey(t, r, cachepolicy.KeyInput{Request: (*testv1.UpdateProductRequest)(nil)}) {
		t.Error("a nil request of the type and an empty one have two keys")
	}
}

// TestKeyOfEverySplit: no way to cut one text into the parts of a key has the
// key of another. The bytes are what lengths and counts are written as.
func TestKeyOfEverySplit(t *testing.T) {
	rules := keyRules(t)
	seen := map[[32]byte]string{}
	once := func(rule string, in cachepolicy.KeyInput, what string) {
		t.Helper()
		key := mustKey(t, rules[rule], in)
		if other, ok := seen[key]; ok {
			t.Errorf("%s under %s has the key of %s", what, rule, other)
		}
		seen[key] = what
	}
	for _, text := range []string{"aaaa", "\x01\x01\x01\x01", "\x00\x00\x00\x00", "\x02\x01\x00\x01"} {
		clear(seen)
		n := len(text)
		for i := range n + 1 {
			for j := i; j <= n; j++ {
				for k := j; k <= n; k++ {
					in := cachepolicy.KeyInput{Target: text[:i], Authority: text[i:j], Method: text[j:k], Principal: text[k:], Request: &testv1.TouchRequest{}}
					once("principal", in, fmt.Sprintf("%q", []string{in.Target, in.Authority, in.Method, in.Principal}))
				}
			}
		}
		clear(seen)
		for _, a := range lists(text, 3) {
			for i := range len(a) + 1 {
				md := map[string][]string{"a-bin": a[:i], "b": a[i:]}
				once("vary", cachepolicy.KeyInput{Metadata: func(key string) []string { return md[key] }, Request: &testv1.TouchRequest{}}, fmt.Sprintf("%q", md))
			}
		}
	}
}

// lists are all ways to cut a text into at most n texts.
func lists(text string, n int) [][]string {
	all := [][]string{{text}}
	if n == 1 {
		return all
	}
	for i := range len(text) + 1 {
		for _, rest := range lists(text[i:], n-1) {
			all = append(all, append([]string{text[:i]}, rest...))
		}
	}
	return all
}

// identity is what a key stands for, written down in a second way.
func identity(r string, in cachepolicy.KeyInput) string {
	req := proto.Clone(in.Request).(*testv1.GetProductRequest)
	hints := ""
	for i := range 3 {
		if v, ok := req.Hints[fmt.Sprint(i)]; ok {
			hints += fmt.Sprintf("%d=%q ", i, v)
		}
	}
	id := fmt.Sprintf("%d %q %q %q %q [%s] %v %x", in.Space, in.Target, in.Authority, in.Method, req.Id, hints, req.Revision == nil, req.ProtoReflect().GetUnknown())
	id += fmt.Sprint(" ", req.GetRevision())
	switch r {
	case "principal":
		id += fmt.Sprintf(" %q", in.Principal)
	case "vary":
		id += fmt.Sprintf(" %d %q %d %q", len(in.Metadata("b")), in.Metadata("b"), len(in.Metadata("a-bin")), in.Metadata("a-bin"))
	}
	return id
}

// TestKeyIsIdentity: two inputs have one key if, and only if, they are the same
// under the rule. Texts are drawn from what could be taken for the ends or the
// lengths of others.
func TestKeyIsIdentity(t *testing.T) {
	rules := keyRules(t)
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.SampledFrom([]string{"public", "principal", "vary"}).Draw(t, "rule")
		text := rapid.SampledFrom([]string{"", "a", "b", "ab", "aa", "\x00", "\x01", "\x01a", "\x00\x00", "\x01a\x01", "a\x00"})
		texts := rapid.SliceOfN(text, 0, 3)
		draw := func(tag string) cachepolicy.KeyInput {
			req := &testv1.GetProductRequest{Id: text.Draw(t, tag+"id"), Hints: rapid.MapOfN(rapid.SampledFrom([]string{"0", "1", "2"}), text, 0, 2).Draw(t, tag+"hints")}
			if rapid.Bool().Draw(t, tag+"has revision") {
				req.Revision = proto.Int32(rapid.Int32Range(0, 1).Draw(t, tag+"revision"))
			}
			req.ProtoReflect().SetUnknown(rapid.SampledFrom([][]byte{nil, {0x28, 0}, {0x28, 1}, {0x2a, 1, 'a'}}).Draw(t, tag+"unknown"))
			md := map[string][]string{"b": texts.Draw(t, tag+"b"), "a-bin": texts.Draw(t, tag+"a-bin")}
			return cachepolicy.KeyInput{
				Space: rapid.Uint64Range(0, 1).Draw(t, tag+"space"), Target: text.Draw(t, tag+"target"), Authority: text.Draw(t, tag+"authority"),
				Method: text.Draw(t, tag+"method"), Principal: text.Draw(t, tag+"principal"),
				Metadata: func(key string) []string { return md[key] }, Request: req,
			}
		}
		a, other := draw("a."), draw("b.")
		b := a
		// Most of the time two inputs differ in few parts, and in one most often.
		for part, differ := range []func(){
			func() { b.Space = other.Space }, func() { b.Target = other.Target }, func() { b.Authority = other.Authority },
			func() { b.Method = other.Method }, func() { b.Principal = other.Principal }, func() { b.Metadata = other.Metadata },
			func() { b.Request = other.Request },
		} {
			if rapid.IntRange(0, 4).Draw(t, fmt.Sprint("differ in part ", part)) == 0 {
				differ()
			}
		}
		ka, errA := rules[name].Key(a)
		kb, errB := rules[name].Key(b)
		if errA != nil || errB != nil {
			t.Fatal(errA, errB)
		}
		if same := identity(name, a) == identity(name, b); same != (ka == kb) {
			t.Fatalf("same key: got %v, want %v, for\n%s\n%s", ka == kb, same, identity(name, a), identity(name, b))
		}
	})
}

// TestKeyAcrossRegistries: a message of another copy of the schema is the same
// request.
func TestKeyAcrossRegistries(t *testing.T) {
	other := copyOfTestSchema(t)
	anything, err := anypb.New(wrapperspb.String("x"))
	if err != nil {
		t.Fatal(err)
	}
	req := &testv1.UpdateProductRequest{Product: &testv1.Product{
		Id: "1", Name: "one", Kind: testv1.Kind_KIND_TOY, Price: -5, SoldOut: proto.Bool(false), Picture: []byte{0, 1}, Tags: []string{"x", ""},
		Numbers: []int32{1, 0, -1}, Parts: []*testv1.Product_Part{{Name: "p", Parts: []*testv1.Product_Part{{Count: 2}}}},
		Notes: map[string]string{"a": "1", "b": "2", "c": ""}, Places: map[int32]*testv1.Product_Part{3: {Name: "q"}, -1: {}},
		Size: &testv1.Product_Millimetres{Millimetres: 9}, Extra: anything, Weight: 1.5,
	}}
	raw, err := proto.Marshal(req)
	if err != nil {
		t.Fatal(err)
	}
	dynamic := message(t, other, "freshet.test.v1.UpdateProductRequest", "")
	if err := proto.Unmarshal(raw, dynamic); err != nil {
		t.Fatal(err)
	}
	for name, r := range keyRules(t) {
		in := cachepolicy.KeyInput{Method: "/m", Metadata: metadataOf()}
		in.Request = req
		own := mustKey(t, r, in)
		in.Request = dynamic
		if mustKey(t, r, in) != own {
			t.Errorf("%s: the same request of another registry has another key", name)
		}
	}
}

// copyOfTestSchema is a registry with a second copy of the test services.
func copyOfTestSchema(t testing.TB) *protoregistry.Files {
	t.Helper()
	reg := &protoregistry.Files{}
	var add func(fd protoreflect.FileDescriptor)
	add = func(fd protoreflect.FileDescriptor) {
		for i := range fd.Imports().Len() {
			add(fd.Imports().Get(i))
		}
		if _, err := reg.FindFileByPath(fd.Path()); err == nil {
			return
		}
		c, err := protodesc.NewFile(protodesc.ToFileDescriptorProto(fd), reg)
		if err != nil {
			t.Fatal(err)
		}
		if err := reg.RegisterFile(c); err != nil {
			t.Fatal(err)
		}
	}
	add(testv1.File_freshet_test_v1_shop_proto)
	return reg
}

// TestNoKey: what has no key has an error, and no panic.
func TestNoKey(t *testing.T) {
	rules := keyRules(t)
	full := func(m proto.Message) cachepolicy.KeyInput {
		return cachepolicy.KeyInput{Request: m, Metadata: metadataOf()}
	}
	reg := odd(t)
	imposter := dynamicpb.NewMessage(imposterSchema(t))
	product := imposter.Mutable(imposter.Descriptor().Fields().ByName("product")).Message()
	product.Set(product.Descriptor().Fields().ByName("name"), protoreflect.ValueOfInt64(1))
	for _, tt := range []struct {
		name, rule string
		in         cachepolicy.KeyInput
	}{
		{"no request", "public", full(nil)},
		{"no request to exclude from", "exclude", full(nil)},
		{"no metadata to vary by", "vary", cachepolicy.KeyInput{Request: &testv1.TouchRequest{}}},
		{"another method's request", "exclude", full(&testv1.GetProductRequest{Id: "1"})},
		{"a request of another schema", "exclude", full(oddMessage(t, reg, `v_string: "x"`))},
		{"a message of the request's name with another kind of field", "name", full(imposter)},
		{"text that is not UTF-8", "public", full(&testv1.GetProductRequest{Id: "\xff"})},
		{"text that is not UTF-8, in a copy", "exclude", full(&testv1.UpdateProductRequest{Product: &testv1.Product{Id: "\xff"}})},
	} {
		t.Run(tt.name, func(t *testing.T) {
			key, err := rules[tt.rule].Key(tt.in)
			if err == nil || key != [32]byte{} {
				t.Errorf("got key %x and error %v, want no key and an error", key, err)
			}
		})
	}
	// A failure leaves nothing behind in the shared buffers.
	a := mustKey(t, rules["public"], full(&testv1.GetProductRequest{Id: "1"}))
	_, _ = rules["public"].Key(full(&testv1.GetProductRequest{Id: "\xff"}))
	if a != mustKey(t, rules["public"], full(&testv1.GetProductRequest{Id: "1"})) {
		t.Error("a request's key changed after another had failed")
	}
}

func TestKeyOfLargeRequest(t *testing.T) {
	r := keyRules(t)["public"]
	large := &testv1.GetProductRequest{Id: strings.Repeat("x", 1<<20)}
	a := mustKey(t, r, cachepolicy.KeyInput{Request: large})
	large.Id += "y"
	if a == mustKey(t, r, cachepolicy.KeyInput{Request: large}) {
		t.Error("two requests of 1 MiB that differ in their last byte have one key")
	}
}

func TestKeyAllocations(t *testing.T) {
	if raceDetector {
		t.Skip("pools drop at random under the race detector")
	}
	r := keyRules(t)["vary"]
	in := cachepolicy.KeyInput{
		Space: 1, Target: "dns:///shop", Method: testv1.Shop_GetProduct_FullMethodName, Principal: "somebody",
		Metadata: metadataOf("b=1", "a-bin=2"), Request: &testv1.GetProductRequest{Id: "product-1", Revision: proto.Int32(3)},
	}
	if n := testing.AllocsPerRun(1000, func() {
		if _, err := r.Key(in); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("got %v allocations a key, want 0", n)
	}
}
