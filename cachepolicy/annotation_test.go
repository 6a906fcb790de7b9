package cachepolicy_test

import (
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/freshet-io/freshet/cachepolicy"
	testv1 "github.com/freshet-io/freshet/proto/freshet/test/v1"
	freshetv1 "github.com/freshet-io/freshet/proto/freshet/v1"
)

// TestAnnotationRefusals holds the text of every refusal of an annotation.
func TestAnnotationRefusals(t *testing.T) {
	const file = "odd.proto: /odd.v1.Odd/M: "
	long := strings.Repeat("x", 257)
	for _, tt := range []struct {
		name string
		rpc  rpc
		want []string // without the file and the method
	}{
		{"no max_age", rpc{level: safe, policy: `cache {}`}, []string{
			`cache.max_age: missing: every rule bounds the age of what it reuses`,
		}},
		{"max_age of zero", rpc{level: safe, policy: `cache { max_age {} }`}, []string{
			`cache.max_age: must be greater than 0s, got 0s: leave the rule out to cache nothing`,
		}},
		{"negative max_age, and nothing that would follow from it", rpc{level: safe, policy: `cache { max_age { seconds: -1 } default_max_age { seconds: 1 } stale_if_error { seconds: 1 } }`}, []string{
			`cache.max_age: must be between 0s and 2147483648s, got -1s 0ns`,
		}},
		{"no max_age, and nothing that would follow from it", rpc{level: safe, policy: `cache { default_max_age { seconds: 1 } stale_if_error { seconds: 1 } }`}, []string{
			`cache.max_age: missing: every rule bounds the age of what it reuses`,
		}},
		{"durations out of range", rpc{level: safe, policy: `cache { max_age { seconds: 2147483648 nanos: 1 } default_max_age { seconds: 315576000000 } stale_if_error { nanos: -1 } }`}, []string{
			`cache.max_age: must be between 0s and 2147483648s, got 2147483648s 1ns`,
			`cache.default_max_age: must be between 0s and 2147483648s, got 315576000000s 0ns`,
			`cache.stale_if_error: must be between 0s and 2147483648s, got 0s -1ns`,
		}},
		{"durations that are none", rpc{level: safe, policy: `cache { max_age { seconds: 1 nanos: 1000000000 } default_max_age { seconds: 1 nanos: -1 } }`}, []string{
			`cache.max_age: must be between 0s and 2147483648s, got 1s 1000000000ns`,
			`cache.default_max_age: must be between 0s and 2147483648s, got 1s -1ns`,
		}},
		{"default_max_age over max_age", rpc{level: safe, policy: `cache { max_age { seconds: 60 } default_max_age { seconds: 61 } }`}, []string{
			`cache.default_max_age: must be at most max_age (1m0s), got 1m1s`,
		}},
		{"a bound of zero with a stale window", rpc{level: safe, policy: `cache { max_age {} stale_if_error { seconds: 1 } }`}, []string{
			`cache.max_age: must be greater than 0s, got 0s: leave the rule out to cache nothing`,
			`cache.stale_if_error: a bound of zero cannot have a stale window, got 1s`,
		}},
		{"scope of a later version", rpc{level: safe, policy: `cache { max_age { seconds: 60 } scope: 7 }`}, []string{
			`cache.scope: want PRINCIPAL or PUBLIC, got 7`,
		}},
		{"unknown safety", rpc{policy: `cache { max_age { seconds: 60 } }`}, []string{
			`cache: only a method without side effects can be cached: set idempotency_level = NO_SIDE_EFFECTS, or assume_safe in a policy file`,
		}},
		{"idempotent is not enough", rpc{level: idempotent, policy: `cache { max_age { seconds: 60 } }`}, []string{
			`cache: only a method without side effects can be cached: set idempotency_level = NO_SIDE_EFFECTS, or assume_safe in a policy file`,
		}},
		{"assume_safe", rpc{policy: `cache { max_age { seconds: 60 } assume_safe: true }`}, []string{
			`cache.assume_safe: only a policy file may assume that a method is safe: annotate it with idempotency_level = NO_SIDE_EFFECTS`,
			`cache: only a method without side effects can be cached: set idempotency_level = NO_SIDE_EFFECTS, or assume_safe in a policy file`,
		}},
		{"client streaming", rpc{level: safe, fromMany: true, policy: `cache { max_age { seconds: 60 } }`}, []string{
			`cache: a streaming method cannot be cached`,
		}},
		{"server streaming", rpc{level: safe, toMany: true, policy: `cache { max_age { seconds: 60 } }`}, []string{
			`cache: a streaming method cannot be cached`,
		}},
		{"vary", rpc{level: safe, policy: `cache { max_age { seconds: 60 } vary: ["Accept", ":path", "grpc-timeout", "", "a", "a", "content-type", "te", "user-agent", "ä", "a b"] }`}, []string{
			`cache.vary[0]: want a metadata key of lower-case letters, digits, '-', '_' and '.', got "Accept"`,
			`cache.vary[1]: want a metadata key of lower-case letters, digits, '-', '_' and '.', got ":path"`,
			`cache.vary[2]: keys that begin with "grpc-" belong to gRPC, got "grpc-timeout"`,
			`cache.vary[3]: want a metadata key of lower-case letters, digits, '-', '_' and '.', got ""`,
			`cache.vary[5]: "a" stands here twice`,
			`cache.vary[9]: want a metadata key of lower-case letters, digits, '-', '_' and '.', got "ä"`,
			`cache.vary[10]: want a metadata key of lower-case letters, digits, '-', '_' and '.', got "a b"`,
			`cache.vary[6]: "content-type" is set below every interceptor and cannot be part of the key`,
			`cache.vary[7]: "te" is set below every interceptor and cannot be part of the key`,
			`cache.vary[8]: "user-agent" is set below every interceptor and cannot be part of the key`,
		}},
		{"vary by 17", rpc{level: safe, policy: `cache { max_age { seconds: 60 } vary: ["a","b","c","d","e","f","g","h","i","j","k","l","m","n","o","p","q"] }`}, []string{
			`cache.vary: at most 16 keys, got 17`,
		}},
		{"strip", rpc{level: safe, policy: `cache { max_age { seconds: 60 } strip: "X" strip: "grpc-status" strip: "s" strip: "s" strip: "cache-groups" }`}, []string{
			`cache.strip[0]: want a metadata key of lower-case letters, digits, '-', '_' and '.', got "X"`,
			`cache.strip[1]: keys that begin with "grpc-" belong to gRPC, got "grpc-status"`,
			`cache.strip[3]: "s" stands here twice`,
			`cache.strip[4]: "cache-groups" tells those who build on the reply how long it is true and cannot be left out`,
		}},
		{"key_exclude", rpc{level: safe, policy: `cache { max_age { seconds: 60 } key_exclude: ["", "no", "inner.no", "v_string.x", "notes.x", "places.value.name", "inner."] }`}, []string{
			`cache.key_exclude[0]: an empty field path`,
			`cache.key_exclude[1]: field path "no": odd.v1.Message has no field "no"`,
			`cache.key_exclude[2]: field path "inner.no": odd.v1.Inner has no field "no"`,
			`cache.key_exclude[3]: field path "v_string.x": "v_string" is of type string, which has no fields`,
			`cache.key_exclude[4]: field path "notes.x": "notes" is a map, which has no fields`,
			`cache.key_exclude[5]: field path "places.value.name": "places" is a map, which has no fields`,
			`cache.key_exclude[6]: field path "inner.": odd.v1.Inner has no field ""`,
		}},
		{"groups that lead nowhere", rpc{level: safe, policy: `cache { max_age { seconds: 60 } groups: ["", "{}", "{no}", "{response.no}", "{inner}", "{inners}", "{notes}", "{notes.key}", "{response.places.value}", "{v_bool.x}"] }`}, []string{
			`cache.groups[0]: an empty group`,
			`cache.groups[1]: template "{}": an empty field path`,
			`cache.groups[2]: template "{no}": field path "no": odd.v1.Message has no field "no"`,
			`cache.groups[3]: template "{response.no}": field path "no": odd.v1.Message has no field "no"`,
			`cache.groups[4]: template "{inner}": field path "inner" leads to a message: name one of its fields`,
			`cache.groups[5]: template "{inners}": field path "inners" leads to a message: name one of its fields`,
			`cache.groups[6]: template "{notes}": field path "notes" leads to a map`,
			`cache.groups[7]: template "{notes.key}": field path "notes.key": "notes" is a map, which has no fields`,
			`cache.groups[8]: template "{response.places.value}": field path "places.value": "places" is a map, which has no fields`,
			`cache.groups[9]: template "{v_bool.x}": field path "v_bool.x": "v_bool" is of type bool, which has no fields`,
		}},
		{"groups that break the grammar", rpc{level: safe, policy: `cache { max_age { seconds: 60 } groups: ["{", "}", "a{v_string", "a}b", "{{}", "{v_string}}", "{{v_string}"] }`}, []string{
			`cache.groups[0]: template "{": a "{" without its "}"; write "{{" for the character`,
			`cache.groups[1]: template "}": a "}" without its "{"; write "}}" for the character`,
			`cache.groups[2]: template "a{v_string": a "{" without its "}"; write "{{" for the character`,
			`cache.groups[3]: template "a}b": a "}" without its "{"; write "}}" for the character`,
			`cache.groups[4]: template "{{}": a "}" without its "{"; write "}}" for the character`,
			`cache.groups[5]: template "{v_string}}": a "}" without its "{"; write "}}" for the character`,
			`cache.groups[6]: template "{{v_string}": a "}" without its "{"; write "}}" for the character`,
		}},
		{"a group that can only be too long", rpc{level: safe, policy: `cache { max_age { seconds: 60 } groups: "` + long + `" groups: "{v_string}` + long[2:] + `{{}}" }`}, []string{
			`cache.groups[0]: a group has at most 256 bytes, got a template with 257 outside of its fields`,
			`cache.groups[1]: a group has at most 256 bytes, got a template with 257 outside of its fields`,
		}},
		{"129 groups", rpc{level: safe, policy: `cache { max_age { seconds: 60 } ` + strings.Repeat(`groups: "g" `, 129) + `}`}, []string{
			`cache.groups: at most 128 templates, got 129`,
		}},
		{"a group over an excluded field, and over a part of one", rpc{level: safe, policy: `cache { max_age { seconds: 60 } key_exclude: ["v_string", "inner", "inners.inner"] groups: ["ok:{v_bool}", "{v_string}", "{inner.name}", "{inner.inner.name}{v_string}", "{inners.inner.name}", "{inners.name}", "{response.v_string}"] }`}, []string{
			`cache.groups[1]: field "v_string" is in key_exclude: an entry would be in the group of one request and answer others`,
			`cache.groups[2]: field "inner.name" is in key_exclude: an entry would be in the group of one request and answer others`,
			`cache.groups[3]: field "inner.inner.name" is in key_exclude: an entry would be in the group of one request and answer others`,
			`cache.groups[3]: field "v_string" is in key_exclude: an entry would be in the group of one request and answer others`,
			`cache.groups[4]: field "inners.inner.name" is in key_exclude: an entry would be in the group of one request and answer others`,
		}},
		{"an invalidation without groups", rpc{policy: `invalidates {}`}, []string{
			`invalidates.groups: missing: name at least one group`,
		}},
		{"a soft invalidation of nothing", rpc{policy: `invalidates { soft: true }`}, []string{
			`invalidates.groups: missing: name at least one group`,
		}},
		{"an invalidation by a safe method", rpc{level: safe, policy: `invalidates { groups: "g" }`}, []string{
			`invalidates: a method without side effects invalidates nothing`,
		}},
		{"a rule and an invalidation", rpc{level: safe, policy: `cache { max_age { seconds: 60 } } invalidates { groups: "g" }`}, []string{
			`invalidates: a method without side effects invalidates nothing`,
		}},
		{"an invalidation's groups", rpc{policy: `invalidates { groups: "{no}" groups: "{response.inner}" }`}, []string{
			`invalidates.groups[0]: template "{no}": field path "no": odd.v1.Message has no field "no"`,
			`invalidates.groups[1]: template "{response.inner}": field path "inner" leads to a message: name one of its fields`,
		}},
		{"fields of a streamed request", rpc{fromMany: true, policy: `invalidates { groups: "{v_string}" groups: "{response.v_string}" }`}, []string{
			`invalidates.groups[0]: template "{v_string}": a field of the request cannot be named: the method streams it`,
		}},
		{"fields of a streamed reply", rpc{toMany: true, policy: `invalidates { groups: "{v_string}" groups: "{response.v_string}" }`}, []string{
			`invalidates.groups[1]: template "{response.v_string}": a field of the response cannot be named: the method streams it`,
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.rpc.name = "M"
			set, err := cachepolicy.FromRegistry(odd(t, tt.rpc))
			if set != nil {
				t.Error("got a Set beside the error, want nil")
			}
			for i, w := range tt.want {
				tt.want[i] = file + w
			}
			diff(t, "faults", texts(t, err), tt.want)
		})
	}
}

