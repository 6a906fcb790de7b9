package cachepolicy_test

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/freshet-io/freshet/cachepolicy"
)

// read and write are methods that reply in a group and make one untrue.
func reads(name string, groups ...string) rpc {
	return rpc{name: name, level: safe, policy: "cache { max_age { seconds: 60 } groups: [" + quoted(groups) + "] }"}
}

func writes(name string, groups ...string) rpc {
	return rpc{name: name, policy: "invalidates { groups: [" + quoted(groups) + "] }"}
}

func quoted(groups []string) string { return `"` + strings.Join(groups, `", "`) + `"` }

func TestCheckGroups(t *testing.T) {
	for _, tt := range []struct {
		read, write string
		meets       bool
	}{
		{"list", "list", true},
		{"list", "lists", false},
		{"a:{v_string}", "a:{inner.name}", true},
		{"a:{v_string}", "b:{inner.name}", false},
		{"a:{v_string}", "a", false},
		{"a:{v_string}", "a:", true},
		{"a:{v_string}", "a:1", true},
		{"a:{v_string}:z", "a:z", false},
		{"a:{v_string}:z", "a::z", true},
		{"{v_string}", "anything", true},
		{"{v_string}:{v_int32}", "a:{v_string}", true},
		{"{v_string}-x", "{v_string}-y", false},
		{"{v_string}x", "{v_string}yx", true},
		{"a{v_string}mid{v_int32}z", "a-mid-z", true},
		{"a{v_string}mid{v_int32}z", "a-mad-z", false},
		{"ab{v_string}bc", "abc", false},
	} {
		t.Run(tt.read+" and "+tt.write, func(t *testing.T) {
			for _, swapped := range []bool{false, true} {
				r, w := tt.read, tt.write
				if swapped {
					r, w = w, r
				}
				err := cachepolicy.Check(odd(t, reads("Get", r), writes("Put", w)))
				if (err == nil) != tt.meets {
					t.Errorf("replies in %q, writes of %q: got %v, want meets = %v", r, w, err, tt.meets)
				}
			}
		})
	}
}

func TestCheck(t *testing.T) {
	reg := odd(t, reads("Get", "a:{v_string}"), rpc{name: "Bad", policy: "cache {}"}, writes("Put", "a:{v_string}", "b"), rpc{name: "Other"})
	diff(t, "faults", texts(t, cachepolicy.Check(reg)), []string{
		"odd.proto: /odd.v1.Odd/Bad: cache: only a method without side effects can be cached: set idempotency_level = NO_SIDE_EFFECTS, or assume_safe in a policy file",
		"odd.proto: /odd.v1.Odd/Bad: cache.max_age: missing: every rule bounds the age of what it reuses",
		`odd.proto: /odd.v1.Odd/Put: invalidates.groups[1]: no cached reply of these files can be in the group "b"`,
	})
	var rules []string
	for _, r := range refusals(t, cachepolicy.Check(reg)) {
		rules = append(rules, r.Rule)
	}
	diff(t, "rules", rules, []string{cachepolicy.RulePolicy, cachepolicy.RulePolicy, cachepolicy.RuleGroups})
	diff(t, "advice", texts(t, cachepolicy.CheckAdvice(reg)), []string{
		"odd.proto: /odd.v1.Odd/Other: may have side effects and invalidates nothing, while replies of its service are cached in groups: annotate it with invalidates, or idempotency_level = NO_SIDE_EFFECTS",
	})
	for name, sound := range map[string]*protoregistry.Files{
		"nothing": {}, "writers alone": odd(t, writes("Put", "b")), "no groups": odd(t, reads("Get"), rpc{name: "Put"}),
	} {
		if err := cachepolicy.Check(sound); err != nil && name != "no groups" {
			t.Errorf("%s: got %v, want nothing", name, err)
		}
	}
}

// TestPositions: where the descriptors have positions, faults have the line of the option, or of the
// nearest thing around the field.
func TestPositions(t *testing.T) {
	fd := oddFile()
	fd.Service = []*descriptorpb.ServiceDescriptorProto{{Name: proto.String("Odd"), Method: []*descriptorpb.MethodDescriptorProto{
		method(t, rpc{name: "Late", level: safe, policy: `cache { max_age { seconds: 60 } groups: ["{x}", "{y}"] }`}),
		method(t, rpc{name: "Plain", level: safe, policy: `cache {}`}),
	}}}
	at := func(line int32, path ...int32) *descriptorpb.SourceCodeInfo_Location {
		return &descriptorpb.SourceCodeInfo_Location{Path: path, Span: []int32{line - 1, 2, 9}}
	}
	fd.SourceCodeInfo = &descriptorpb.SourceCodeInfo{Location: []*descriptorpb.SourceCodeInfo_Location{
		at(30, 6, 0, 2, 0), at(32, 6, 0, 2, 0, 4, 58713, 1), at(34, 6, 0, 2, 0, 4, 58713, 1, 17),
		at(20, 6, 0, 2, 1),
	}}
	diff(t, "faults", texts(t, cachepolicy.Check(registry(t, fd))), []string{
		"odd.proto:20: /odd.v1.Odd/Plain: cache.max_age: missing: every rule bounds the age of what it reuses",
		`odd.proto:34: /odd.v1.Odd/Late: cache.groups[0]: template "{x}": field path "x": odd.v1.Message has no field "x"`,
		`odd.proto:34: /odd.v1.Odd/Late: cache.groups[1]: template "{y}": field path "y": odd.v1.Message has no field "y"`,
	})
}
