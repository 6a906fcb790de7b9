package origin

import (
	"crypto/sha256"
	"encoding/base64"

	"google.golang.org/grpc"

	"github.com/freshet-io/freshet/cachepolicy/wire"
)

// maxPrefixBytes is the longest name of a downstream that is used as it is.
const maxPrefixBytes = 64

// under returns the groups of a downstream as this server calls them: the
// downstream's name, "/", and the group. Names and groups that are too long are
// hashed, the same way wherever they occur, so that reads and writes agree.
// Versions stay what they are: they compare within one group, and whatever
// reaches our clients of this one is counted by that downstream.
func (o *Origin) under(cc *grpc.ClientConn, groups []wire.Group) []wire.Group {
	if len(groups) == 0 {
		return nil
	}
	prefix := o.downstream(cc) + "/"
	out := make([]wire.Group, len(groups))
	for i, g := range groups {
		name := prefix + g.Name
		if len(name) > wire.MaxGroupBytes {
			name = prefix + hash(g.Name)
		}
		out[i] = wire.Group{Name: name, Version: g.Version, Soft: g.Soft}
	}
	return out
}

// downstream names the server behind a channel.
func (o *Origin) downstream(cc *grpc.ClientConn) string {
	name := ""
	if cc != nil {
		name = cc.CanonicalTarget()
	}
	if o.prefix != nil {
		name = o.prefix(name)
	}
	if len(name) > maxPrefixBytes {
		return hash(name)
	}
	return name
}

// hash returns 43 characters that stand for s.
func hash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