// TestAnnotationFaultsAtOnce: one error for all files and methods, in an order
// that does not change from run to run.
func TestAnnotationFaultsAtOnce(t *testing.T) {
	base := oddFile()
	files := []*descriptorpb.FileDescriptorProto{base}
	var want []string
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		files = append(files, &descriptorpb.FileDescriptorProto{
			Name: proto.String(name + ".proto"), Package: proto.String("odd." + name), Syntax: proto.String("proto3"),
			Dependency: []string{"odd.proto"},
			Service: []*descriptorpb.ServiceDescriptorProto{{Name: proto.String("S"), Method: []*descriptorpb.MethodDescriptorProto{
				method(t, rpc{name: "Z", level: safe, policy: `cache {}`}),
				method(t, rpc{name: "Sound", level: safe, policy: `cache { max_age { seconds: 1 } }`}),
				method(t, rpc{name: "A", policy: `invalidates { groups: "{x}" soft: true }`}),
			}}},
		})
		want = append(want,
			name+".proto: /odd."+name+".S/Z: cache.max_age: missing: every rule bounds the age of what it reuses",
			name+".proto: /odd."+name+`.S/A: invalidates.groups[0]: template "{x}": field path "x": odd.v1.Message has no field "x"`,
		)
	}
	for range 10 {
		_, err := cachepolicy.FromRegistry(registry(t, files...))
		diff(t, "faults", texts(t, err), want)
	}
}

