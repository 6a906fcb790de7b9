package kubernetes_test

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/freshet-io/freshet/resolver/internal/watch/watchtest"
	"github.com/freshet-io/freshet/resolver/kubernetes"
)

// listOf is a list of slices, each the JSON of one without its metadata.
func listOf(objects ...string) []byte {
	items := make([]string, 0, len(objects))
	for i, o := range objects {
		items = append(items, render(fmt.Sprintf("search-%c", 'a'+i), o, i+1))
	}
	return []byte(`{"items":[` + strings.Join(items, ",") + `]}`)
}

// one is a slice with one endpoint, whose fields beside the address are given.
func one(address, fields string) string {
	return fmt.Sprintf(`{"addressType":"IPv4","endpoints":[{"addresses":[%q]%s}],"ports":[{"name":"grpc","port":50051}]}`, address, fields)
}

func TestMerge(t *testing.T) {
	hinted := func(name, address, zone, hint string) string {
		return one(address, fmt.Sprintf(`,"zone":%q,"hints":{"forZones":[{"name":%q}],"forNodes":[{"name":"n"}]},"targetRef":{"uid":%q}`, zone, hint, name))
	}
	for _, tt := range []struct {
		name    string
		options string
		slices  []string
		want    string
		why     string // of an empty list
		skipped string
	}{
		{name: "no conditions: ready", slices: []string{one("10.0.0.1", "")}, want: "10.0.0.1:50051"},
		{name: "only ready", slices: []string{one("10.0.0.1", `,"conditions":{"ready":true}`)}, want: "10.0.0.1:50051"},
		{name: "not ready", slices: []string{one("10.0.0.1", `,"conditions":{"ready":false}`)}, why: "slices: 1, endpoints in them: 1, none is ready or still serving"},
		{name: "not ready, said to serve", slices: []string{one("10.0.0.1", `,"conditions":{"ready":false,"serving":true}`)}, why: "none is ready"},
		{name: "terminating and serving", slices: []string{pods("IPv4", "p1~=10.0.0.1")}, want: "10.0.0.1:50051~"},
		{name: "terminating, nothing else said", slices: []string{one("10.0.0.1", `,"conditions":{"ready":false,"terminating":true}`)}, want: "10.0.0.1:50051~"},
		{name: "terminating and not serving", slices: []string{one("10.0.0.1", `,"conditions":{"ready":false,"serving":false,"terminating":true}`)}, why: "none is ready"},
		{name: "terminating though ready", slices: []string{one("10.0.0.1", `,"conditions":{"ready":true,"serving":false,"terminating":true}`)}, want: "10.0.0.1:50051~"},
		{name: "terminating is spare", slices: []string{pods("IPv4", "p1~=10.0.0.1 p2=10.0.0.2")}, want: "10.0.0.2:50051"},
		{name: "terminating is marked", options: "?terminating=mark", slices: []string{pods("IPv4", "p1~=10.0.0.1 p2=10.0.0.2")}, want: "10.0.0.2:50051 10.0.0.1:50051~"},
		{name: "terminating=spare", options: "?terminating=spare", slices: []string{pods("IPv4", "p1~=10.0.0.1 p2=10.0.0.2")}, want: "10.0.0.2:50051"},

		{name: "two families", slices: []string{pods("IPv6", "p1=2001:db8::1@eu-1 p2=2001:db8::2"), pods("IPv4", "p1=10.0.0.1@eu-1 p3=10.0.0.3")}, want: "10.0.0.1:50051|[2001:db8::1]:50051@eu-1 [2001:db8::2]:50051 10.0.0.3:50051"},
		{name: "without UID, by name", slices: []string{
			`{"addressType":"IPv6","endpoints":[{"addresses":["2001:db8::1"],"targetRef":{"kind":"Pod","namespace":"shop","name":"p1"}}],"ports":[{"name":"grpc","port":1}]}`,
			`{"addressType":"IPv4","endpoints":[{"addresses":["10.0.0.1"],"targetRef":{"kind":"Pod","namespace":"shop","name":"p1"}}],"ports":[{"name":"grpc","port":1}]}`,
		}, want: "10.0.0.1:1|[2001:db8::1]:1"},
		{name: "in two slices at once", slices: []string{pods("IPv4", "p1!=10.0.0.1 p2=10.0.0.2"), pods("IPv4", "p1=10.0.0.1 p2=10.0.0.2")}, want: "10.0.0.2:50051 10.0.0.1:50051"},
		{name: "in two slices at once, leaving in one", slices: []string{pods("IPv4", "p1=10.0.0.1"), pods("IPv4", "p1~=10.0.0.1")}, want: "10.0.0.1:50051"},
		{name: "names", slices: []string{`{"addressType":"FQDN","endpoints":[{"addresses":["a.example"]}],"ports":[{"name":"grpc","port":1}]}`}, want: "a.example:1"},
		{name: "only the first address has a meaning", slices: []string{`{"addressType":"IPv4","endpoints":[{"addresses":["10.0.0.1","10.0.0.2"]}],"ports":[{"name":"grpc","port":1}]}`}, want: "10.0.0.1:1"},

		{name: "one name, two numbers", slices: []string{
			`{"addressType":"IPv4","endpoints":[{"addresses":["10.0.0.1"]}],"ports":[{"name":"grpc","port":1}]}`,
			`{"addressType":"IPv4","endpoints":[{"addresses":["10.0.0.2"]}],"ports":[{"name":"http","port":3},{"name":"grpc","port":2}]}`,
		}, want: "10.0.0.1:1 10.0.0.2:2"},
		{name: "UDP is no port", slices: []string{`{"addressType":"IPv4","endpoints":[{"addresses":["10.0.0.1"]}],"ports":[{"name":"grpc","protocol":"UDP","port":1}]}`}, skipped: `search-a: no port is called "grpc", known: none`, why: "no port is called"},
		{name: "a slice that holds the place", slices: []string{`{"addressType":"IPv4","endpoints":null,"ports":null}`}, why: "slices: 1, endpoints in them: 0"},
		{name: "one slice is wrong", slices: []string{
			pods("IPv4", "p1=10.0.0.1"),
			`{"addressType":"IPX","endpoints":[{"addresses":["x"]}]}`,
			`{"addressType":"IPv4","endpoints":[{"addresses":[]},{"addresses":["2001:db8::1"]},{"addresses":["x"]},{"addresses":["10.0.0.9"]}],"ports":[{"name":"grpc","port":1}]}`,
			`{"addressType":"IPv6","endpoints":[{"addresses":["::ffff:10.0.0.1"]}],"ports":[{"name":"grpc","port":1}]}`,
			`{"addressType":"FQDN","endpoints":[{"addresses":["10.0.0.1"]},{"addresses":["a b"]}],"ports":[{"name":"grpc","port":1}]}`,
		}, want: "10.0.0.1:50051 10.0.0.9:1", skipped: "search-b: addressType must be IPv4, IPv6 or FQDN, got \"IPX\"; search-c: endpoints[0]: has no address; search-c: endpoints[1]: \"2001:db8::1\": is no IPv4 address"},

		{name: "hints are not heeded", slices: []string{hinted("p1", "10.0.0.1", "eu-1", "eu-2"), hinted("p2", "10.0.0.2", "eu-2", "eu-1")}, want: "10.0.0.1:50051@eu-1 10.0.0.2:50051@eu-2"},
		{name: "unless the zone is told", options: "?zone=eu-1", slices: []string{hinted("p1", "10.0.0.1", "eu-1", "eu-2"), hinted("p2", "10.0.0.2", "eu-2", "eu-1")}, want: "10.0.0.1:50051@eu-1^1 10.0.0.2:50051@eu-2"},
		{name: "one has no hint", options: "?zone=eu-1", slices: []string{hinted("p1", "10.0.0.1", "eu-1", "eu-2"), one("10.0.0.2", "")}, want: "10.0.0.1:50051@eu-1 10.0.0.2:50051"},
		{name: "none is for this zone", options: "?zone=eu-3", slices: []string{hinted("p1", "10.0.0.1", "eu-1", "eu-2")}, want: "10.0.0.1:50051@eu-1"},
		{name: "no slices", why: "is there such a Service?"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			parsed, err := kubernetes.Parse("kubernetes:///search.shop:grpc" + tt.options)
			if err != nil {
				t.Fatal(err)
			}
			list, why, skipped := kubernetes.Merge(parsed, listOf(tt.slices...))
			if got := watchtest.Describe(list); got != tt.want {
				t.Errorf("endpoints: got %q, want %q", got, tt.want)
			}
			if (why == "") != (tt.why == "") || !strings.Contains(why, tt.why) {
				t.Errorf("why empty: got %q, want %q", why, tt.why)
			}
			text := ""
			if skipped != nil {
				text = skipped.Error()
			}
			if (text == "") != (tt.skipped == "") || !strings.Contains(text, tt.skipped) {
				t.Errorf("left out: got %q, want %q", text, tt.skipped)
			}
		})
	}
}

