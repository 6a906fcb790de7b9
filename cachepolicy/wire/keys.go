package wire

// The metadata keys. On a reply, header and trailer are both read.
const (
	// KeyCacheControl carries a reply's directives (RFC 9111 section 5.2.2), or
	// a call's (section 5.2.1).
	KeyCacheControl = "cache-control"
	// KeyRPCCacheControl carries a reply's directives for freshet alone: where it
	// is valid it replaces cache-control (RFC 9213).
	KeyRPCCacheControl = "rpc-cache-control"
	// KeyAge carries the seconds for which a reply was stored on its way here
	// (RFC 9111 section 5.1).
	KeyAge = "age"
	// KeyVary names the request metadata that a reply depends on (RFC 9110
	// section 12.5.5).
	KeyVary = "vary"
	// KeyCacheGroups names the groups that a reply belongs to (RFC 9875 section
	// 2).
	KeyCacheGroups = "cache-groups"
	// KeyCacheGroupInvalidation names the groups that a call has made untrue
	// (RFC 9875 section 3).
	KeyCacheGroupInvalidation = "cache-group-invalidation"
	// KeyCacheStatus says how caches handled a call (RFC 9211).
	KeyCacheStatus = "cache-status"
	// KeyIfNoneMatch makes a call conditional on the caller's own copy (RFC 9110
	// section 13.1.2).
	KeyIfNoneMatch = "if-none-match"
	// KeyETag carries a reply's validator (RFC 9110 section 8.8.3).
	KeyETag = "etag"
	// KeyNotModified says, with the value "1" and beside OK and an empty message, that the copy that
	// if-none-match named is still good (RFC 9110 section 15.4.5, which has a status for it).
	KeyNotModified = "cache-not-modified"
	// KeyCacheVersion carries a reply's version: a counter that grows with each change of what
	// the reply shows. It is the reply's version in each of its groups, unless a member of
	// cache-groups has one of its own ("v").
	KeyCacheVersion = "cache-version"
	// KeyCacheMinVersion asks for a reply of at least that version.
	KeyCacheMinVersion = "cache-min-version"
)

const (
	// MaxFieldBytes is the longest field that is parsed: all values of one key
	// together, each with one byte for its separator. The two group fields have
	// a limit of their own, [MaxGroupFieldBytes].
	MaxFieldBytes = 64 << 10
	// MaxDirectives is how many directives a cache-control may hold, how many
	// names a no-cache may list, and how many members a vary.
	MaxDirectives = 256
	// MaxSeconds is what a larger number of seconds is taken for (RFC 9111
	// section 1.2.2).
	MaxSeconds = 1 << 31
)
