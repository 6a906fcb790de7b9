package cachepolicy

import (
	"fmt"
	"strings"

	"google.golang.org/protobuf/reflect/protoregistry"
)

// The rules of [Check], by the names that the buf plugin has for them.
const (
	// RulePolicy finds annotations that cannot be honoured: all that [FromRegistry]
	// refuses.
	RulePolicy = "FRESHET_POLICY"
	// RuleGroups finds groups of invalidations that no cached reply can be in: most likely a
	// slip of the pen on one of the two sides, by which writes go unseen until max_age.
	RuleGroups = "FRESHET_GROUPS"
	// RuleInvalidates finds methods that may have side effects and say nothing of what they make
	// untrue, in services some of whose replies are cached under groups. A handler that names groups by
	// origin.Invalidate needs no annotation, so this is an advice.
	RuleInvalidates = "FRESHET_INVALIDATES"
)

// Check returns one error that names all that is wrong with the annotations of files, each with
// file, line (where the descriptors have positions), method, field, reason and rule, nil if nothing is: what cannot be honoured
// ([RulePolicy]), and invalidations of groups that no reply is in ([RuleGroups]). Each is a
// [RuleError].
//
// It is meant for a unit test of a program that serves or calls the methods:
//
//	func TestCachePolicies(t *testing.T) {
//		if err := cachepolicy.Check(protoregistry.GlobalFiles); err != nil {
//			t.Error(err)
//		}
//	}
//
// The buf plugin freshet checks the same in .proto files, see cachepolicy/bufplugin.
func Check(files *protoregistry.Files) error {
	f := check(files)
	return f.err()
}

// CheckAdvice is Check for what may be meant and often is not: [RuleInvalidates].
func CheckAdvice(files *protoregistry.Files) error {
	var f, ignored faults
	set := compileAll(files, &ignored)
	grouped := map[string]bool{} // services that have cached replies in groups
	for md := range methods(files) {
		if p := set.Lookup(wireName(md)); p != nil && p.Cache != nil && len(p.Cache.Groups.templates) > 0 {
			grouped[string(md.Parent().FullName())] = true
		}
	}
	for md := range methods(files) {
		name := wireName(md)
		if set.Lookup(name) != nil || declaredSafe(md) || !grouped[string(md.Parent().FullName())] {
			continue
		}
		f.put(md.ParentFile().Path(), annotationLine(md, ""), &RuleError{
			Method: name, Rule: RuleInvalidates,
			Reason: "may have side effects and invalidates nothing, while replies of its service are cached in groups: annotate it with invalidates, or idempotency_level = NO_SIDE_EFFECTS",
		})
	}
	return f.err()
}

func check(files *protoregistry.Files) *faults {
	var f faults
	set := compileAll(files, &f)
	var read []template
	for _, name := range set.Methods() {
		if p := set.policies[name]; p.Cache != nil {
			read = append(read, p.Cache.Groups.templates...)
		}
	}
	if len(read) == 0 {
		return &f // the readers may be elsewhere
	}
	for md := range methods(files) {
		p := set.Lookup(wireName(md))
		if p == nil || p.Invalidates == nil {
			continue
		}
		for _, t := range p.Invalidates.templates {
			if !meetsAny(t, read) {
				field := index("invalidates.groups", t.index)
				f.put(md.ParentFile().Path(), annotationLine(md, field), &RuleError{
					Method: p.Method, Field: field, Rule: RuleGroups,
					Reason: fmt.Sprintf("no cached reply of these files can be in the group %q", t.text),
				})
			}
		}
	}
	return &f
}

func meetsAny(t template, others []template) bool {
	for _, o := range others {
		if meet(t.texts, o.texts) {
			return true
		}
	}
	return false
}

// meet reports whether two templates can make the same group, whatever their fields hold: what
// stands between their texts may be anything. Both have at least one text.
func meet(a, b []string) bool {
	// Where both have fields, the texts before the first of them and behind the last must
	// agree as far as both say anything; what lies between can be filled in at will.
	if len(a) == 1 && len(b) == 1 {
		return a[0] == b[0]
	}
	if len(a) == 1 {
		return fits(a[0], b)
	}
	if len(b) == 1 {
		return fits(b[0], a)
	}
	before, after := [2]string{a[0], b[0]}, [2]string{a[len(a)-1], b[len(b)-1]}
	return (strings.HasPrefix(before[0], before[1]) || strings.HasPrefix(before[1], before[0])) &&
		(strings.HasSuffix(after[0], after[1]) || strings.HasSuffix(after[1], after[0]))
}

// fits reports whether texts with anything between them can make s.
func fits(s string, texts []string) bool {
	s, begins := strings.CutPrefix(s, texts[0])
	s, ends := strings.CutSuffix(s, texts[len(texts)-1])
	if !begins || !ends {
		return false
	}
	for _, t := range texts[1 : len(texts)-1] {
		i := strings.Index(s, t)
		if i < 0 {
			return false
		}
		s = s[i+len(t):]
	}
	return true
}
