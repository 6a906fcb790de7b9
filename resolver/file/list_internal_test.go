package file

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/freshet-io/freshet/resolver/endpoint"
)

// plain returns endpoints of which nothing but the addresses is known.
func plain(list ...[]string) []entry {
	entries := make([]entry, len(list))
	for i, addresses := range list {
		entries[i].addresses = addresses
	}
	return entries
}

func TestParseList(t *testing.T) {
	for _, tt := range []struct {
		name, data string
		want       []entry
	}{
		{"YAML", "endpoints:\n- addresses: ['[::1]:80', 10.0.0.1:80]\n- addresses:\n  - a.example:443\n", plain([]string{"[::1]:80", "10.0.0.1:80"}, []string{"a.example:443"})},
		{"JSON", `{"endpoints":[{"addresses":["b:1"]},{"addresses":["a:1"]}]}`, plain([]string{"a:1"}, []string{"b:1"})},
		{"JSON with tabs", "{\n\t\"endpoints\": [\n\t\t{\"addresses\": [\n\t\t\t\"b:1\"]}]\n}\n", plain([]string{"b:1"})},
		{"IP addresses in one spelling", `{"endpoints":[{"addresses":["[0:0::1]:080"]}]}`, plain([]string{"[::1]:80"})},
		{"comments, markers and a byte order mark", "\ufeff# the fleet\n---\nendpoints: [{addresses: [\"a:1\"]}] # one\n...\n", plain([]string{"a:1"})},
		{"explicit tags", "!!map {endpoints: !!seq [{addresses: [!!str a:1]}]}", plain([]string{"a:1"})},
		{
			"attributes", "endpoints:\n- addresses: [b:1]\n  weight: 100000\n- {zone: eu-1a, priority: 127, addresses: [a:1, a:2]}\n- {addresses: [c:1], priority: 0, weight: 1}\n",
			[]entry{
				{addresses: []string{"a:1", "a:2"}, info: endpoint.Info{Zone: "eu-1a", Priority: 127}},
				{addresses: []string{"b:1"}, weight: 100_000},
				{addresses: []string{"c:1"}, weight: 1},
			},
		},
		{"carriage returns", "endpoints:\r\n- addresses: [\"a:1\"]\r\n", plain([]string{"a:1"})},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := parseList([]byte(tt.data))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got, cmp.AllowUnexported(entry{})); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestParseListNamesEveryFault(t *testing.T) {
	for _, tt := range []struct {
		name, data string
		want       []string
	}{
		{"empty", "", []string{"is empty"}},
		{"comments only", "# nobody\n", []string{"is empty"}},
		{"null", "null\n", []string{"line 1: the file must be a mapping, got nothing"}},
		{"a list", "- a:1\n", []string{"line 1: the file must be a mapping, got a list"}},
		{"null list", "endpoints:\n", []string{"line 1: endpoints must be a list, got nothing"}},
		{"empty list", "endpoints: []\n", []string{"line 1: endpoints must not be empty"}},
		{"cut in a word", "endpo", []string{"line 1: the file must be a mapping, got a string"}},
		{"IPv6 address without quotes", "endpoints:\n- addresses:\n  - [::1]:80\n", []string{"yaml: line"}},
		{"cut JSON", `{"endpoints":[{"addresses":["a:1"]},`, []string{"yaml: line 1:"}},
		{"no fields", "{}\n", []string{"line 1: the file: field endpoints is missing"}},
		{"second document", "endpoints: [{addresses: [\"a:1\"]}]\n---\nx: 1\n", []string{"line 2: a second document"}},
		{"alias", "endpoints: [&a {addresses: [\"a:1\"]}, *a]\n", []string{"endpoints[1] must be a mapping, got an alias"}},
		{"merge", "endpoints: [{<<: {addresses: [\"a:1\"]}}]\n", []string{`endpoints[0]: unknown field "<<", known: addresses, priority, weight, zone`, "field addresses is missing"}},
		{
			"attributes", `endpoints:
- {addresses: [a:1], zone: 1, priority: -1, weight: 0}
- {addresses: [b:1], zone: "", priority: 128, weight: 100001}
- {addresses: [c:1], zone: ~, priority: "1", weight: 1.5}
- {addresses: [d:1], zone: [a], priority: 010, weight: 0x10}
- {addresses: [e:1], zone: ` + strings.Repeat("z", 129) + `, priority: 99999999999999999999, weight: 1, weight: 2}
- {zone: a}
`,
			[]string{
				"line 2: endpoints[0].priority must be between 0 and 127, got \"-1\"",
				"line 2: endpoints[0].weight must be between 1 and 100000, got \"0\"",
				"line 2: endpoints[0].zone must be a string, got a number",
				"line 3: endpoints[1].priority must be between 0 and 127, got \"128\"",
				"line 3: endpoints[1].weight must be between 1 and 100000, got \"100001\"",
				"line 3: endpoints[1].zone must have between 1 and 128 bytes, got 0",
				"line 4: endpoints[2].priority must be a whole number, got a string",
				"line 4: endpoints[2].weight must be a whole number, got a number",
				"line 4: endpoints[2].zone must be a string, got nothing",
				"line 5: endpoints[3].priority must be between 0 and 127, got \"010\"",
				"line 5: endpoints[3].weight must be between 1 and 100000, got \"0x10\"",
				"line 5: endpoints[3].zone must be a string, got a list",
				"line 6: endpoints[4].priority must be",
				"line 6: endpoints[4]: field weight stands already in line 6",
				"line 6: endpoints[4].zone must have between 1 and 128 bytes, got 129",
				"line 7: endpoints[5]: field addresses is missing",
			},
		},
		{"wrong tags", "endpoints: [{addresses: [!!binary YTox]}, !!map [addresses, [\"b:1\"]]]\n", []string{
			`line 1: endpoints[0].addresses[0] must be a string, got a value of type "!!binary"`,
			"line 1: endpoints[1] must be a mapping, got a list",
		}},
		{
			"everything at once", `endpoints:
- addresses: [a:1, a:1]
  wait: 3
- adresses: [b:1]
- addresses: []
- addresses: c:1
- addresses: [7, true, 1.5, ~, 2026-01-02, {}, [x]]
- addresses: ["", b, "b:0"]
- addresses: [d:1]
  addresses: [e:1]
- f:1
version: 2
endpoints: []
`,
			[]string{
				"line 2: endpoints[0].addresses[1]: a:1 stands already in line 2",
				`line 3: endpoints[0]: unknown field "wait", known: addresses, priority, weight, zone`,
				`line 4: endpoints[1]: unknown field "adresses", known: addresses, priority, weight, zone`,
				"line 4: endpoints[1]: field addresses is missing",
				"line 5: endpoints[2].addresses must have between 1 and 16 members, got 0",
				"line 6: endpoints[3].addresses must be a list, got a string",
				"line 7: endpoints[4].addresses[0] must be a string, got a number",
				"line 7: endpoints[4].addresses[1] must be a string, got a boolean",
				"line 7: endpoints[4].addresses[2] must be a string, got a number",
				"line 7: endpoints[4].addresses[3] must be a string, got nothing",
				"line 7: endpoints[4].addresses[4] must be a string, got a date",
				"line 7: endpoints[4].addresses[5] must be a string, got a mapping",
				"line 7: endpoints[4].addresses[6] must be a string, got a list",
				`line 8: endpoints[5].addresses[0], "": must be host:port, got nothing`,
				`line 8: endpoints[5].addresses[1], "b": must be host:port: missing port in address`,
				`line 8: endpoints[5].addresses[2], "b:0": port must be between 1 and 65535, got "0"`,
				"line 10: endpoints[6]: field addresses stands already in line 9",
				"line 11: endpoints[7] must be a mapping, got a string",
				`line 12: the file: unknown field "version", known: endpoints`,
				"line 13: the file: field endpoints stands already in line 1",
			},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := parseList([]byte(tt.data))
			if err == nil {
				t.Fatalf("got %v, want an error", got)
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("got %q, want %q in it", err, want)
				}
			}
			if many, ok := err.(interface{ Unwrap() []error }); ok && len(many.Unwrap()) != len(tt.want) {
				t.Errorf("got %d faults, want %d: %q", len(many.Unwrap()), len(tt.want), err)
			}
		})
	}
}

