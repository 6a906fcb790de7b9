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
	members []string // as structured-field items
	bytes   int
	// err says why the groups cannot be told one by one; there are then no
	// members, and adding some changes nothing.
	err error
}

// add adds groups.
func (f *field) add(groups []string) {
	for _, g := range groups {
		text, err := wire.FormatGroups([]string{g})
		if err != nil {
			f.fail(fmt.Errorf("a group must be at most %d bytes, got %d", wire.MaxGroupBytes, len(g)))
			return
		}
		f.addMember(text)
	}
}

func (f *field) addMember(text string) {
	if f.err != nil || slices.Contains(f.members, text) {
		return
	}
	bytes := f.bytes + len(text) + len(", ")
	switch {
	case len(f.members) == wire.MaxGroups:
		f.fail(fmt.Errorf("the groups of one reply must be at most %d, got more", wire.MaxGroups))
	case bytes > maxFieldBytes:
		f.fail(fmt.Errorf("the groups of one reply must take at most %d bytes, got more", maxFieldBytes))
	default:
		f.members, f.bytes = append(f.members, text), bytes
	}
}

// merge adds another field's groups.
func (f *field) merge(other *field) {
	if other.err != nil {
		f.fail(other.err)
	}
	for _, m := range other.members {
		f.addMember(m)
	}
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

// text returns the field's value, "" for no groups.
func (f *field) text() string { return strings.Join(f.members, ", ") }
