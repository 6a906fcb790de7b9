package static_test

import (
	"errors"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/resolver"

	"github.com/freshet-io/freshet/resolver/static"
)

func TestParse(t *testing.T) {
	for _, tt := range []struct {
		name, target, authority string
		addresses               []string
		shared                  bool
	}{
		{"one", "static:///a:1", "a:1", []string{"a:1"}, false},
		{"sorted, and the first as written is the authority", "static:///b.example:2,a.example:1", "b.example:2", []string{"a.example:1", "b.example:2"}, false},
		{"duplicates", "static:///a:1,a:1,A:1", "a:1", []string{"A:1", "a:1"}, false},
		{"duplicates in two spellings", "static:///[0:0::1]:80,[::1]:080", "[::1]:80", []string{"[::1]:80"}, false},
		{"zone", "static:///[fe80::1%25eth0.7]:80", "[fe80::1]:80", []string{"[fe80::1%eth0.7]:80"}, false},
		{"percent-encoded comma", "static:///a:1%2Cb:2", "a:1", []string{"a:1", "b:2"}, false},
		{"without slashes", "static:a:1,b:2", "a:1", []string{"a:1", "b:2"}, false},
		{"without slashes, encoded", "static:a:1%2cb:2", "a:1", []string{"a:1", "b:2"}, false},
		{"upper-case scheme", "STATIC:///a:1", "a:1", []string{"a:1"}, false},
		{"authority", "static:///10.0.0.2:1,10.0.0.1:1?authority=svc.example:443", "svc.example:443", []string{"10.0.0.1:1", "10.0.0.2:1"}, true},
		{"IPv6 authority", "static:///a:1?authority=[::1]", "[::1]", []string{"a:1"}, true},
		{"names with underscore and trailing dot", "static:///my_svc:1,svc.example.:2", "my_svc:1", []string{"my_svc:1", "svc.example.:2"}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := static.Parse(tt.target)
			if err != nil {
				t.Fatalf("Parse(%q): %v", tt.target, err)
			}
			want := static.Target{Addresses: tt.addresses, Authority: tt.authority, Shared: tt.shared}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("Parse(%q), -want +got:\n%s", tt.target, diff)
			}
		})
	}
}

func TestParseNamesEveryFault(t *testing.T) {
	const prefix = `static: target `
	for _, tt := range []struct {
		name, target string
		want         []string // each a fault of its own
	}{
		{"empty list", "static:///", []string{`the list is empty`}},
		{"no path", "static:", []string{`the list is empty`}},
		{"other scheme", "dns:///a:1", []string{`scheme must be "static", got "dns"`}},
		{"two slashes", "static://a/", []string{`nothing may stand between the second and the third slash, got "a"`, `the list is empty`}},
		{"user", "static://me@/a:1", []string{`nothing may stand`}},
		{"fragment", "static:///a:1#x", []string{`a fragment has no meaning here, got "#x"`}},
		{"addresses", "static:///a,:1,b:0,b:65536,b:http,::1,10.0.0.256:1,c..d:1,,[x:1", []string{
			`address 1, "a": must be host:port: missing port in address`,
			`address 2, ":1": host must not be empty`,
			`address 3, "b:0": port must be between 1 and 65535, got "0"`,
			`address 4, "b:65536": port must be between 1 and 65535, got "65536"`,
			`address 5, "b:http": port must be between 1 and 65535, got "http"`,
			`address 6, "::1": must be host:port: too many colons in address`,
			`address 7, "10.0.0.256:1": host "10.0.0.256" is no IPv4 address`,
			`address 8, "c..d:1": host "c..d" must have labels of 1 to 63 letters`,
			`address 9, "": must be host:port, got nothing`,
			`address 10, "[x:1": must be host:port: missing ']' in address`,
		}},
		{"options", "static:///a:1?authorty=x&authority=a&authority=b&x;y=1", []string{
			`unknown option "authorty", known: authority`,
			`option authority must be given once, got 2 times`,
			`options: invalid semicolon separator in query`,
		}},
		{"empty option", "static:///a:1?authority=", []string{`option authority must not be empty`}},
		{"authority", "static:///a:1?authority=me@x", []string{`authority "me@x": host "me@x" must have labels`}},
		{"authority port", "static:///a:1?authority=x:0", []string{`authority "x:0": port must be between 1 and 65535, got "0"`}},
		{"authority IPv6", "static:///a:1?authority=::1", []string{`authority "::1": must be host:port: too many colons`}},
		{"authority zone", "static:///a:1?authority=[fe80::1%25e]", []string{`authority "[fe80::1%e]": must be host or host:port, without percent signs`}},
		{"authority brackets", "static:///a:1?authority=[x]", []string{`authority "[x]": must be host or host:port`}},
		{"several kinds", "static://h/a?x=1", []string{`got "h"`, `unknown option "x"`, `address 1, "a"`}},
		{"not a URL", "static:///%zz", []string{`invalid URL escape "%zz"`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := static.Parse(tt.target)
			if err == nil {
				t.Fatalf("Parse(%q) = %v, want an error", tt.target, got)
			}
			if !strings.HasPrefix(err.Error(), "static: target") || strings.Contains(err.Error(), "\n") {
				t.Errorf("Parse(%q) = %q, want one line that begins with %q", tt.target, err, prefix)
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("Parse(%q) = %q, want %q in it", tt.target, err, want)
				}
			}
			if many, ok := errors.AsType[manyErrors](err); ok && len(many.Unwrap()) != len(tt.want) {
				t.Errorf("Parse(%q) has %d faults, want %d: %q", tt.target, len(many.Unwrap()), len(tt.want), err)
			}
		})
	}
}

