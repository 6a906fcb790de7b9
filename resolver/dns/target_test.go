package dns_test

import (
	"net"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/resolver"

	"github.com/freshet-io/freshet/resolver/dns"
	"github.com/freshet-io/freshet/resolver/internal/resolvertest"
)

func TestParse(t *testing.T) {
	defaults := dns.Target{Interval: 30 * time.Second, MinInterval: 5 * time.Second, Timeout: 10 * time.Second, Jitter: 0.2}
	with := func(change func(*dns.Target)) dns.Target {
		t := defaults
		change(&t)
		return t
	}
	for _, tt := range []struct {
		name, target string
		want         dns.Target
	}{
		{"host and port", "dns+poll:///a.example:80", with(func(t *dns.Target) { t.Host, t.Port, t.Authority = "a.example", "80", "a.example:80" })},
		{"without a port", "dns+poll:///a.example", with(func(t *dns.Target) { t.Host, t.Port, t.Authority = "a.example", "443", "a.example" })},
		{"port 443 as written", "dns+poll:///a.example:443", with(func(t *dns.Target) { t.Host, t.Port, t.Authority = "a.example", "443", "a.example:443" })},
		{"fully qualified", "dns+poll:///a.example.:80", with(func(t *dns.Target) { t.Host, t.Port, t.Authority = "a.example.", "80", "a.example:80" })},
		{"no slashes", "dns+poll:a.example:80", with(func(t *dns.Target) { t.Host, t.Port, t.Authority = "a.example", "80", "a.example:80" })},
		{"IPv6 address", "dns+poll:///[::0:1]", with(func(t *dns.Target) { t.Host, t.Port, t.Authority = "::1", "443", "[::1]" })},
		{"IPv6 address with zone and port", "dns+poll:///[fe80::1%25eth0]:80", with(func(t *dns.Target) { t.Host, t.Port, t.Authority = "fe80::1%eth0", "80", "[fe80::1]:80" })},
		{"name server", "dns+poll://8.8.8.8/a", with(func(t *dns.Target) { t.Host, t.Port, t.Authority, t.Server = "a", "443", "a", "8.8.8.8:53" })},
		{"name server with port", "dns+poll://dns.example:5353/a", with(func(t *dns.Target) { t.Host, t.Port, t.Authority, t.Server = "a", "443", "a", "dns.example:5353" })},
		{"IPv6 name server", "dns+poll://[2001:db8::1]/a", with(func(t *dns.Target) { t.Host, t.Port, t.Authority, t.Server = "a", "443", "a", "[2001:db8::1]:53" })},
		{"SRV by name", "dns+poll:///_grpc._tcp.a.example", with(func(t *dns.Target) { t.Host, t.SRV, t.Authority = "_grpc._tcp.a.example", true, "a.example" })},
		{"SRV by option", "dns+poll:///a.example.?srv=1", with(func(t *dns.Target) { t.Host, t.SRV, t.Authority = "a.example.", true, "a.example" })},
		{"no SRV by option", "dns+poll:///_grpc._tcp.a.example:80?srv=0", with(func(t *dns.Target) {
			t.Host, t.Port, t.Authority = "_grpc._tcp.a.example", "80", "_grpc._tcp.a.example:80"
		})},
		{"authority", "dns+poll:///_grpc._tcp.a.example?authority=b.example:1", with(func(t *dns.Target) { t.Host, t.SRV, t.Authority = "_grpc._tcp.a.example", true, "b.example:1" })},
		{
			"options", "dns+poll:///a?interval=1m&min_interval=2s&timeout=100ms&jitter=1&empty=drop",
			dns.Target{Host: "a", Port: "443", Authority: "a", Interval: time.Minute, MinInterval: 2 * time.Second, Timeout: 100 * time.Millisecond, Jitter: 1, DropEmpty: true},
		},
		{"an interval below min_interval", "dns+poll:///a?interval=1s&empty=keep&jitter=0", dns.Target{
			Host: "a", Port: "443", Authority: "a", Interval: time.Second, MinInterval: time.Second, Timeout: 10 * time.Second,
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := dns.Parse(tt.target)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("Parse(%q), -want +got:\n%s", tt.target, diff)
			}
			if got := dns.NewBuilder().(resolver.AuthorityOverrider).OverrideAuthority(resolvertest.Target(t, tt.target)); got != tt.want.Authority {
				t.Errorf("OverrideAuthority: got %q, want %q", got, tt.want.Authority)
			}
		})
	}
}