// TestAnnotationForms: a registry may hold the annotation as the linked-in
// message, as unknown bytes, or as a dynamic message of another copy of the
// schema.
func TestAnnotationForms(t *testing.T) {
	want := time.Minute
	own := method(t, rpc{name: "M", policy: `cache { max_age { seconds: 60 } groups: "g:{v_int32}" }`})
	raw, err := proto.Marshal(own.Options)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		reg  func() *protoregistry.Files
	}{
		{"linked in", func() *protoregistry.Files {
			return odd(t, rpc{name: "M", level: safe, policy: `cache { max_age { seconds: 60 } groups: "g:{v_int32}" }`})
		}},
		{"unknown bytes", func() *protoregistry.Files { return odd(t, rpc{name: "M", level: safe, raw: raw}) }},
		{"dynamic", func() *protoregistry.Files { return withDynamicAnnotation(t, raw) }},
		{"beside options that are not complete", func() *protoregistry.Files {
			o := proto.Clone(own.Options).(*descriptorpb.MethodOptions)
			o.IdempotencyLevel = safe.Enum()
			o.UninterpretedOption = []*descriptorpb.UninterpretedOption{{Name: []*descriptorpb.UninterpretedOption_NamePart{{}}}}
			return withOptions(t, o)
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			reg := tt.reg()
			set, err := cachepolicy.FromRegistry(reg)
			if err != nil {
				t.Fatal(err)
			}
			p := set.Lookup("/odd.v1.Odd/M")
			if p == nil || p.Cache == nil || p.Cache.MaxAge != want {
				t.Fatalf("got policy %+v, want a rule with max_age %v", p, want)
			}
			groups, err := p.Cache.Groups.Expand(oddMessage(t, reg, `v_int32: 5`), nil)
			if err != nil {
				t.Fatal(err)
			}
			diff(t, "groups", groups, []string{"g:5"})
		})
	}
}

