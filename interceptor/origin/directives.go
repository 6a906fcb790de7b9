package origin

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"

	"github.com/freshet-io/freshet/cachepolicy/wire"
)

// SetCacheControl says how the reply may be reused, in the directives of
// cache-control (RFC 9111 section 5.2.2): "max-age=30", "no-store", "private".
// It takes the place of what the method's rule says; a call for a method without
// a rule, or one that fails, says it too. The last call counts; "" takes it
// back. Clients hear a lifetime that shortens their rule's, never one that
// lengthens it past max_age.
//
// A lifetime that the reply owes to a downstream reply still shortens it. The
// same key set by grpc.SetHeader or grpc.SetTrailer is sent beside it, and
// readers heed the more restrictive of the two. (An rpc-cache-control set so
// replaces both for freshet's caches, and with them every limit that the reply
// owes to others.)
//
// The error names every directive that is malformed or not in IANA's registry,
// or says that ctx belongs to no call or to one that has ended. Handlers may
// call it from several goroutines.
func SetCacheControl(ctx context.Context, directives string) error {
	d, err := parseDirectives(directives)
	if err != nil {
		return err
	}
	return within(ctx, func(c *call) error {
		c.said = d
		return nil
	})
}

// directives are what a handler says of its reply.
type directives struct {
	heeded wire.Response
	others []string // registered, and heeded by other readers
}

// parseDirectives reads a handler's directives, nil for none. Readers ignore
// what they do not know; from a handler it is an error, being a slip of the pen
// that would lose a restriction.
func parseDirectives(text string) (*directives, error) {
	heeded, err := wire.ParseResponse([]string{text})
	if err != nil {
		return nil, fmt.Errorf("origin: SetCacheControl: %w", err)
	}
	d := &directives{heeded: heeded}
	var errs []error
	n := 0
	for member := range members(text) {
		n++
		name, _, _ := strings.Cut(member, "=")
		switch name = strings.ToLower(name); name {
		case "max-age", "s-maxage", "stale-if-error", "stale-while-revalidate", "no-store", "no-cache", "private", "public",
			"must-revalidate", "proxy-revalidate":
		case "immutable", "must-understand", "no-transform":
			d.others = append(d.others, name)
		default:
			errs = append(errs, fmt.Errorf("origin: SetCacheControl: %q is no directive of a reply", name))
		}
	}
	if err := errors.Join(errs...); err != nil || n == 0 {
		return nil, err
	}
	return d, nil
}

// members splits a well-formed list at its commas, not at those within quotes.
func members(text string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for start, quoted := 0, false; start <= len(text); {
			end := start
			for ; end < len(text) && (quoted || text[end] != ','); end++ {
				switch {
				case text[end] == '"':
					quoted = !quoted
				case quoted && text[end] == '\\':
					end++
				}
			}
			if m := strings.Trim(text[start:end], " \t"); m != "" && !yield(m) {
				return
			}
			start = end + 1
		}
	}
}

// text returns what is said beside r, the heeded ones as they stand now.
func (d *directives) text(r wire.Response) string {
	parts := make([]string, 0, 4)
	if s := r.String(); s != "" {
		parts = append(parts, s)
	}
	if d != nil {
		parts = append(parts, d.others...)
	}
	return strings.Join(parts, ", ")
}
