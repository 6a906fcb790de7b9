package wire

import "strings"

// MaxETagBytes is the longest entity tag that is read.
const MaxETagBytes = 1024

// ValidETag reports whether s is an entity tag: "entity-tag = [ weak ] opaque-tag", as
// in "v1" or W/"v1", quotes included (RFC 9110 section 8.8.3), of at most [MaxETagBytes].
func ValidETag(s string) bool {
	if len(s) > MaxETagBytes {
		return false
	}
	s = strings.TrimPrefix(s, "W/")
	if len(s) < 2 || s[0] != '"' || s[len(s)-1] != '"' {
		return false
	}
	// etagc = %x21 / %x23-7E / obs-text; gRPC's metadata has no obs-text.
	for _, c := range []byte(s[1 : len(s)-1]) {
		if c <= ' ' || c == '"' || c >= 0x7f {
			return false
		}
	}
	return true
}

// ReplyETag is the entity tag that a reply's header or trailer has; "": there is none. An error,
// which wraps [ErrMalformed], is returned for what is no entity tag, and for two that
// differ: it is not known which of them belongs to the reply.
func ReplyETag(header, trailer map[string][]string) (string, error) {
	tag := ""
	for _, md := range []map[string][]string{header, trailer} {
		for _, v := range md[KeyETag] {
			v = strings.Trim(v, " \t")
			if !ValidETag(v) {
				return "", malformed(KeyETag, "want an entity tag, in its quotes", v)
			}
			if tag != "" && tag != v {
				return "", malformed(KeyETag, "want one entity tag", v)
			}
			tag = v
		}
	}
	return tag, nil
}

// MatchesETag reports whether if-none-match, all values of the key being one list, names an
// entity tag or is "*". Tags are compared weakly: "Two entity tags are equivalent if their
// opaque-tags match character-by-character, regardless of either or both being tagged as
// weak" (RFC 9110 section 8.8.3.2, to be used for if-none-match by section 13.1.2). A value is read
// up to where it is no list of entity tags any more, and the rest matches nothing, so that
// the reply is sent whole.
func MatchesETag(values []string, etag string) bool {
	want := strings.TrimPrefix(etag, "W/")
	for _, v := range values {
		if strings.Trim(v, " \t") == "*" {
			return len(values) == 1
		}
		for v != "" {
			v = strings.TrimLeft(v, " \t,")
			tag := strings.TrimPrefix(v, "W/")
			if tag == "" || tag[0] != '"' {
				break
			}
			end := strings.IndexByte(tag[1:], '"')
			if end < 0 {
				break
			}
			if tag[:end+2] == want {
				return true
			}
			if v = strings.TrimLeft(tag[end+2:], " \t"); v != "" && v[0] != ',' {
				break
			}
		}
	}
	return false
}

// SaysNotModified reports whether a reply's metadata says that the copy that the call named is
// still good.
func SaysNotModified(header, trailer map[string][]string) bool {
	for _, md := range []map[string][]string{header, trailer} {
		for _, v := range md[KeyNotModified] {
			if v == "1" {
				return true
			}
		}
	}
	return false
}