// withDynamicAnnotation builds a registry with its own copy of freshet's schema,
// and the annotation as a dynamic message of that copy.
func withDynamicAnnotation(t *testing.T, raw []byte) *protoregistry.Files {
	t.Helper()
	copies := &protoregistry.Files{}
	for _, fd := range []protoreflect.FileDescriptor{
		freshetv1.File_freshet_v1_policy_proto.Imports().Get(0), freshetv1.File_freshet_v1_policy_proto.Imports().Get(1),
		freshetv1.File_freshet_v1_policy_proto,
	} {
		c, err := protodesc.NewFile(protodesc.ToFileDescriptorProto(fd), copies)
		if err != nil {
			t.Fatal(err)
		}
		if err := copies.RegisterFile(c); err != nil {
			t.Fatal(err)
		}
	}
	d, err := copies.FindDescriptorByName("freshet.v1.policy")
	if err != nil {
		t.Fatal(err)
	}
	var dynamic protoregistry.Types
	if err := dynamic.RegisterExtension(dynamicpb.NewExtensionType(d.(protoreflect.ExtensionDescriptor))); err != nil {
		t.Fatal(err)
	}
	o := &descriptorpb.MethodOptions{}
	if err := (proto.UnmarshalOptions{Resolver: &dynamic}).Unmarshal(raw, o); err != nil {
		t.Fatal(err)
	}
	o.IdempotencyLevel = safe.Enum()
	return withOptions(t, o)
}

