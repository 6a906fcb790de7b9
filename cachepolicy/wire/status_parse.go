package wire

import (
	"time"

	"github.com/dunglas/httpsfv"
)

// ParseStatus reads cache-status, all values of the key being one List (RFC
// 9651), and returns its last member: "the last member represents the cache
// closest to the user" (RFC 9211 section 2). It reports false for an empty
// or malformed field, one over [MaxFieldBytes], and a last member that is not a
// String or Token. Parameters that are unknown or of another type than RFC 9211
// gives them are ignored.
func ParseStatus(values []string) (Status, bool) {
	if size(values) > MaxFieldBytes {
		return Status{}, false
	}
	list, err := httpsfv.UnmarshalList(values)
	if err != nil || len(list) == 0 {
		return Status{}, false
	}
	last, ok := list[len(list)-1].(httpsfv.Item)
	if !ok {
		return Status{}, false
	}
	var s Status
	if s.Cache, ok = bareText(last.Value); !ok || s.Cache == "" {
		return Status{}, false
	}
	for _, name := range last.Params.Names() {
		v, _ := last.Params.Get(name)
		s.setParam(name, v)
	}
	return s, true
}

func (s *Status) setParam(name string, v any) {
	switch name {
	case "hit":
		s.Hit, _ = v.(bool)
	case "fwd":
		if t, ok := v.(httpsfv.Token); ok {
			s.Fwd = Fwd(t)
		}
	case "fwd-status":
		if n, ok := v.(int64); ok {
			s.FwdStatus = Some(clampCode(n))
		}
	case "stored":
		s.Stored, _ = v.(bool)
	case "collapsed":
		if b, ok := v.(bool); ok {
			s.Collapsed = Some(b)
		}
	case "ttl":
		if n, ok := v.(int64); ok {
			s.TTL = Some(time.Duration(min(max(n, -MaxSeconds), MaxSeconds)) * time.Second)
		}
	case "key":
		s.Key, _ = v.(string)
	case "detail":
		s.Detail, _ = bareText(v)
	}
}
