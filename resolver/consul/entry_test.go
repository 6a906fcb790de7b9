package consul_test

import (
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/freshet-io/freshet/resolver/consul"
	"github.com/freshet-io/freshet/resolver/internal/watch/watchtest"
)

func TestAnswer(t *testing.T) {
	entry := func(node, service, checks string) string {
		return `[{"Node":{` + node + `},"Service":{"ID":"s1"` + service + `},"Checks":[` + checks + `]}]`
	}
	const node = `"Address":"192.0.2.1"`
	for _, tt := range []struct{ name, options, body, want, why, skipped string }{
		{name: "address of the service", body: entry(node, `,"Address":"10.0.0.1","Port":1`, ""), want: "10.0.0.1:1"},
		{name: "address of the node", body: entry(node, `,"Address":"","Port":1`, ""), want: "192.0.2.1:1"},
		{name: "IPv6", body: entry(node, `,"Address":"2001:DB8::1","Port":1`, ""), want: "[2001:db8::1]:1"},
		{name: "name", body: entry(node, `,"Address":"a.example","Port":1`, ""), want: "a.example:1"},
		{name: "no address", body: entry(`"Address":""`, `,"Port":1`, ""), skipped: `instance "s1": neither it nor its node has an address`, why: "neither"},
		{name: "no port", body: entry(node, `,"Address":"10.0.0.1"`, ""), skipped: `instance "s1": address "10.0.0.1": port must be between 1 and 65535, got "0"`, why: "port"},
		{name: "nothing", body: `[]`, why: "no instance that is passing"},
		{name: "null", body: `null`, why: "no instance that is passing"},
		{name: "empty entry", body: `[{}]`, skipped: "has an address", why: "has an address"},

		{name: "warning is out", body: instances("10.0.0.1:1 10.0.0.2:1? 10.0.0.3:1!"), want: "10.0.0.1:1"},
		{name: "warning is in", options: "?passing=false", body: instances("10.0.0.1:1 10.0.0.2:1? 10.0.0.3:1!"), want: "10.0.0.1:1 10.0.0.2:1"},
		{name: "only critical", options: "?passing=false", body: instances("10.0.0.3:1!"), why: "no instance that is passing or warning, of 1"},
		{name: "unknown status", options: "?passing=false", body: entry(node, `,"Port":1`, `{"CheckID":"a","Status":"sleepy"}`), why: "no instance"},
		{name: "node in maintenance", options: "?passing=false", body: entry(node, `,"Port":1`, `{"CheckID":"_node_maintenance","Status":"passing"}`), why: "no instance"},
		{name: "service in maintenance", options: "?passing=false", body: entry(node, `,"Port":1`, `{"CheckID":"_service_maintenance:s1","Status":"critical"}`), why: "no instance"},

		{name: "weight", body: entry(node, `,"Port":1,"Weights":{"Passing":10,"Warning":3}`, ""), want: "192.0.2.1:1*10"},
		{name: "weight of a warning", options: "?passing=false", body: entry(node, `,"Port":1,"Weights":{"Passing":10,"Warning":3}`, `{"Status":"warning"}`), want: "192.0.2.1:1*3"},
		{name: "warning of no weight", options: "?passing=false", body: entry(node, `,"Port":1,"Weights":{"Passing":10,"Warning":0}`, `{"Status":"warning"}`), why: "no instance"},
		{name: "odd weights", body: entry(node, `,"Port":1,"Weights":{"Passing":-4}`, ""), want: "192.0.2.1:1*1"},
		{name: "large weight", body: entry(node, `,"Port":1,"Weights":{"Passing":9000000}`, ""), want: "192.0.2.1:1*65535"},

		{name: "zone of the service", body: entry(node+`,"Locality":{"Zone":"n"},"Meta":{"zone":"m"}`, `,"Port":1,"Locality":{"Region":"eu","Zone":"s"},"Meta":{"zone":"t"}`, ""), want: "192.0.2.1:1@s"},
		{name: "zone of the node", body: entry(node+`,"Locality":{"Region":"eu","Zone":"n"},"Meta":{"zone":"m"}`, `,"Port":1,"Meta":{"zone":"t"}`, ""), want: "192.0.2.1:1@n"},
		{name: "zone of the service's metadata", body: entry(node+`,"Meta":{"zone":"m"}`, `,"Port":1,"Meta":{"zone":"t"}`, ""), want: "192.0.2.1:1@t"},
		{name: "zone of the node's metadata", body: entry(node+`,"Meta":{"zone":"m"}`, `,"Port":1,"Meta":null`, ""), want: "192.0.2.1:1@m"},
		{name: "another key", options: "?zone_meta=rack", body: entry(node+`,"Meta":{"zone":"m","rack":"r"}`, `,"Port":1`, ""), want: "192.0.2.1:1@r"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			parsed, err := consul.Parse("consul:///search" + tt.options)
			if err != nil {
				t.Fatal(err)
			}
			list, why, skipped := consul.Answer(parsed, []byte(tt.body))
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

// An instance that is registered twice is the same in whatever order it comes,
// and well if one of the two is.
func TestInstancesRegisteredTwice(t *testing.T) {
	entry := func(id string, weight int, status string) string {
		return fmt.Sprintf(`{"Node":{"Address":"n"},"Service":{"ID":%q,"Address":"10.0.0.1","Port":1,"Weights":{"Passing":%d,"Warning":%d}},"Checks":[{"Status":%q}]}`, id, weight, weight, status)
	}
	parsed, err := consul.Parse("consul:///search?passing=false")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ one, other, want string }{
		{one: entry("a", 7, "passing"), other: entry("b", 9, "passing"), want: "10.0.0.1:1*7"},
		{one: entry("a", 7, "warning"), other: entry("b", 9, "passing"), want: "10.0.0.1:1*9"},
	} {
		for _, body := range []string{"[" + tt.one + "," + tt.other + "]", "[" + tt.other + "," + tt.one + "]"} {
			list, _, _ := consul.Answer(parsed, []byte(body))
			if len(list) == 0 {
				t.Fatalf("%s: got no endpoint", body)
			}
			if got := watchtest.Describe(list[:1]); got != tt.want { // of equal addresses the first is published
				t.Errorf("%s: got %q first, want %q", body, got, tt.want)
			}
		}
	}
}

func FuzzAnswer(f *testing.F) {
	f.Add([]byte(instances("10.0.0.1:1 10.0.0.2:1? 10.0.0.3:1!")), true)
	f.Add([]byte(`[{"Node":{"Address":"a.example","Locality":{"Zone":"z"}},"Service":{"Port":1,"Weights":{"Passing":3}},"Checks":null}]`), false)
	f.Fuzz(func(t *testing.T, body []byte, passing bool) {
		list, why, _ := consul.Answer(consul.Target{Passing: passing, ZoneMeta: "zone"}, body)
		for _, e := range list {
			if len(e.Addresses) != 1 {
				t.Fatalf("an endpoint with addresses %v", e.Addresses)
			}
			if host, port, err := net.SplitHostPort(e.Addresses[0].Addr); err != nil || host == "" || port == "" || port == "0" {
				t.Fatalf("address %q is none", e.Addresses[0].Addr)
			}
		}
		if len(list) > 0 && why != "" {
			t.Fatalf("a reason why %d endpoints are none: %s", len(list), why)
		}
	})
}