func TestParseListLimits(t *testing.T) {
	file := func(endpoints, addresses int) []byte {
		var b strings.Builder
		b.WriteString("endpoints:\n")
		for i := range endpoints {
			b.WriteString("- addresses: [h" + fmt.Sprint(i) + ":1")
			for j := range addresses - 1 {
				fmt.Fprintf(&b, ", h%d:%d", i, j+2)
			}
			b.WriteString("]\n")
		}
		return []byte(b.String())
	}
	for _, tt := range []struct {
		name                 string
		endpoints, addresses int
		fault                string
	}{
		{"most endpoints", maxEndpoints, 1, ""},
		{"too many endpoints", maxEndpoints + 1, 1, "endpoints must have at most 10000 members, got 10001"},
		{"most addresses", 1, maxAddresses, ""},
		{"too many addresses", 1, maxAddresses + 1, "endpoints[0].addresses must have between 1 and 16 members, got 17"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := parseList(file(tt.endpoints, tt.addresses))
			if tt.fault == "" {
				if err != nil || len(got) != tt.endpoints {
					t.Errorf("got %d endpoints, %v, want %d", len(got), err, tt.endpoints)
				}
			} else if err == nil || !strings.Contains(err.Error(), tt.fault) {
				t.Errorf("got %v, want %q", err, tt.fault)
			}
		})
	}
}

