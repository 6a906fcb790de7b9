// Package target reads the parts of a target that every scheme of freshet's
// resolvers has in common, so that they are written and refused alike.
//
//	var faults target.Faults
//	t := target.Read(u, "static", &faults)
//	for _, a := range strings.Split(t.Path, ",") {
//		addr, err := target.Address(a)
//		…
//	}
//	return faults.Err("static: target " + target.Quote(u.String()))
//
// A target is a URI (RFC 3986): scheme:///path?option=value. The authority part
// between the second and the third slash names a server that answers name
// queries, which no scheme here has, so that a value there is a slip
// ("static://a:1" for "static:///a:1") and refused. Options stand in the query;
// one that the scheme does not know, that is empty or that is given twice is
// refused, because a misspelt option is otherwise an option silently unset.
//
// Nothing here does I/O, and everything may be called concurrently.
package target

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// Authority is the option that every scheme has: the name that TLS verifies
// and that calls carry as :authority.
const Authority = "authority"

// maxQuoted bounds what an error repeats of a target, in bytes.
const maxQuoted = 256

// Target is a target taken apart.
type Target struct {
	// Path is what the scheme resolves, percent-decoded, without the slash
	// that begins it. Rooted says whether there was one.
	Path   string
	Rooted bool
	// Authority is the option of that name, "" when it is not given.
	Authority string
	// Options are the scheme's own options that were given, each once.
	Options map[string]string
}

// Read takes u apart for a scheme with the given options beside [Authority],
// and adds what is wrong with it to faults.
func Read(u url.URL, scheme string, faults *Faults, options ...string) Target {
	if u.Scheme != scheme {
		faults.Addf("scheme must be %q, got %q", scheme, u.Scheme)
	}
	if u.Host != "" || u.User != nil {
		faults.Addf("nothing may stand between the second and the third slash, got %q: write %s:///…",
			shorten(u.Host), scheme)
	}
	if u.Fragment != "" {
		faults.Addf("a fragment has no meaning here, got %q", shorten("#"+u.Fragment))
	}
	t := Target{Options: map[string]string{}}
	t.Path, t.Rooted = path(u, faults)
	readOptions(&t, u.RawQuery, faults, append(options, Authority))
	if a, ok := t.Options[Authority]; ok {
		delete(t.Options, Authority)
		t.Authority = a
		if err := checkAuthority(a); err != nil {
			faults.Addf("authority %q: %w", shorten(a), err)
		}
	}
	return t
}

// path returns the decoded path of u: that of "scheme:///a" and the opaque part
// of "scheme:a", which the URL parser leaves encoded.
func path(u url.URL, faults *Faults) (path string, rooted bool) {
	if u.Path != "" {
		return strings.CutPrefix(u.Path, "/")
	}
	path, err := url.PathUnescape(u.Opaque)
	if err != nil {
		faults.Addf("path: %w", err)
	}
	return path, false
}

func readOptions(t *Target, query string, faults *Faults, known []string) {
	values, err := url.ParseQuery(query)
	if err != nil {
		faults.Addf("options: %w", err)
	}
	names := make([]string, 0, len(values))
	for name := range values {
		names = append(names, name)
	}
	slices.Sort(names) // the order of a map would make the sentence vary
	slices.Sort(known)
	for _, name := range names {
		switch given := values[name]; {
		case !slices.Contains(known, name):
			faults.Addf("unknown option %q, known: %s", shorten(name), strings.Join(known, ", "))
		case len(given) > 1:
			faults.Addf("option %s must be given once, got %d times", name, len(given))
		case given[0] == "":
			faults.Addf("option %s must not be empty", name)
		default:
			t.Options[name] = given[0]
		}
	}
}

// Quote returns s as an error shows it: quoted, and at most 256 bytes of it.
func Quote(s string) string { return strconv.Quote(shorten(s)) }

func shorten(s string) string {
	if len(s) <= maxQuoted {
		return s
	}
	return s[:maxQuoted] + "…"
}
