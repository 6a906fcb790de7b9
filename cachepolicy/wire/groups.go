package wire

import (
	"encoding/base64"
	"fmt"
	"strconv"

	"github.com/dunglas/httpsfv"
)

// The limits on a group field. RFC 9875 section 2 asks for at least 32 groups of
// 32 characters.
const (
	// MaxGroups is how many groups one field may name.
	MaxGroups = 128
	// MaxGroupBytes is how long a group may be.
	MaxGroupBytes = 256
	// MaxGroupFieldBytes is the longest group field that is read, counted like
	// [MaxFieldBytes]: twice what the longest groups take without parameters.
	MaxGroupFieldBytes = 128 << 10
)

// Group is a member of cache-groups or cache-group-invalidation.
type Group struct {
	// Name is the group.
	Name string
	// Version is the parameter v; 0: it has none. In cache-groups it is the reply's version
	// in that group, in cache-group-invalidation the least version that is still true.
	Version uint64
	// Soft is the parameter soft of an invalidation: replies become stale, not invalid.
	Soft bool
}

// ParseGroupList reads cache-groups or cache-group-invalidation: "a List of
// Strings" (RFC 9875 section 2), all values of the key being one List (RFC 9651).
// A member may also be a Byte Sequence, as which a group travels that is not
// printable ASCII. The parameters v, an Integer from 0 to [MaxVersion], and soft, a Boolean,
// are read and others ignored. The groups are in the field's order,
// repetitions included; nil for none.
//
// An error wraps [ErrLimit] for a field over [MaxGroups], [MaxGroupBytes] or
// [MaxGroupFieldBytes], and otherwise [ErrMalformed]; there are then no groups.
func ParseGroupList(values []string) ([]Group, error) {
	if n := size(values); n > MaxGroupFieldBytes {
		return nil, overLimit("the bytes of a group field", MaxGroupFieldBytes, n)
	}
	list, err := httpsfv.UnmarshalList(values)
	if err != nil {
		return nil, fmt.Errorf("wire: %w groups: %w", ErrMalformed, err)
	}
	if len(list) == 0 {
		return nil, nil
	}
	groups := make([]Group, 0, min(len(list), MaxGroups))
	var limit error
	for i, m := range list {
		group, ok := groupOf(m)
		if !ok {
			return nil, fmt.Errorf("wire: %w groups: member %d must be a string or a byte sequence, its v an integer from 0 to %d and its soft a boolean", ErrMalformed, i, int64(MaxVersion))
		}
		if limit == nil {
			limit = checkGroup(len(list), len(group.Name))
			groups = append(groups, group)
		}
	}
	if limit != nil {
		return nil, limit
	}
	return groups, nil
}

// ParseGroups is [ParseGroupList] for those who need the names alone.
func ParseGroups(values []string) ([]string, error) {
	list, err := ParseGroupList(values)
	if len(list) == 0 {
		return nil, err
	}
	names := make([]string, len(list))
	for i, g := range list {
		names[i] = g.Name
	}
	return names, nil
}

func checkGroup(groups, bytes int) error {
	if groups > MaxGroups {
		return overLimit("the number of groups", MaxGroups, groups)
	}
	if bytes > MaxGroupBytes {
		return overLimit("the bytes of a group", MaxGroupBytes, bytes)
	}
	return nil
}

func groupOf(m httpsfv.Member) (g Group, ok bool) {
	switch v := bare(m).(type) {
	case string:
		g.Name = v
	case []byte:
		g.Name = string(v)
	default:
		return g, false
	}
	params := m.(httpsfv.Item).Params //nolint:forcetypeassert // only an Item has a bare value
	if v, has := params.Get("v"); has {
		n, isInt := v.(int64)
		if !isInt || n < 0 || n > MaxVersion {
			return g, false
		}
		g.Version = uint64(n)
	}
	if v, has := params.Get("soft"); has {
		if g.Soft, ok = v.(bool); !ok {
			return g, false
		}
	}
	return g, true
}

// FormatGroups is [FormatGroupList] of groups without parameters.
func FormatGroups(names []string) (string, error) {
	list := make([]Group, len(names))
	for i, n := range names {
		list[i].Name = n
	}
	return FormatGroupList(list)
}

// FormatGroupList returns the groups as one field value, "" for none. Any string
// can be a group: [ParseGroupList] of the value returns the same groups, if their versions are at
// most [MaxVersion]; a larger one is written as that. An error
// wraps [ErrLimit]: a field over [MaxGroups] or [MaxGroupBytes] would not be
// read.
func FormatGroupList(groups []Group) (string, error) {
	n := 0
	for _, g := range groups {
		if err := checkGroup(len(groups), len(g.Name)); err != nil {
			return "", err
		}
		n += len(g.Name) + len(`"", `)
	}
	b := make([]byte, 0, n)
	for i, g := range groups {
		if i > 0 {
			b = append(b, ", "...)
		}
		b = appendGroup(b, g.Name)
		if g.Version > 0 {
			b = append(b, ";v="...)
			b = strconv.AppendUint(b, min(g.Version, MaxVersion), 10)
		}
		if g.Soft {
			b = append(b, ";soft"...)
		}
	}
	return string(b), nil
}

func appendGroup(b []byte, g string) []byte {
	if printable(g) {
		return appendString(b, g)
	}
	b = append(b, ':')
	b = base64.StdEncoding.AppendEncode(b, []byte(g))
	return append(b, ':')
}

// printable says that a structured-field String can hold s (RFC 9651 section
// 3.3.3).
func printable(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] >= 0x7f {
			return false
		}
	}
	return true
}

// appendString appends s as a structured-field String, "?" standing for what
// such a String cannot hold.
func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	for i := range len(s) {
		c := s[i]
		switch {
		case c < ' ' || c >= 0x7f:
			c = '?'
		case c == '"' || c == '\\':
			b = append(b, '\\')
		}
		b = append(b, c)
	}
	return append(b, '"')
}