func TestPorts(t *testing.T) {
	const two = `[{"name":"grpc","port":50051},{"name":"metrics","port":9090}]`
	for _, tt := range []struct{ name, port, ports, want string }{
		{name: "name", port: ":metrics", ports: two, want: "9090"},
		{name: "number", port: ":50051", ports: two, want: "50051"},
		{name: "number with zeros", port: ":050051", ports: two, want: "50051"},
		{name: "the Service's own number", port: ":80", ports: two, want: `no pod has port 80, known: "grpc" (50051), "metrics" (9090); a Service's own port is reached by its name`},
		{name: "unknown name", port: ":http", ports: two, want: `no port is called "http", known: "grpc" (50051), "metrics" (9090)`},
		{name: "none of two", ports: two, want: `the target must name one of its ports, "grpc" (50051), "metrics" (9090)`},
		{name: "none of one", ports: `[{"port":1}]`, want: "1"},
		{name: "none of one beside UDP", ports: `[{"name":"quic","protocol":"UDP","port":2},{"port":1,"protocol":"TCP"}]`, want: "1"},
		{name: "no ports, number", port: ":7", ports: `null`, want: "7"},
		{name: "no ports, name", port: ":grpc", ports: `[]`, want: "known: none"},
		{name: "all ports", port: ":7", ports: `[{"port":null}]`, want: "7"},
		{name: "all ports, name", port: ":grpc", ports: `[{"name":"grpc"}]`, want: "known: none"},
		{name: "impossible number", port: ":grpc", ports: `[{"name":"grpc","port":70000}]`, want: "known: none"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			parsed, err := kubernetes.Parse("kubernetes:///search.shop" + tt.port)
			if err != nil {
				t.Fatal(err)
			}
			list, _, skipped := kubernetes.Merge(parsed, listOf(`{"addressType":"IPv4","endpoints":[{"addresses":["10.0.0.1"]}],"ports":`+tt.ports+`}`))
			got := strings.TrimPrefix(watchtest.Describe(list), "10.0.0.1:")
			if skipped != nil {
				got = skipped.Error()
			}
			if got != tt.want && (skipped == nil || !strings.Contains(got, tt.want)) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func FuzzMerge(f *testing.F) {
	f.Add(listOf(pods("IPv4", "p1=10.0.0.1@eu p2~=10.0.0.2"), pods("IPv6", "p1=2001:db8::1")), true)
	f.Add(listOf(one("10.0.0.1", ""), one("10.0.0.1", `,"conditions":{"ready":false,"terminating":true}`)), false)
	f.Add([]byte(`{"items":[null,{"addressType":"FQDN","endpoints":[{"addresses":["a.example"]}],"ports":[{"port":1}]}]}`), false)
	f.Fuzz(func(t *testing.T, data []byte, mark bool) {
		list, why, skipped := kubernetes.Merge(kubernetes.Target{Service: "search", MarkTerminating: mark, Zone: "eu"}, data)
		if !json.Valid(data) && len(list) > 0 {
			t.Fatalf("endpoints of what is no JSON: %s", watchtest.Describe(list))
		}
		for _, e := range list {
			if len(e.Addresses) == 0 {
				t.Fatal("an endpoint without an address")
			}
			for _, a := range e.Addresses {
				if _, err := netip.ParseAddrPort(a.Addr); err != nil && !strings.Contains(string(data), "FQDN") {
					t.Fatalf("address %q is none", a.Addr)
				}
			}
		}
		if len(list) > 0 && why != "" {
			t.Fatalf("a reason why %d endpoints are none: %s", len(list), why)
		}
		again, _, skippedAgain := kubernetes.Merge(kubernetes.Target{Service: "search", MarkTerminating: mark, Zone: "eu"}, data)
		if watchtest.Describe(list) != watchtest.Describe(again) || fmt.Sprint(skipped) != fmt.Sprint(skippedAgain) {
			t.Fatalf("two lists of one answer: %s, %s", watchtest.Describe(list), watchtest.Describe(again))
		}
	})
}
