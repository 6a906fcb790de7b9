package origin

import (
	"fmt"
	"slices"
	"strings"

	"github.com/freshet-io/freshet/cachepolicy/wire"
)

// maxFieldBytes bounds a group field that is sent, well below the 128 groups of
// 256 bytes that a freshet cache reads. A header list of more than 8 KiB fails
// the call at peers that accept no more (grpc-java's default, and the coming one
// of grpc-go), and the rest of the trailer needs room too.
const maxFieldBytes = 6 << 10

// field is a group field in the making: a set of groups that fits one.
type field struct {
	members []member
	bytes   int
	// err says why the groups cannot be told one by one; there are then no
	// members, and adding some changes nothing.
	err error
}

// member is a group, and its structured-field item.
type member struct {
	wire.Group
	text string
}

// put adds a group whose name is not in the field, and takes the place of the
// member at index i where that is in the field already.
func (f *field) put(i int, g wire.Group) {
	if f.err != nil {
		return
	}
	text, err := wire.FormatGroupList([]wire.Group{g})
	if err != nil {
		f.fail(fmt.Errorf("a group must be at most %d bytes, got %d", wire.MaxGroupBytes, len(g.Name)))
		return
	}
	bytes, had := f.bytes+len(text)+len(", "), i < len(f.members)
	if had {
		bytes -= len(f.members[i].text) + len(", ")
	}
	switch {
	case !had && len(f.members) == wire.MaxGroups:
		f.fail(fmt.Errorf("the groups of one reply must be at most %d, got more", wire.MaxGroups))
	case bytes > maxFieldBytes:
		f.fail(fmt.Errorf("the groups of one reply must take at most %d bytes, got more", maxFieldBytes))
	case had:
		f.members[i], f.bytes = member{g, text}, bytes
	default:
		f.members, f.bytes = append(f.members, member{g, text}), bytes
	}
}

// index returns where a group stands, or would be added.
func (f *field) index(name string) int {
	for i := range f.members {
		if f.members[i].Name == name {
			return i
		}
	}
	return len(f.members)
}

// fail gives up telling the groups. The first reason stays.
func (f *field) fail(err error) {
	if f.err == nil {
		*f = field{err: err}
	}
}

// clone returns a copy that can be added to.
func (f *field) clone() field {
	c := *f
	c.members = slices.Clone(f.members)
	return c
}

// groups returns the groups.
func (f *field) groups() []wire.Group {
	out := make([]wire.Group, len(f.members))
	for i := range f.members {
		out[i] = f.members[i].Group
	}
	return out
}

// text returns the field's value, "" for no groups.
func (f *field) text() string {
	var b strings.Builder
	b.Grow(f.bytes)
	for i := range f.members {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(f.members[i].text)
	}
	return b.String()
}