// withOptions builds a registry with a method of these options.
func withOptions(t *testing.T, o *descriptorpb.MethodOptions) *protoregistry.Files {
	t.Helper()
	fd := oddFile()
	m := method(t, rpc{name: "M"})
	m.Options = o
	fd.Service = append(fd.Service, &descriptorpb.ServiceDescriptorProto{Name: proto.String("Odd"), Method: []*descriptorpb.MethodDescriptorProto{m}})
	return registry(t, fd)
}

// TestAnnotationOfLaterVersion: what this version's schema does not know is
// refused, at any depth.
func TestAnnotationOfLaterVersion(t *testing.T) {
	for _, tt := range []struct {
		name string
		raw  []byte
		want []string
	}{
		{"in the policy", []byte{0xf8, 0x01, 1, 0xfa, 0x01, 1, 'x'}, []string{
			`odd.proto: /odd.v1.Odd/M: unknown field 31 of freshet.v1.MethodPolicy: it was written for a later version of freshet`,
			`odd.proto: /odd.v1.Odd/M: unknown field 31 of freshet.v1.MethodPolicy: it was written for a later version of freshet`,
		}},
		{"in the rule", []byte{0x0a, 7, 0x0a, 2, 0x08, 60, 0xf8, 0x02, 1}, []string{
			`odd.proto: /odd.v1.Odd/M: cache: unknown field 47 of freshet.v1.CacheRule: it was written for a later version of freshet`,
		}},
		{"in a duration", []byte{0x0a, 6, 0x0a, 4, 0x08, 60, 0x18, 1}, []string{
			`odd.proto: /odd.v1.Odd/M: cache.max_age: unknown field 3 of google.protobuf.Duration: it was written for a later version of freshet`,
		}},
		{"in the invalidation", []byte{0x12, 5, 0x0a, 1, 'g', 0x18, 1}, []string{
			`odd.proto: /odd.v1.Odd/M: invalidates: unknown field 3 of freshet.v1.InvalidationRule: it was written for a later version of freshet`,
			`odd.proto: /odd.v1.Odd/M: invalidates: a method without side effects invalidates nothing`,
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := cachepolicy.FromRegistry(odd(t, rpc{name: "M", level: safe, raw: annotationBytes(tt.raw)}))
			diff(t, "faults", texts(t, err), tt.want)
		})
	}
}

