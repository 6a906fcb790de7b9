package wire

import "strings"

// directive is one member of a cache-control list.
type directive struct {
	name string
	arg  string // without its quotes, escapes removed
	form argForm
}

// argForm is how a directive's argument is written.
type argForm uint8

const (
	noArg argForm = iota
	tokenArg
	quotedArg
)

// scanner reads the members of a cache-control field, RFC 9111 section 5.2:
//
//	Cache-Control   = #cache-directive
//	cache-directive = token [ "=" ( token / quoted-string ) ]
//
// Every value of the key is a list by itself, so a quote left open in one does
// not swallow the next.
type scanner struct {
	values []string
	rest   string
	count  int
	bad    string // where the grammar was broken
	failed bool
}

// overSize stands in an error for a text that is too long to look at.
const overSize = "more than the limits allow"

func newScanner(values []string) scanner {
	s := scanner{values: values}
	if size(values) > MaxFieldBytes {
		s.fail(overSize)
	}
	return s
}

func size(values []string) int {
	n := 0
	for _, v := range values {
		n += len(v) + 1
	}
	return n
}

func (s *scanner) fail(at string) bool {
	s.bad, s.failed = at, true
	return false
}

// next reads one member into d. It returns false at the end and at the first
// break of the grammar, which failed tells apart.
func (s *scanner) next(d *directive) bool {
	if s.failed {
		return false
	}
	for {
		// "a recipient MUST parse and ignore a reasonable number of empty list
		// elements" (RFC 9110 section 5.6.1.2)
		s.rest = strings.TrimLeft(s.rest, " \t,")
		if s.rest != "" {
			break
		}
		if len(s.values) == 0 {
			return false
		}
		s.rest, s.values = s.values[0], s.values[1:]
	}
	if s.count++; s.count > MaxDirectives {
		return s.fail(overSize)
	}
	start := s.rest
	d.name, d.arg, d.form = s.token(), "", noArg
	if d.name == "" {
		return s.fail(start)
	}
	if strings.HasPrefix(s.rest, "=") {
		s.rest = s.rest[1:]
		if !s.argument(d) {
			return s.fail(start)
		}
	}
	s.rest = strings.TrimLeft(s.rest, " \t")
	if s.rest != "" && s.rest[0] != ',' {
		return s.fail(start)
	}
	return true
}

func (s *scanner) argument(d *directive) bool {
	if strings.HasPrefix(s.rest, `"`) {
		d.form = quotedArg
		return s.quoted(d)
	}
	d.form, d.arg = tokenArg, s.token()
	return d.arg != ""
}

// quoted reads RFC 9110 section 5.6.4's quoted-string. Bytes over 0x7f, which
// that grammar still allows as obs-text, are refused: metadata has none.
func (s *scanner) quoted(d *directive) bool {
	text := s.rest[1:]
	escaped := false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"':
			d.arg, s.rest = text[:i], text[i+1:]
			if escaped {
				d.arg = unescape(d.arg)
			}
			return true
		case c == '\\':
			escaped = true
			i++
			if i == len(text) || !quotable(text[i]) {
				return false
			}
		case !quotable(c):
			return false
		}
	}
	return false
}

func quotable(c byte) bool { return c == '\t' || c >= ' ' && c < 0x7f }

func unescape(s string) string {
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' {
			i++
		}
		b = append(b, s[i])
	}
	return string(b)
}

// token reads the longest token, "" if there is none.
func (s *scanner) token() string {
	i := 0
	for i < len(s.rest) && tokenByte[s.rest[i]] {
		i++
	}
	t := s.rest[:i]
	s.rest = s.rest[i:]
	return t
}

// tokenByte is RFC 9110 section 5.6.2's tchar.
var tokenByte = func() (is [256]bool) {
	const tchars = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	for i := range len(tchars) {
		is[tchars[i]] = true
	}
	return is
}()

func isToken(s string) bool {
	for i := range len(s) {
		if !tokenByte[s[i]] {
			return false
		}
	}
	return s != ""
}
