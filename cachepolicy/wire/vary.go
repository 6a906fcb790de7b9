package wire

import (
	"slices"
	"strings"
)

// ParseVary reads the vary of a reply: the request metadata that it depends on,
// in lower case, sorted, each once; nil for none. It reports a wildcard for
// a reply that matches no other call: "A stored response with a Vary header field value
// containing a member "*" always fails to match" (RFC 9111 section 4.1). A
// member that is no metadata key, and a field over [MaxFieldBytes] or
// [MaxDirectives], count as "*". Beside a wildcard there are no keys.
func ParseVary(values []string) (keys []string, wildcard bool) {
	if size(values) > MaxFieldBytes {
		return nil, true
	}
	for _, v := range values {
		for member := range strings.SplitSeq(v, ",") {
			member = strings.Trim(member, " \t")
			if member == "" {
				continue
			}
			if member == "*" || !isToken(member) || len(keys) == MaxDirectives {
				return nil, true
			}
			keys = append(keys, strings.ToLower(member))
		}
	}
	slices.Sort(keys)
	return slices.Compact(keys), false
}