func TestParseNamesEveryFault(t *testing.T) {
	for _, tt := range []struct {
		name, target string
		want         []string
	}{
		{"no host", "dns+poll:///", []string{"must name a host, want dns+poll:///host:port"}},
		{"two slashes", "dns+poll://a:80", []string{"must name a host"}},
		{"port", "dns+poll:///a:0", []string{`"a:0": port must be between 1 and 65535`}},
		{"empty port", "dns+poll:///a:", []string{`"a:": port must be between 1 and 65535, got ""`}},
		{"no host before the port", "dns+poll:///:80", []string{"host must not be empty"}},
		{"port with SRV", "dns+poll:///_a._tcp.b:80", []string{"must be a name without a port for SRV records"}},
		{"address with SRV", "dns+poll:///10.0.0.1?srv=1", []string{`"10.0.0.1": an IP address has no SRV records`}},
		{"path", "dns+poll:///a/b", []string{`"a/b": host "a/b" must have labels`}},
		{"name server", "dns+poll://a:b:c/x", []string{"invalid port"}},
		{"name server's name", "dns+poll://a!/x", []string{`name server "a!": host "a!" must have labels`}},
		{"user", "dns+poll://u:secret@a/x", []string{"user information has no place in a target"}},
		{"authority", "dns+poll:///a?authority=b%2F", []string{`authority "b/"`}},
		{"interval too short", "dns+poll:///a?interval=999ms", []string{"interval must be between 1s and 24h0m0s, got 999ms"}},
		{"min_interval above the interval", "dns+poll:///a?interval=2s&min_interval=3s", []string{"min_interval must be between 1s and 2s, got 3s"}},
		{
			"options", "dns+poll:///a?interval=x&jitter=NaN&timeout=0s&empty=no&srv=yes&min_interval=0s&poll=1", []string{
				`unknown option "poll", known: authority, empty, interval, jitter, min_interval, srv, timeout`,
				`interval must be a duration like 1.5s, got "x"`, "min_interval must be between", "timeout must be between 100ms and 5m0s, got 0s",
				`jitter must be a number between 0 and 1, got "NaN"`, `empty must be keep or drop, got "no"`, `srv must be 0 or 1, got "yes"`,
			},
		},
		{"scheme", "dns:///a#f", []string{`scheme must be "dns+poll", got "dns"`, `a fragment has no meaning here, got "#f"`}},
		{"not a URL", "dns+poll:///%zz", []string{`invalid URL escape "%zz"`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := dns.Parse(tt.target)
			if err == nil {
				t.Fatalf("Parse(%q) = %+v, want an error", tt.target, got)
			}
			for _, want := range append(tt.want, "dns: target") {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("Parse(%q) = %q, want %q in it", tt.target, err, want)
				}
			}
			if got, want := strings.Count(err.Error(), "; ")+1, len(tt.want); got != want {
				t.Errorf("Parse has %d faults, want %d: %q", got, want, err)
			}
			if strings.Contains(err.Error(), "secret") {
				t.Errorf("the error holds a password: %q", err)
			}
		})
	}
	if got := dns.NewBuilder().(resolver.AuthorityOverrider).OverrideAuthority(resolvertest.Target(t, "dns+poll:///a:0")); got != "localhost" {
		t.Errorf("the authority of a bad target: got %q, want localhost", got)
	}
}

// FuzzTarget holds that what Parse accepts is within its limits, that an
// authority is one, and that Build refuses the rest with the same sentence.
func FuzzTarget(f *testing.F) {
	for _, seed := range []string{
		"dns+poll:///a.example:80?interval=10s", "dns+poll://[2001:db8::1]:53/_grpc._tcp.a.example?authority=b", "dns+poll:///[fe80::1%25eth0.7]:1",
		"dns+poll:a", "dns+poll://x/?srv=1", "dns+poll:///a..b", "dns+poll:///_a._b..", "dns+poll:///::1", "dns+poll:///[a]", "dns+poll:///a?jitter=1e-9&min_interval=1s",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := dns.Parse(s)
		if err != nil {
			u, urlErr := url.Parse(s)
			if urlErr != nil {
				return
			}
			_, buildErr := dns.NewBuilder().Build(resolver.Target{URL: *u}, nil, resolver.BuildOptions{})
			if buildErr == nil || buildErr.Error() != err.Error() || strings.Contains(err.Error(), "\n") {
				t.Fatalf("Parse: %v, Build: %v", err, buildErr)
			}
			return
		}
		switch {
		case got.Interval < time.Second || got.Interval > 24*time.Hour || got.MinInterval < time.Second || got.MinInterval > got.Interval,
			got.Timeout < 100*time.Millisecond || got.Timeout > 5*time.Minute || !(got.Jitter >= 0 && got.Jitter <= 1):
			t.Fatalf("Parse(%q) = %+v: out of bounds", s, got)
		case got.Host == "" || got.Authority == "" || (got.Port == "") != got.SRV || strings.ContainsAny(got.Authority, "%/ \n"):
			t.Fatalf("Parse(%q) = %+v", s, got)
		}
		if _, _, err := net.SplitHostPort(got.Server); got.Server != "" && err != nil {
			t.Fatalf("Parse(%q): name server %q: %v", s, got.Server, err)
		}
		if _, err := netip.ParseAddr(got.Host); err == nil && got.SRV {
			t.Fatalf("Parse(%q): SRV records of an address", s)
		}
	})
}
