package consul_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/resolver"

	"github.com/freshet-io/freshet/resolver/consul"
	"github.com/freshet-io/freshet/resolver/internal/watch/watchtest"
)

func TestParse(t *testing.T) {
	plain := consul.Target{Service: "search", Passing: true, Wait: time.Minute, Hold: time.Minute, ZoneMeta: "zone", Authority: "search.service.consul"}
	with := func(change func(*consul.Target)) consul.Target {
		t := plain
		change(&t)
		return t
	}
	for _, tt := range []struct {
		target string
		want   consul.Target
	}{
		{target: "consul:///search", want: plain},
		{target: "consul:search", want: plain},
		{target: "consul://agent/search", want: with(func(t *consul.Target) { t.Agent = "agent:8500" })},
		{target: "consul://10.0.0.1:8501/search?tls=true", want: with(func(t *consul.Target) { t.Agent, t.TLS = "10.0.0.1:8501", true })},
		{target: "consul://[2001:DB8::1]/search", want: with(func(t *consul.Target) { t.Agent = "[2001:db8::1]:8500" })},
		{target: "consul:///search?tag=b&tag=a&tag=b&dc=eu&near=_agent&ns=n&partition=p", want: with(func(t *consul.Target) {
			t.Tags, t.Datacenter, t.Near, t.Namespace, t.Partition = []string{"a", "b"}, "eu", "_agent", "n", "p"
		})},
		{target: "consul:///search?wait=30s&hold=0s&passing=false&zone_meta=rack&authority=a.example:443", want: with(func(t *consul.Target) {
			t.Wait, t.Hold, t.Passing, t.ZoneMeta, t.Authority = 30*time.Second, 0, false, "rack", "a.example:443"
		})},
		{target: "consul:///my%20service?authority=a", want: with(func(t *consul.Target) { t.Service, t.Authority = "my service", "a" })},
	} {
		t.Run(tt.target, func(t *testing.T) {
			got, err := consul.Parse(tt.target)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestParseFaults(t *testing.T) {
	for _, tt := range []struct {
		target string
		want   []string
	}{
		{target: "consul:///", want: []string{`service must be 1 to 256 bytes of text without '/', got "": write consul://agent:8500/service`}},
		{target: "consul:///a/b", want: []string{"without '/'"}},
		{target: "consul:///a%2Fb", want: []string{"without '/'"}},
		{target: "consul:///my%20service", want: []string{"is no part of a DNS name: give the option authority"}},
		{target: "consul://agent:0/search", want: []string{`agent "agent:0": port must be between 1 and 65535`}},
		{target: "consul://agent:/search", want: []string{`agent "agent:": port must be`}},
		{target: "consul://secret@agent/search?token=secret", want: []string{"user information has no place in a target", `unknown option "token"`}},
		{target: "consul:///search?wait=1ms&hold=25h&passing=maybe&tls=perhaps", want: []string{
			"wait must be between 1s and 10m0s, got 1ms", "hold must be between 0s and 24h0m0s, got 25h0m0s",
			`passing must be true or false, got "maybe"`, `tls must be true or false, got "perhaps"`,
		}},
		{target: "consul:///search?wait=long", want: []string{`wait must be a duration like 1.5s, got "long"`}},
		{target: "consul:///search?tag=&dc=%00", want: []string{`tag must be 1 to 256 bytes of text, got ""`, "dc must be 1 to 256 bytes of text"}},
		{target: "consul:///search?dc=a&dc=b", want: []string{"option dc must be given once, got 2 times"}},
		{target: "consul:///search?%zz", want: []string{"options: invalid URL escape"}},
		{target: "dns:///search", want: []string{`scheme must be "consul"`}},
		{target: "consul://%zz", want: []string{"consul: target: "}},
	} {
		t.Run(tt.target, func(t *testing.T) {
			_, err := consul.Parse(tt.target)
			if err == nil {
				t.Fatal("got no error")
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("got %q, want %q in it", err, want)
				}
			}
			if strings.Contains(err.Error(), "secret") {
				t.Errorf("got %q, which tells a secret", err)
			}
		})
	}
}

func TestOverrideAuthority(t *testing.T) {
	for target, want := range map[string]string{
		"consul://agent/search":                "search.service.consul",
		"consul:///search?authority=a.example": "a.example",
		"consul:///":                           "localhost",
	} {
		u, err := url.Parse(target)
		if err != nil {
			t.Fatal(err)
		}
		if got := consul.NewBuilder().(resolver.AuthorityOverrider).OverrideAuthority(resolver.Target{URL: *u}); got != want {
			t.Errorf("%s: got authority %q, want %q", target, got, want)
		}
	}
}

func TestBadEnvironment(t *testing.T) {
	for address, want := range map[string]string{
		"unix:///run/consul.sock": `CONSUL_HTTP_ADDR must be host:port, http://host:port or https://host:port, got scheme "unix"`,
		"http://":                 "has no host",
		"a b":                     `CONSUL_HTTP_ADDR: agent "a b"`,
	} {
		t.Setenv("CONSUL_HTTP_ADDR", address)
		u, err := url.Parse("consul:///search")
		if err != nil {
			t.Fatal(err)
		}
		_, err = consul.NewBuilder().Build(resolver.Target{URL: *u}, &watchtest.Channel{}, resolver.BuildOptions{})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q in it", address, err, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"consul://127.0.0.1:8500/search?tag=a&tag=b&dc=eu&near=_agent&wait=30s&passing=true",
		"consul:///search?hold=1s&tls=true&zone_meta=z", "consul:search", "consul://u:p@h/%2f?x=%zz#f",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := consul.Parse(s)
		if err != nil {
			if got.Service != "" || !strings.HasPrefix(err.Error(), "consul: ") || len(err.Error()) > 32<<10 {
				t.Fatalf("got %+v with error %q", got, err)
			}
			return
		}
		again, err := consul.Parse((&url.URL{Scheme: "consul", Host: got.Agent, Path: "/" + got.Service, RawQuery: "authority=" + url.QueryEscape(got.Authority)}).String())
		if err != nil || again.Service != got.Service || again.Agent != got.Agent || again.Authority != got.Authority {
			t.Fatalf("%q: %+v is not its own: %+v, %v", s, got, again, err)
		}
	})
}
