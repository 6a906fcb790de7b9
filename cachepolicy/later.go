package cachepolicy

import (
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"

	freshetv1 "github.com/freshet-io/freshet/proto/freshet/v1"
)

// later is the reason given for fields that this version cannot honour. A rule
// is a promise to its author: it is refused rather than kept in part.
const later = "not supported by this version of freshet"

// refuseLater refuses the fields of a rule that the schema has and this version
// does not honour.
func (s source) refuseLater(c *freshetv1.CacheRule) {
	for _, f := range []struct {
		name string
		set  bool
	}{
		{"stale_while_revalidate", c.GetStaleWhileRevalidate() != nil},
		{"stale_if_overloaded", c.GetStaleIfOverloaded() != nil},
		{"unsynced_max_age", c.GetUnsyncedMaxAge() != nil},
		{"negative_max_age", c.GetNegativeMaxAge() != nil},
		{"negative_codes", len(c.GetNegativeCodes()) > 0},
		{"hold_off", c.GetHoldOff() != nil},
		{"soft_timeout", c.GetSoftTimeout() != nil},
		{"eager_refresh", c.GetEagerRefresh() != 0},
		{"jitter", c.GetJitter() != 0},
		{"prefer", c.GetPrefer() != freshetv1.CacheRule_PREFER_UNSPECIFIED},
		{"shared_reply", c.GetSharedReply()},
	} {
		if f.set {
			s.fault("cache."+f.name, "%s", later)
		}
	}
}

// refuseUnknown refuses fields that this version's schema does not know: an
// annotation may have been compiled against a later one.
func (s source) refuseUnknown(at string, m protoreflect.Message) {
	raw := m.GetUnknown()
	for len(raw) > 0 {
		num, _, n := protowire.ConsumeField(raw)
		if n < 0 {
			break
		}
		s.fault(at, "unknown field %d of %s: it was written for a later version of freshet", num, m.Descriptor().FullName())
		raw = raw[n:]
	}
	m.Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		if fd.Message() != nil && !fd.IsList() && !fd.IsMap() {
			s.refuseUnknown(join(at, string(fd.Name())), v.Message())
		}
		return true
	})
}

// join makes a path of two, either of which may be empty.
func join(at, name string) string {
	if at == "" || name == "" {
		return at + name
	}
	return at + "." + name
}
