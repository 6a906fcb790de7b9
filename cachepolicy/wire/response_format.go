package wire

import "strconv"

// String returns the Response as a cache-control value in canonical order, ""
// when it says nothing. [ParseResponse] of it returns the same Response, if that
// is normal and holds whole seconds and valid names.
func (r Response) String() string {
	return string(r.AppendTo(make([]byte, 0, 64)))
}

// AppendTo appends what [Response.String] returns to b. A negative duration is
// written as 0.
func (r Response) AppendTo(b []byte) []byte {
	start := len(b)
	word := func(say bool, text string) {
		if say {
			b = append(separate(b, start), text...)
		}
	}
	word(r.NoStore, "no-store")
	word(r.NoCache, "no-cache")
	if len(r.NoCacheFields) > 0 && !r.NoCache {
		b = append(separate(b, start), `no-cache="`...)
		for i, f := range r.NoCacheFields {
			if i > 0 {
				b = append(b, ", "...)
			}
			b = append(b, f...)
		}
		b = append(b, '"')
	}
	word(r.Private, "private")
	word(r.Public && !r.Private, "public")
	word(r.MustRevalidate, "must-revalidate")
	word(r.ProxyRevalidate, "proxy-revalidate")
	b = appendSeconds(b, start, "max-age=", r.MaxAge)
	b = appendSeconds(b, start, "s-maxage=", r.SMaxAge)
	b = appendSeconds(b, start, "stale-if-error=", r.StaleIfError)
	return appendSeconds(b, start, "stale-while-revalidate=", r.StaleWhileRevalidate)
}

func appendSeconds(b []byte, start int, name string, s Seconds) []byte {
	d, ok := s.Get()
	if !ok {
		return b
	}
	b = append(separate(b, start), name...)
	return strconv.AppendInt(b, max(0, wholeSeconds(d)), 10)
}

// separate appends a list separator, unless the list is empty.
func separate(b []byte, start int) []byte {
	if len(b) > start {
		b = append(b, ", "...)
	}
	return b
}
