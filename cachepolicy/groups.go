package cachepolicy

import (
	"errors"
	"fmt"
	"slices"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/freshet-io/freshet/cachepolicy/wire"
)

// ErrGroupLimit is what an expansion of group templates returns when it makes
// more groups, or longer ones, than one reply may have: 128 of 256 bytes. Of
// one template every combination of different elements counts, also where some
// make the same text. A reply in too many groups is not stored; an invalidation of too many falls on
// all groups of its target.
var ErrGroupLimit = errors.New("cachepolicy: more than 128 groups, or one of more than 256 bytes")

// Groups is a compiled list of group templates. It is immutable and safe for
// concurrent use.
type Groups struct {
	templates []template
	response  bool
}

// groups compiles a list of templates, recording every fault.
func (s source) groups(at string, md protoreflect.MethodDescriptor, texts []string) *Groups {
	g := &Groups{}
	if len(texts) > wire.MaxGroups {
		s.fault(at, "at most %d templates, got %d", wire.MaxGroups, len(texts))
		return g
	}
	for i, text := range texts {
		if s.unread(index(at, i)) {
			continue
		}
		t, reason := compileTemplate(md, text)
		if reason != "" {
			s.fault(index(at, i), "%s", reason)
			continue
		}
		t.index = i
		g.templates = append(g.templates, t)
		g.response = g.response || t.usesResponse()
	}
	return g
}

// NeedsResponse reports whether some group can only be named with the reply at
// hand.
func (g *Groups) NeedsResponse() bool { return g != nil && g.response }

// FromRequest returns the groups that the request alone names, each once, in the
// order of the templates. The error is
// [ErrGroupLimit], or says that req is not the method's request.
func (g *Groups) FromRequest(req proto.Message) ([]string, error) {
	return g.expand(req, nil, func(t template) bool { return !t.usesResponse() })
}

// Expand returns all groups, each once, in the order of the templates. Either
// message may be nil where no template needs
// it. The error is [ErrGroupLimit], or says which message is missing or not the
// method's.
func (g *Groups) Expand(req, resp proto.Message) ([]string, error) {
	return g.expand(req, resp, func(template) bool { return true })
}

func (g *Groups) expand(req, resp proto.Message, want func(template) bool) ([]string, error) {
	if g == nil || len(g.templates) == 0 {
		return nil, nil
	}
	var rq, rs protoreflect.Message
	if req != nil {
		rq = req.ProtoReflect()
	}
	if resp != nil {
		rs = resp.ProtoReflect()
	}
	out := make([]string, 0, len(g.templates))
	var err error
	for _, t := range g.templates {
		if !want(t) {
			continue
		}
		if out, err = t.expand(rq, rs, out); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func addGroup(dst []string, group string) ([]string, error) {
	if slices.Contains(dst, group) {
		return dst, nil
	}
	if len(dst) == wire.MaxGroups || len(group) > wire.MaxGroupBytes {
		return dst, ErrGroupLimit
	}
	return append(dst, group), nil
}

func index(at string, i int) string { return fmt.Sprintf("%s[%d]", at, i) }
