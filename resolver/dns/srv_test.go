package dns_test

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/freshet-io/freshet/resolver/internal/resolvertest"
)

const (
	srvTarget = "dns+poll:///_grpc._tcp.h"
	srv       = "SRV _grpc._tcp.h"
)

func TestSRV(t *testing.T) {
	for _, tt := range []struct {
		name    string
		records []*net.SRV
		hosts   map[string]any
		want    string
	}{
		{
			"ports, priorities and weights",
			[]*net.SRV{{Target: "b.", Port: 2, Priority: 20, Weight: 7}, {Target: "a.", Port: 1, Priority: 10, Weight: 60}, {Target: "c.", Port: 3, Priority: 10, Weight: 0}},
			map[string]any{"A a.": "10.0.0.1", "A b.": "10.0.0.2", "A c.": "10.0.0.3"},
			"10.0.0.1:1*60 10.0.0.2:2/1 10.0.0.3:3*1",
		},
		{
			"equal weights say nothing",
			[]*net.SRV{{Target: "a.", Port: 1, Weight: 50}, {Target: "b.", Port: 1, Weight: 50}},
			map[string]any{"A a.": "10.0.0.1", "A b.": "10.0.0.2"},
			"10.0.0.1:1 10.0.0.2:1",
		},
		{
			"a server with both families",
			[]*net.SRV{{Target: "a.", Port: 1}, {Target: "b.", Port: 1}},
			map[string]any{"A a.": "10.0.0.1", "AAAA a.": "2001:db8::1", "AAAA b.": "2001:db8::2"},
			"[2001:db8::1]:1|10.0.0.1:1 [2001:db8::2]:1",
		},
		{
			"a name of several servers",
			[]*net.SRV{{Target: "a.", Port: 1, Weight: 3}, {Target: "b.", Port: 2}},
			map[string]any{"A a.": "10.0.0.1 10.0.0.2", "AAAA a.": "2001:db8::1", "A b.": "10.0.0.1"},
			"10.0.0.1:1*3 10.0.0.1:2*1 10.0.0.2:1*3 [2001:db8::1]:1*3",
		},
		{
			"the same server twice: the lowest priority counts",
			[]*net.SRV{{Target: "a.", Port: 1, Priority: 5}, {Target: "b.", Port: 1, Priority: 1}},
			map[string]any{"A a.": "10.0.0.1", "A b.": "10.0.0.1"},
			"10.0.0.1:1",
		},
		{
			"an address for a name",
			[]*net.SRV{{Target: "10.0.0.1.", Port: 1}},
			nil,
			"10.0.0.1:1",
		},
		{
			"a target that does not exist, none at all, and no port",
			[]*net.SRV{{Target: "gone.", Port: 1}, {Target: ".", Port: 1}, {Target: "a.", Port: 0}, {Target: "a.", Port: 1}},
			map[string]any{"A a.": "10.0.0.1"},
			"10.0.0.1:1",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				z := newZone(srv)
				z.set(srv, tt.records)
				for query, answer := range tt.hosts {
					z.set(query, answer)
				}
				_, cc := z.follow(t, srvTarget, 0)
				cc.Want(tt.want)
				reversed := slices.Clone(tt.records)
				slices.Reverse(reversed)
				z.set(srv, reversed)
				resolvertest.Advance(10 * interval)
				cc.Want()
			})
		})
	}
}

func TestSRVQueries(t *testing.T) {
	for _, tt := range []struct {
		target string
		want   []string
	}{
		{srvTarget, []string{srv}},
		{"dns+poll:///h?srv=1", []string{"SRV h"}},
		{srvTarget + "?srv=0", []string{"A _grpc._tcp.h", "AAAA _grpc._tcp.h"}},
		{"dns+poll:///_h", []string{"A _h", "AAAA _h"}},
		{"dns+poll:///_grpc._tcp.h.", []string{srv}},
	} {
		t.Run(tt.target, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				z := newZone("")
				z.follow(t, tt.target, 0)
				if _, asked := z.lookups(); !slices.Equal(asked, tt.want) {
					t.Errorf("got %q, want %q", asked, tt.want)
				}
			})
		})
	}
}

func TestSRVThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		z := newZone(srv)
		z.set(srv, []*net.SRV{{Target: "a.", Port: 1}, {Target: "b.", Port: 1}})
		z.set("A a.", "10.0.0.1")
		z.set("A b.", "10.0.0.2")
		_, cc := z.follow(t, srvTarget, 0)
		cc.Want("10.0.0.1:1 10.0.0.2:1")

		// One name of two fails: its own last addresses stay.
		z.set("A b.", errTimeout)
		z.set("A a.", "10.0.0.3")
		resolvertest.Advance(interval)
		cc.Want("10.0.0.2:1 10.0.0.3:1")

		// The SRV query fails: the last records are resolved.
		z.set(srv, errTimeout)
		z.set("A a.", "10.0.0.4")
		z.set("A b.", "10.0.0.5")
		resolvertest.Advance(interval)
		cc.Want("10.0.0.4:1 10.0.0.5:1")

		// There are no records: an empty answer.
		z.remove(srv)
		resolvertest.Advance(interval)
		z.set(srv, errTimeout)
		resolvertest.Advance(interval)
		cc.Want()
	})
}

// Some name servers' records hold names that are none. The others count.
func TestSRVWithSomeMalformed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		z := malformed{newZone("")}
		z.set("A a.", "10.0.0.1")
		cc := z.followAs(t, z)
		cc.Want("10.0.0.1:1")
	})
}

// A thousand targets are a thousand queries of each family, 16 at a time.
func TestManyTargets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		z := &crowd{zone: newZone(srv)}
		var records []*net.SRV
		for i := range 1000 {
			host := fmt.Sprintf("h%d.", i)
			records = append(records, &net.SRV{Target: host, Port: 1}, &net.SRV{Target: host, Port: 2})
			z.set("A "+host, fmt.Sprintf("10.0.%d.%d", i/256, i%256))
		}
		z.set(srv, records)
		cc := z.followAs(t, z)
		_, states := cc.Drain()
		if len(states) != 1 || len(states[0].Endpoints) != 2000 {
			t.Fatalf("got %d states, want 1 of 2000 endpoints", len(states))
		}
		if _, asked := z.lookups(); len(asked) != 2001 {
			t.Errorf("got %d queries, want 2001", len(asked))
		}
		if z.most != 16 {
			t.Errorf("got %d queries at a time, want 16", z.most)
		}
		if diff := cmp.Diff([]string(nil), logged.Drain("freshet/dns")); diff != "" {
			t.Errorf("logged, -want +got:\n%s", diff)
		}
	})
}

var errMalformed = errors.New("DNS response contained records which contain invalid names")