// annotationBytes are a method's options that hold policy as the annotation.
func annotationBytes(policy []byte) []byte {
	const tag = 58713<<3 | 2
	return append([]byte{tag&0x7f | 0x80, tag>>7&0x7f | 0x80, tag >> 14, byte(len(policy))}, policy...)
}

func TestAnnotationThatDoesNotDecode(t *testing.T) {
	_, err := cachepolicy.FromRegistry(odd(t, rpc{name: "M", level: safe, raw: annotationBytes([]byte{0x0a, 100, 1})}))
	got := refusals(t, err)
	if len(got) != 1 || got[0].Method != "/odd.v1.Odd/M" || !strings.HasPrefix(got[0].Reason, "the method's options do not decode: ") {
		t.Errorf("got %+v, want one fault that the options do not decode", got)
	}
}

// TestTestServices compiles what the repository's own services declare.
func TestTestServices(t *testing.T) {
	set, err := cachepolicy.FromRegistry(protoregistry.GlobalFiles)
	if err != nil {
		t.Fatal(err)
	}
	diff(t, "methods", set.Methods(), []string{
		testv1.Shop_CreateProduct_FullMethodName, testv1.Shop_GetBasket_FullMethodName, testv1.Shop_GetProduct_FullMethodName,
		testv1.Shop_GetQuote_FullMethodName, testv1.Shop_Import_FullMethodName, testv1.Shop_ListProducts_FullMethodName,
		testv1.Shop_Restock_FullMethodName, testv1.Shop_UpdateProduct_FullMethodName,
	})
	for _, tt := range []struct {
		method                   string
		safe                     bool
		maxAge, byDefault, stale time.Duration
		scope                    cachepolicy.Scope
		vary, strip              []string
		maxBytes                 int
		needsReply               bool
	}{
		{method: testv1.Shop_GetProduct_FullMethodName, safe: true, maxAge: time.Minute, byDefault: time.Minute, stale: 10 * time.Minute, scope: cachepolicy.Public},
		{method: testv1.Shop_GetBasket_FullMethodName, safe: true, maxAge: time.Minute, byDefault: time.Minute, scope: cachepolicy.Principal},
		{
			method: testv1.Shop_ListProducts_FullMethodName, safe: true, maxAge: time.Minute, byDefault: time.Minute, scope: cachepolicy.Public,
			vary: []string{"accept-language", "x-shelf-bin"}, strip: []string{"x-stripped"}, maxBytes: 100000, needsReply: true,
		},
		{method: testv1.Shop_GetQuote_FullMethodName, safe: true, maxAge: time.Hour, scope: cachepolicy.Public},
	} {
		p := set.Lookup(tt.method)
		r := p.Cache
		got := []any{p.Method, p.Safe, r.MaxAge, r.DefaultMaxAge, r.StaleIfError, r.Scope, strings.Join(r.Vary, " "), strings.Join(r.Strip, " "), r.MaxEntryBytes, r.Groups.NeedsResponse(), p.Invalidates == nil}
		want := []any{tt.method, tt.safe, tt.maxAge, tt.byDefault, tt.stale, tt.scope, strings.Join(tt.vary, " "), strings.Join(tt.strip, " "), tt.maxBytes, tt.needsReply, true}
		diff(t, tt.method, got, want)
	}
	if p := set.Lookup(testv1.Shop_CreateProduct_FullMethodName); p.Cache != nil || p.Safe || !p.Invalidates.NeedsResponse() {
		t.Errorf("CreateProduct: got %+v, want an invalidation that needs the reply", p)
	}
}