type manyErrors interface {
	error
	Unwrap() []error
}

func TestManyFaultsStayOneReadableError(t *testing.T) {
	_, err := static.Parse("static:///" + strings.Repeat("x,", 9_999) + "x")
	if err == nil || !strings.HasSuffix(err.Error(), "; and 9980 more") || len(err.Error()) > 4096 {
		t.Errorf("got %d bytes ending in %.40q, want at most 4096 ending in the number of other faults", len(err.Error()), err.Error()[len(err.Error())-40:])
	}
}

// A state is published within Build, each address an endpoint, and closing or
// asking again publishes nothing.
func TestBuildPublishesEndpoints(t *testing.T) {
	cc := &recorder{}
	r, err := static.NewBuilder().Build(parseURL(t, "static:///b:2,a:1"), cc, resolver.BuildOptions{})
	if err != nil {
		t.Fatal(err)
	}
	r.ResolveNow(resolver.ResolveNowOptions{})
	r.Close()
	a, b := resolver.Address{Addr: "a:1"}, resolver.Address{Addr: "b:2"}
	want := []resolver.State{{
		Addresses: []resolver.Address{a, b},
		Endpoints: []resolver.Endpoint{{Addresses: []resolver.Address{a}}, {Addresses: []resolver.Address{b}}},
	}}
	if diff := cmp.Diff(want, cc.states); diff != "" {
		t.Errorf("states, -want +got:\n%s", diff)
	}
}

// FuzzParse holds that Build and Parse agree, and that what they accept is
// canonical: writing it down again and parsing that gives the same.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"static:///a:1", "static:///[::1]:80,10.0.0.1:443?authority=x.example", "static:a:1%2Cb:2",
		"static:///[fe80::1%25eth0]:1", "static://x/a:1", "static:///?authority=%zz", "static:///a:1;b#c", "x",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := static.Parse(s)
		if u, urlErr := url.Parse(s); urlErr == nil {
			_, buildErr := static.NewBuilder().Build(resolver.Target{URL: *u}, &recorder{}, resolver.BuildOptions{})
			if (err == nil) != (buildErr == nil) || err != nil && err.Error() != buildErr.Error() {
				t.Fatalf("Parse: %v, Build: %v", err, buildErr)
			}
		}
		if err != nil {
			if strings.Contains(err.Error(), "\n") {
				t.Fatalf("error of several lines: %q", err)
			}
			return
		}
		if len(got.Addresses) == 0 || !slices.IsSorted(got.Addresses) || len(slices.Compact(slices.Clone(got.Addresses))) != len(got.Addresses) {
			t.Fatalf("addresses are not a sorted set: %q", got.Addresses)
		}
		again := url.URL{Scheme: "static", Path: "/" + strings.Join(got.Addresses, ","), RawQuery: url.Values{"authority": {got.Authority}}.Encode()}
		got.Shared = true
		if back, err := static.Parse(again.String()); err != nil || !cmp.Equal(got, back) {
			t.Fatalf("%q is parsed as %+v, and what that says as %+v, %v", s, got, back, err)
		}
	})
}

type recorder struct {
	resolver.ClientConn // panics on what is not overridden

	states []resolver.State
}

func (r *recorder) UpdateState(s resolver.State) error {
	r.states = append(r.states, s)
	return nil
}

func parseURL(t *testing.T, s string) resolver.Target {
	t.Helper()
	u, err := url.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return resolver.Target{URL: *u}
}
