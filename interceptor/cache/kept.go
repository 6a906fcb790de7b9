package cache

import (
	"slices"
	"strings"

	"google.golang.org/grpc/metadata"

	"github.com/freshet-io/freshet/cachepolicy/wire"
)

// kept returns the metadata that is stored with a reply.
func (c *call) kept(md metadata.MD, omit []string) metadata.MD {
	out := make(metadata.MD, len(md))
	for k, v := range md {
		if !c.skips(k, omit) {
			out[k] = v
		}
	}
	return out
}

// skips reports whether metadata is not stored: what belongs to the attempt, to a hop, or to one
// caller.
func (c *call) skips(key string, omit []string) bool {
	return neverStored(key) || slices.Contains(c.rule.Strip, key) || slices.Contains(omit, key)
}

// neverStored lists metadata that describes one attempt or one hop (load
// reports, retry push-back, what another cache said, an answer to a condition), is made
// anew for each use (age), or names a caller (set-cookie).
func neverStored(key string) bool {
	switch key {
	case wire.KeyAge, wire.KeyCacheStatus, wire.KeyCacheGroupInvalidation, wire.KeyNotModified,
		"set-cookie", "freshet-load-bin", "endpoint-load-metrics-bin":
		return true
	}
	return strings.HasPrefix(key, "grpc-")
}
