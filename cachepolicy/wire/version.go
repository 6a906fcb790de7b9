package wire

import (
	"fmt"
	"strconv"

	"github.com/dunglas/httpsfv"
)

// MaxVersion is the greatest version: a structured-field Integer has "up to 15 digits" (RFC 9651
// section 3.3.1).
const MaxVersion = 1_000_000_000_000_000 - 1

// ParseVersion reads cache-version or cache-min-version: a structured-field Integer from 0 to
// [MaxVersion], whose parameters are ignored. Of several values the least counts. No values
// are 0, which is no version. An error wraps [ErrMalformed].
func ParseVersion(values []string) (uint64, error) {
	var least uint64
	for i, v := range values {
		item, err := httpsfv.UnmarshalItem([]string{v})
		if err != nil {
			return 0, fmt.Errorf("wire: %w version: %w", ErrMalformed, err)
		}
		n, ok := item.Value.(int64)
		if !ok || n < 0 {
			return 0, malformed(KeyCacheVersion, fmt.Sprintf("want an integer from 0 to %d", int64(MaxVersion)), v)
		}
		if i == 0 || uint64(n) < least {
			least = uint64(n)
		}
	}
	return least, nil
}

// ReplyVersion is the version that a reply's header and trailer say, the lesser if both do.
func ReplyVersion(header, trailer map[string][]string) (uint64, error) {
	h, t := header[KeyCacheVersion], trailer[KeyCacheVersion]
	switch {
	case len(h)+len(t) == 0:
		return 0, nil
	case len(t) == 0:
		return ParseVersion(h)
	case len(h) == 0:
		return ParseVersion(t)
	}
	a, err := ParseVersion(h)
	if err != nil {
		return 0, err
	}
	b, err := ParseVersion(t)
	return min(a, b), err
}

// FormatVersion returns a version as a field value. One over [MaxVersion] is written as that.
func FormatVersion(v uint64) string { return strconv.FormatUint(min(v, MaxVersion), 10) }