// FuzzParse holds that no file crashes the client, that a list is sorted, within
// its limits and without a duplicate, and that writing it down again and
// parsing that gives the same list.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"endpoints:\n- addresses: ['[::1]:80', 10.0.0.1:80]\n- addresses:\n  - a.example:443\n",
		`{"endpoints":[{"addresses":["b:1"]},{"addresses":["a:1"]}]}`,
		"endpoints: []", "endpoints: [&a {addresses: [\"a:1\"]}, *a]", "---\n---\n", "{endpoints: !!map [", "\xff\xfe", "? [", "- &x *x",
		"endpoints: [{addresses: [!!str a:1]}]\n", "endpoints: {<<: 1}", "endpoints: [{addresses: [a:1], zone: z, priority: 1, weight: 2}]", "%YAML 1.1\n---\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		list, err := parseList(data)
		if err != nil {
			if err.Error() == "" {
				t.Fatal("an error without a reason")
			}
			return
		}
		if len(list) == 0 || len(list) > maxEndpoints || !slices.IsSortedFunc(list, func(a, b entry) int { return slices.Compare(a.addresses, b.addresses) }) {
			t.Fatalf("not a sorted list of 1 to %d endpoints: %+v", maxEndpoints, list)
		}
		type written struct {
			Addresses []string `json:"addresses"`
			Zone      string   `json:"zone,omitempty"`
			Priority  int      `json:"priority,omitempty"`
			Weight    uint32   `json:"weight,omitempty"`
		}
		var again struct {
			Endpoints []written `json:"endpoints"`
		}
		seen := map[string]bool{}
		for _, e := range list {
			if len(e.addresses) == 0 || len(e.addresses) > maxAddresses {
				t.Fatalf("an endpoint of %d addresses", len(e.addresses))
			}
			if e.info.Priority < 0 || e.info.Priority > maxPriority || e.weight > maxWeight || len(e.info.Zone) > maxZone || e.info.Draining {
				t.Fatalf("out of bounds: %+v", e)
			}
			for _, a := range e.addresses {
				if seen[a] {
					t.Fatalf("%s is there twice", a)
				}
				seen[a] = true
			}
			again.Endpoints = append(again.Endpoints, written{e.addresses, e.info.Zone, e.info.Priority, e.weight})
		}
		text, err := json.Marshal(again)
		if err != nil {
			t.Fatal(err)
		}
		back, err := parseList(text)
		if err != nil || !slices.EqualFunc(list, back, entry.equal) {
			t.Fatalf("%q is parsed as %+v, and what that says as %+v, %v", data, list, back, err)
		}
	})
}
