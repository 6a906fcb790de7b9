package decorate

import (
	"strings"

	"google.golang.org/grpc/resolver"
)

// Authority returns the authority that gRPC gives a channel with this builder
// and target: the one that the builder names, or else the target's endpoint,
// percent-encoded where RFC 3986, section 3.2 wants it.
func Authority(b resolver.Builder, t resolver.Target) string {
	if o, ok := b.(resolver.AuthorityOverrider); ok {
		return o.OverrideAuthority(t)
	}
	endpoint := encode(t.Endpoint())
	if strings.HasPrefix(endpoint, ":") {
		return "localhost" + endpoint
	}
	return endpoint
}

func encode(s string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; isAuthority(c) {
			b.WriteByte(c)
		} else {
			b.Write([]byte{'%', hex[c>>4], hex[c&15]})
		}
	}
	return b.String()
}

func isAuthority(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' ||
		strings.IndexByte("-._~!$&'()*+,;=:[]@", c) >= 0
}
