package wire

import (
	"time"

	"github.com/dunglas/httpsfv"
)

// ParseTargeted reads rpc-cache-control, a targeted field of RFC 9213. Where it
// returns true the Response replaces what cache-control says: the two are not
// merged. It returns false where cache-control counts: the field is absent, empty
// or invalid (section 2.2).
//
// The field is a structured-field Dictionary (RFC 9651), so names are lower case
// and of a repeated member the last counts. A max-age, s-maxage,
// stale-if-error or stale-while-revalidate must be a non-negative Integer, no-cache and private a Boolean,
// String or Token, every other known directive a Boolean; anything else makes
// the field invalid, since RFC 9213 section 2.1 warns of coercing values. Boolean
// false is as if the member were absent. Unknown members, and parameters, are
// ignored.
func ParseTargeted(values []string) (Response, bool) {
	if len(values) == 0 || size(values) > MaxFieldBytes {
		return Response{}, false
	}
	dict, err := httpsfv.UnmarshalDictionary(values)
	if err != nil || len(dict.Names()) == 0 {
		return Response{}, false
	}
	var r Response
	for _, name := range dict.Names() {
		m, _ := dict.Get(name)
		if !r.addTargeted(name, m) {
			return Response{}, false
		}
	}
	r.normalize()
	return r, true
}

func (r *Response) addTargeted(name string, m httpsfv.Member) bool {
	switch name {
	case "max-age":
		return memberSeconds(&r.MaxAge, m)
	case "s-maxage":
		return memberSeconds(&r.SMaxAge, m)
	case "stale-if-error":
		return memberSeconds(&r.StaleIfError, m)
	case "stale-while-revalidate":
		return memberSeconds(&r.StaleWhileRevalidate, m)
	case "no-store":
		return memberBool(&r.NoStore, m)
	case "public":
		return memberBool(&r.Public, m)
	case "must-revalidate":
		return memberBool(&r.MustRevalidate, m)
	case "proxy-revalidate":
		return memberBool(&r.ProxyRevalidate, m)
	case "private":
		if _, qualified := memberText(m); qualified {
			r.Private = true
			return true
		}
		return memberBool(&r.Private, m)
	case "no-cache":
		if fields, qualified := memberText(m); qualified {
			r.noCache(true, fields)
			return true
		}
		return memberBool(&r.NoCache, m)
	}
	return true
}

func memberSeconds(to *Seconds, m httpsfv.Member) bool {
	n, ok := bare(m).(int64)
	if !ok || n < 0 {
		return false
	}
	*to = Some(time.Duration(min(n, MaxSeconds)) * time.Second)
	return true
}

func memberBool(to *bool, m httpsfv.Member) bool {
	v, ok := bare(m).(bool)
	*to = v
	return ok
}

// memberText returns a String or a Token.
func memberText(m httpsfv.Member) (string, bool) { return bareText(bare(m)) }

func bareText(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case httpsfv.Token:
		return string(v), true
	}
	return "", false
}

// bare returns an Item's value, nil for an Inner List.
func bare(m httpsfv.Member) any {
	if item, ok := m.(httpsfv.Item); ok {
		return item.Value
	}
	return nil
}
