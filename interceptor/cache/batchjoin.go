package cache

import (
	"maps"
	"slices"
	"strconv"
	"time"

	"google.golang.org/grpc/metadata"

	"github.com/freshet-io/freshet/cachepolicy/wire"
)

// joined is the metadata of a reply that was put together from several.
type joined struct {
	header, trailer metadata.MD
	said            wire.Response
	age             time.Duration
	groups          []wire.Group
	unknown         bool // the groups of one are not known
}

func (j *joined) add(header, trailer metadata.MD) {
	said, _ := wire.ReplyDirectives(header, trailer) // what cannot be read says no-store
	j.said = wire.MergeResponse(j.said, said)
	j.age = max(j.age, wire.ParseAge(header[wire.KeyAge]), wire.ParseAge(trailer[wire.KeyAge]))
	groups, err := wire.ParseGroupList(slices.Concat(header[wire.KeyCacheGroups], trailer[wire.KeyCacheGroups]))
	j.unknown = j.unknown || err != nil
	for _, g := range groups {
		if !slices.ContainsFunc(j.groups, func(have wire.Group) bool { return have.Name == g.Name }) {
			j.groups = append(j.groups, wire.Group{Name: g.Name})
		}
	}
	maps.Copy(j.header, header)
	maps.Copy(j.trailer, trailer)
}

// finish writes what was joined in place of what single replies said. An etag and a version
// are of one reply, and the whole has none.
func (j *joined) finish() {
	for _, md := range []metadata.MD{j.header, j.trailer} {
		for _, k := range []string{wire.KeyCacheControl, wire.KeyRPCCacheControl, wire.KeyAge, wire.KeyCacheGroups, wire.KeyETag, wire.KeyCacheVersion} {
			delete(md, k)
		}
	}
	list, err := wire.FormatGroupList(j.groups)
	if j.unknown || err != nil { // more than a reply can say: nobody is to build on it
		j.said, list = wire.Response{NoStore: true}, ""
	}
	if s := j.said.String(); s != "" {
		j.header.Set(wire.KeyCacheControl, s)
	}
	if j.age > 0 {
		j.header.Set(wire.KeyAge, strconv.FormatInt(wholeSeconds(j.age), 10))
	}
	if list != "" {
		j.header.Set(wire.KeyCacheGroups, list)
	}
}
