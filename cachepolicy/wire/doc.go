// Package wire reads and writes what freshet's caches and servers say to each
// other in call metadata. The names are HTTP's own and so are the rules: RFC
// 9111 (cache-control, age, vary), RFC 9213 (rpc-cache-control), RFC 9875
// (groups) and RFC 9211 (cache-status).
//
//	header, err := wire.ParseResponse(headerMD.Get(wire.KeyCacheControl))
//	trailer, err2 := wire.ParseResponse(trailerMD.Get(wire.KeyCacheControl))
//	said := wire.MergeResponse(header, trailer)
//	if err != nil || err2 != nil || said.NoStore {
//		return // not cacheable
//	}
//	if lifetime, ok := said.MaxAge.Get(); ok { … }
//
// Every parser takes all values of one key, which together are one list, and
// where a text can be misunderstood it errs towards asking the origin: the
// smallest of two lifetimes counts, a restriction beats a permission, a
// malformed cache-control is no-store, a malformed vary is "*", a malformed wish
// of a caller is the strictest form of that wish. The two exceptions are those
// of the RFCs: a malformed age is ignored (RFC 9111 section 5.1), and so is a
// malformed targeted field, for cache-control then counts (RFC 9213 section
// 2.2).
//
// The parsers never panic, run in time linear in their input, and refuse, as
// malformed, a field of more than [MaxFieldBytes]. Parsing cache-control without
// a qualified no-cache allocates nothing. Everything here is a pure function,
// safe for concurrent use.
package wire
